"""The ledger as the lead page shows it: lines by dimension with their disputes, and the score bar.

Called by the views of one lead and by `workspace.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.urls import reverse

from crm.models import Lead
from qualification.choices import Dimension
from qualification.models import ScoreDispute, ScoringModel
from qualification.scoring.ledger import (
    ACCOUNT_CAP,
    GROUP_CAP,
    LIMIT,
    TOTAL_LIMIT,
    Ledger,
    LedgerLine,
)

LIMITS = (GROUP_CAP, LIMIT, TOTAL_LIMIT, ACCOUNT_CAP)


@dataclass(frozen=True)
class Line:
    """A line of the ledger as the page shows it, with the dispute that stands against it.

    `href` leads to its rule on the page of the version; blank where no rule is behind it.
    """

    name: str
    fact: str
    note: str
    dimension: str
    points_tenths: int
    rule_id: int | None
    is_limit: bool
    href: str
    dispute: ScoreDispute | None


@dataclass(frozen=True)
class Group:
    """The lines of one dimension with their sum; `unknown` are rules whose fact is missing."""

    dimension: str
    lines: tuple[Line, ...]
    unknown: tuple[Line, ...]
    total_tenths: int


@dataclass(frozen=True)
class Scale:
    """The ends of the score bar and the accept line, in tenths; `top` in points."""

    fit: int = 500
    intent: int = 500
    accept: int = 700
    top: Decimal = Decimal(100)


def standing_disputes(lead: Lead) -> dict[str, ScoreDispute]:
    """The disputes of a lead that were not withdrawn, by the key of the rule."""
    standing = ScoreDispute.objects.filter(lead=lead, withdrawn_at=None).select_related(
        "by", "rule"
    )
    return {dispute.rule_key: dispute for dispute in standing}


def lines_to_flag(ledger: Ledger | None, disputes: dict[str, ScoreDispute]) -> tuple[Line, ...]:
    """The lines a person may say misled them: of rules that moved the score, largest first."""
    groups, others = groups_of(ledger, disputes)
    lines = [*(line for group in groups for line in group.lines), *others]
    moved = [line for line in lines if line.rule_id is not None and line.points_tenths]
    return tuple(sorted(moved, key=lambda line: -abs(line.points_tenths)))


def groups_of(
    ledger: Ledger | None, disputes: dict[str, ScoreDispute]
) -> tuple[tuple[Group, ...], tuple[Line, ...]]:
    """The ledger as the page shows it: fit, intent, and the lines that belong to neither."""
    if ledger is None:
        return (), ()
    sums = {Dimension.FIT: ledger.fit_tenths, Dimension.INTENT: ledger.intent_tenths}
    groups = tuple(
        Group(
            dimension=str(dimension),
            lines=_lines(ledger, str(dimension), disputes),
            unknown=tuple(
                line_of(line, ledger.model_id)
                for line in ledger.lines
                if line.dimension == dimension and _is_open(line)
            ),
            total_tenths=total,
        )
        for dimension, total in sums.items()
    )
    return groups, _lines(ledger, "", disputes)


def _lines(ledger: Ledger, dimension: str, disputes: dict[str, ScoreDispute]) -> tuple[Line, ...]:
    """What counted in one dimension, or would have: everything but what nobody knows."""
    return tuple(
        line_of(line, ledger.model_id, disputes.get(line.rule_key))
        for line in ledger.lines
        if line.dimension == dimension and not _is_open(line)
    )


def _is_open(line: LedgerLine) -> bool:
    return line.is_unknown and not line.has_fired


def rule_href(model_id: int, rule_key: str) -> str:
    """Where a rule stands on the page of its version."""
    return f"{reverse('qualification:model-detail', args=[model_id])}#rule-{rule_key}"


def line_of(line: LedgerLine, model_id: int, dispute: ScoreDispute | None = None) -> Line:
    """One ledger line for the page."""
    return Line(
        name=line.name,
        fact=line.fact,
        note=line.note,
        dimension=line.dimension or "fit",
        points_tenths=line.points_tenths,
        rule_id=line.rule_id,
        is_limit=line.kind in LIMITS,
        href=rule_href(model_id, line.rule_key) if line.rule_key else "",
        dispute=dispute,
    )


def scale_of(model: ScoringModel | None) -> Scale:
    """Ends of the score bar: the limits of the dimensions, else an equal share of the total."""
    if model is None:
        return Scale()
    top = int(model.total_max * 10)
    fit = _tenths(model.fit_max)
    intent = _tenths(model.intent_max)
    if fit is None:
        fit = max(top - intent, top // 2) if intent is not None else top // 2
    return Scale(
        fit=fit,
        intent=intent if intent is not None else max(top - fit, top // 2),
        accept=int(model.accept * 10),
        top=model.total_max,
    )


def _tenths(points: Decimal | None) -> int | None:
    return None if points is None or points <= 0 else int(points * 10)
