"""What moved the grade of a lead: the lines that differ between the score it had and the one it
got, computed anew as of the moments of both. Called by a piece of the journey.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from qualification.exceptions import NothingRecorded
from qualification.models import ScoreMove, ScoringModel
from qualification.review.past import LineChange, changes_between
from qualification.scoring.ledger import Ledger, ledger_of


@dataclass(frozen=True)
class Reasons:
    """The changes that add up to the move, the largest first. Not `is_exact`: the score of one of
    the moments comes out otherwise today, as after a merge."""

    changes: tuple[LineChange, ...]
    is_exact: bool


def reasons_of(move: ScoreMove) -> Reasons:
    """Why the grade moved; of the first score all its lines.

    Raises NothingRecorded where the lead was not known by then.
    """
    after = _ledger(move, move.model, move.at)
    before = replace(after, lines=())
    is_exact = after.total_tenths == move.total_tenths
    if move.was_model is not None and move.was_at is not None:
        before = _ledger(move, move.was_model, move.was_at)
        is_exact = is_exact and before.total_tenths == move.was_total_tenths
    changes = sorted(changes_between(before, after), key=lambda one: -abs(one.delta_tenths))
    return Reasons(changes=tuple(changes), is_exact=is_exact)


def told_reasons(move: ScoreMove) -> Reasons | None:
    """The same, or None where nothing is left to tell it from: the person was erased."""
    if move.lead.erased_at is not None:
        return None
    try:
        return reasons_of(move)
    except NothingRecorded:
        return None


def _ledger(move: ScoreMove, model: ScoringModel, at: datetime) -> Ledger:
    return ledger_of(move.lead_id, model=model, as_of=at)
