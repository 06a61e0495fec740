"""Reads what a case was about once it is judged: the team's decision, what became of the lead,
which lines of the score pointed which way.

Called by the page of a judged case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qualification.choices import DecisionKind
from qualification.feedback.labels import WON, Label, is_good, told_of
from qualification.models import Decision, PracticeCase
from qualification.outcomes.reads import Cycle, cycle_since
from qualification.scoring.ledger import Ledger, LedgerLine
from qualification.scoring.verdict import Verdict, verdict_of

LINES_SHOWN = 5


@dataclass(frozen=True)
class Truth:
    """`is_confirmed`: whether the outcome bears out the choice; None while nothing closed."""

    decision: Decision
    agrees: bool
    has_same_reason: bool
    cycle: Cycle
    is_confirmed: bool | None
    verdict: Verdict | None
    in_favour: tuple[LedgerLine, ...]
    against: tuple[LedgerLine, ...]


def truth_of(case: PracticeCase, *, now: datetime) -> Truth:
    """Everything that was hidden. For judged cases only."""
    rows = Decision.objects.select_related("by", "reason", "ae", "model")
    decision = rows.get(pk=case.decision_id)
    frozen = decision.frozen.get("ledger")
    lines = Ledger.from_json(frozen).lines if frozen else ()
    is_won = said_by_outcome([case.lead_id], now=now).get(case.lead_id)
    return Truth(
        decision=decision,
        agrees=case.choice == decision.kind,
        has_same_reason=case.reason_id is not None and case.reason_id == decision.reason_id,
        cycle=cycle_since(case.lead_id, decision.at),
        is_confirmed=None if is_won is None else is_borne_out(case.choice, is_won=is_won),
        verdict=(
            verdict_of(total_tenths=decision.total_tenths, model=decision.model)
            if decision.model and frozen
            else None
        ),
        in_favour=_largest(lines, sign=1),
        against=_largest(lines, sign=-1),
    )


def said_by_outcome(lead_ids: list[int], *, now: datetime) -> dict[int, bool]:
    """Lead → whether accepting it was right: won, or lost. Leads of which nothing closed are left
    out."""
    said = {
        lead_id: is_good(Label(WON), told, now)
        for lead_id, told in told_of(now, lead_ids=lead_ids).items()
    }
    return {lead_id: was_right for lead_id, was_right in said.items() if was_right is not None}


def is_borne_out(choice: str, *, is_won: bool) -> bool:
    """Accepting is borne out by a deal that was won, anything else by one that was lost."""
    return (choice == DecisionKind.ACCEPT) == is_won


def _largest(lines: tuple[LedgerLine, ...], *, sign: int) -> tuple[LedgerLine, ...]:
    pointing = [line for line in lines if line.points_tenths * sign > 0]
    return tuple(sorted(pointing, key=lambda line: -abs(line.points_tenths))[:LINES_SHOWN])
