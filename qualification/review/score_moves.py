"""What moved the grade of a lead: the lines that differ between the score it had and the one it
got, computed anew as of the moments of both. Called by a piece of the journey.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from qualification.exceptions import NothingRecorded
from qualification.models import ScoreMove
from qualification.review.past import LineChange, changes_between
from qualification.scoring.ledger import ledger_of


@dataclass(frozen=True)
class Reasons:
    """The changes that add up to the move, the largest first. Not `is_exact`: the score of one of
    the moments comes out otherwise today, as after a merge."""

    changes: tuple[LineChange, ...]
    is_exact: bool


def reasons_of(move: ScoreMove) -> Reasons | None:
    """Why the grade moved, of the first score all its lines; None where nothing is left to tell it
    from: the person was erased."""
    if move.lead.erased_at is not None:
        return None
    try:
        after = ledger_of(move.lead_id, model=move.model, as_of=move.at)
        before = replace(after, lines=())
        is_exact = after.total_tenths == move.total_tenths
        if move.was_model is not None and move.was_at is not None:
            before = ledger_of(move.lead_id, model=move.was_model, as_of=move.was_at)
            is_exact = is_exact and before.total_tenths == move.was_total_tenths
    except NothingRecorded:
        return None
    changes = sorted(changes_between(before, after), key=lambda one: -abs(one.delta_tenths))
    return Reasons(changes=tuple(changes), is_exact=is_exact)
