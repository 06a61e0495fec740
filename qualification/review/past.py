"""Decides how the score of a past moment stands beside today's: its lines, what changed since.

Called by the lead page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crm.models import Lead
from qualification.exceptions import NothingRecorded
from qualification.models import Decision, LeadScore
from qualification.review.score_lines import Group, Line, groups_of
from qualification.scoring.ledger import Ledger, LedgerLine, ledger_of


@dataclass(frozen=True)
class LineChange:
    """A line that gives other points than it did; None where it did not stand at all."""

    name: str
    fact: str
    then_tenths: int | None
    now_tenths: int | None

    @property
    def delta_tenths(self) -> int:
        """By how much it changed the sum."""
        return (self.now_tenths or 0) - (self.then_tenths or 0)


@dataclass(frozen=True)
class Past:
    """The ledger of a moment as it was recorded by then; `since` is today's, if there is a score.

    The changes add up to the difference of the totals. `frozen_at`: the person was erased since, so
    that it is the ledger of the last decision by then.
    """

    then: Ledger
    since: Ledger | None
    groups: tuple[Group, ...]
    other_lines: tuple[Line, ...]
    changes: tuple[LineChange, ...]
    frozen_at: datetime | None = None

    @property
    def delta_tenths(self) -> int:
        """How much the total changed."""
        return self.since.total_tenths - self.then.total_tenths if self.since else 0


def past_of(lead: Lead, *, at: datetime) -> Past:
    """The score of a lead as of `at` and what changed since.

    Raises NothingRecorded (not known by then, or erased and nothing was frozen by then),
    ModelInvalid (no version was ever live).
    """
    if lead.erased_at is not None:
        return _frozen_past(lead, at=at)
    then = ledger_of(lead.pk, as_of=at)
    score = LeadScore.objects.filter(lead=lead).first()
    since = ledger_of(lead.pk, now=score.as_of) if score else None
    groups, other_lines = groups_of(then, {})
    return Past(
        then=then,
        since=since,
        groups=groups,
        other_lines=other_lines,
        changes=changes_between(then, since) if since else (),
    )


@dataclass(frozen=True)
class FrozenLedger:
    """The ledger that a decision was based on, and when that was."""

    ledger: Ledger
    at: datetime


def frozen_ledger(lead: Lead, *, at: datetime) -> FrozenLedger:
    """The ledger frozen with the last decision by then: what is left of a score when its person is
    erased. Raises NothingRecorded when there is none."""
    decisions = Decision.objects.filter(lead=lead, at__lte=at, frozen__ledger__isnull=False)
    rows = decisions.exclude(frozen__ledger=None).order_by("-at", "-pk")
    decision = rows.first()
    if decision is None:
        raise NothingRecorded(
            f"the personal data of lead {lead.pk} were erased, and no decision by"
            f" {at.isoformat()} froze its score"
        )
    return FrozenLedger(Ledger.from_json(decision.frozen["ledger"]), decision.at)


def _frozen_past(lead: Lead, *, at: datetime) -> Past:
    found = frozen_ledger(lead, at=at)
    groups, other_lines = groups_of(found.ledger, {})
    return Past(
        then=found.ledger,
        since=None,
        groups=groups,
        other_lines=other_lines,
        changes=(),
        frozen_at=found.at,
    )


def changes_between(then: Ledger, since: Ledger) -> tuple[LineChange, ...]:
    """The lines whose points differ, those of today first, in the order of their ledgers."""
    before = {_place(line): line for line in then.lines}
    after = {_place(line): line for line in since.lines}
    found = [
        LineChange(
            name=(after.get(place) or before[place]).name,
            fact=(after.get(place) or before[place]).fact,
            then_tenths=before[place].points_tenths if place in before else None,
            now_tenths=after[place].points_tenths if place in after else None,
        )
        for place in dict.fromkeys([*after, *before])
    ]
    return tuple(change for change in found if change.delta_tenths)


def _place(line: LedgerLine) -> tuple[str, str, str]:
    """What a line is in every version: its rule, else its kind and name."""
    kind = "" if line.rule_key else line.kind
    return kind, line.dimension, line.rule_key or line.name
