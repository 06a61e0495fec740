"""Reads past decisions as a matrix: which rule fired by how much, and how it ended.

Called by `proposals.py`. A fixed number of queries, whatever the number of decisions.

What counts: the last standing decision of each lead, if it is an accept, or a reject whose reason
may influence fit or intent. A reject counts for the rules of that dimension only, an accept for
both. A nurture is no label, nor is a reject for bad data; what was undone or overturned is gone.

What fired comes from the decision itself (`Decision.fired`), so the future never leaks in. A rule
is unknown for a decision made under a version that did not hold it with the same condition, and
for a lead on which somebody marked its line as bad data or as a bot's doing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from qualification.choices import DecisionKind, Dimension, DisputeKind, ProposalStatus
from qualification.feedback.reweight import Flags, Floats
from qualification.models import Decision, RuleProposal, ScoreDispute, ScoringModel, ScoringRule

# A line disputed like this says nothing about the rule: the fact under it was not true.
NO_EVIDENCE = (DisputeKind.BAD_DATA, DisputeKind.BOT)


@dataclass(frozen=True)
class History:
    """Decisions (rows) against the rules of one version (columns).

    `hits`: 1.0 is the full points, 0.0 did not fire, NaN unknown. `counts_for[dimension]` marks the
    rows that are evidence about it.
    """

    rules: tuple[ScoringRule, ...]
    hits: Floats
    accepted: Flags
    counts_for: dict[str, Flags]
    decisions: tuple[Counted, ...] = ()


@dataclass(frozen=True)
class Counted:
    """A decision that counts. `dimension`: the one a reject counts for, blank for an accept."""

    decision_id: int
    lead_id: int
    at: datetime
    is_accepted: bool
    dimension: str
    model_id: int
    fired: dict[str, int]


def history_of(model: ScoringModel, *, now: datetime) -> History:
    """Every counted decision up to `now` against the rules of `model` that give points."""
    rules = tuple(ScoringRule.objects.filter(model=model, disqualifies="").order_by("position"))
    rows = tuple(counted_decisions(now))
    return History(
        rules=rules,
        hits=_hits(rows, rules),
        accepted=np.array([row.is_accepted for row in rows], dtype=bool),
        counts_for={
            dimension: np.array([row.dimension in ("", dimension) for row in rows], dtype=bool)
            for dimension in Dimension.values
        },
        decisions=rows,
    )


def counted_decisions(now: datetime) -> Iterator[Counted]:
    """The decisions that count, one a lead, in the order of the leads."""
    last_of_each_lead = (
        Decision.objects.standing()
        .filter(at__lte=now)
        .order_by("lead_id", "-at", "-id")
        .distinct("lead_id")
        .values_list("id", "lead_id", "at", "kind", "reason__influences", "model_id", "fired")
    )
    for decision_id, lead_id, at, kind, influences, model_id, fired in last_of_each_lead:
        is_accepted = kind == DecisionKind.ACCEPT
        is_telling = kind == DecisionKind.REJECT and influences in Dimension.values
        if model_id is not None and (is_accepted or is_telling):
            dimension = "" if is_accepted else influences
            yield Counted(decision_id, lead_id, at, is_accepted, dimension, model_id, fired)


def disputes_by_rule() -> dict[str, Counter[str]]:
    """Standing disputes: rule key → kind → number of leads."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    standing = ScoreDispute.objects.filter(withdrawn_at=None).order_by()
    for key, kind in standing.values_list("rule_key", "kind"):
        found[key][kind] += 1
    return found


def written_points(rules: Sequence[ScoringRule]) -> list[Decimal]:
    """The points a person last wrote for each rule: published proposals are walked back."""
    steps: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    published = RuleProposal.objects.filter(status=ProposalStatus.PUBLISHED).order_by("-id")
    for key, before, after in published.values_list(
        "rule_key", "current_points", "proposed_points"
    ):
        steps[key].append((before, after))
    return [_walk_back(rule.points, steps[rule.key]) for rule in rules]


def _walk_back(points: Decimal, steps: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    for before, after in steps:
        if after == points:
            points = before
    return points


def _hits(rows: Sequence[Counted], rules: Sequence[ScoringRule]) -> Floats:
    place = {rule.key: column for column, rule in enumerate(rules)}
    known, full = _by_version({row.model_id for row in rows}, rules)
    hits = np.full((len(rows), len(rules)), np.nan)
    for number, row in enumerate(rows):
        hits[number, known[row.model_id]] = 0.0
        for key, tenths in row.fired.items():
            column = place.get(key)
            if column is not None and known[row.model_id][column]:
                whole = full[row.model_id][column]
                # A rule of no points fires without leaving tenths.
                hits[number, column] = tenths / whole if whole else 1.0
    _leave_out_disputed(hits, rows, place)
    return hits


def _by_version(
    model_ids: set[int], rules: Sequence[ScoringRule]
) -> tuple[dict[int, Flags], dict[int, list[int]]]:
    """Per version: which of the rules it held with the same condition, and their full tenths."""
    place = {rule.key: column for column, rule in enumerate(rules)}
    known = {model_id: np.zeros(len(rules), dtype=bool) for model_id in model_ids}
    full = {model_id: [0] * len(rules) for model_id in model_ids}
    for other in ScoringRule.objects.filter(model_id__in=model_ids, key__in=place).order_by():
        column = place[other.key]
        known[other.model_id][column] = _is_same(other, rules[column])
        full[other.model_id][column] = int(other.points * 10)
    return known, full


def _is_same(one: ScoringRule, other: ScoringRule) -> bool:
    return (one.condition, one.segment, one.dimension, one.disqualifies) == (
        other.condition,
        other.segment,
        other.dimension,
        other.disqualifies,
    )


def _leave_out_disputed(hits: Floats, rows: Sequence[Counted], place: dict[str, int]) -> None:
    disputed = ScoreDispute.objects.filter(
        withdrawn_at=None, kind__in=NO_EVIDENCE, rule_key__in=place
    ).order_by()
    number_of = {row.lead_id: number for number, row in enumerate(rows)}
    for lead_id, key in disputed.values_list("lead_id", "rule_key"):
        if lead_id in number_of:
            hits[number_of[lead_id], place[key]] = np.nan
