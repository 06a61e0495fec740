"""Reads what the report on the use of rules shows: how often, to what end, against what evidence.

Called by the admin; decides nothing. Counts of firing come from the last USAGE run of the version,
accept rates and disputes from decisions (`history.py`), intervals are 95 % Wilson.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from scipy.stats import false_discovery_control

from qualification.choices import DisputeKind
from qualification.feedback.evidence import MIN_EXPECTED, RuleEvidence, Share, weigh_rules
from qualification.feedback.history import History, disputes_by_rule, history_of
from qualification.models import (
    RuleReview,
    RunKind,
    RunState,
    ScoreDispute,
    ScoringModel,
    ScoringRule,
    ScoringRun,
)
from qualification.scoring.reviews import reviews_of
from qualification.scoring.usage import always_together, takes

RARE = 0.01
# A rule that fired on fewer leads than this has had no fair chance to tell on a grade.
MIN_FIRED = 30
Q_LIMIT = 0.05


@dataclass(frozen=True)
class Flag:
    """Something to look at: `key` for the filter, words for the reader."""

    key: str
    words: str


@dataclass(frozen=True)
class RuleUse:
    """A rule in the report. `fired` of all leads, `told` of those it fired on (grade is another
    without it), `disputed` of the leads people worked on; `missing` says what there is not enough
    of."""

    rule: ScoringRule
    fired: Share
    told: Share
    accepted: Share
    rest: Share
    disputed: Share
    disputes: tuple[tuple[str, int], ...]
    flags: tuple[Flag, ...]
    missing: tuple[str, ...]
    review: RuleReview | None


@dataclass(frozen=True)
class UsageReport:
    """The last finished run and a row a rule; the run is None before the first one."""

    run: ScoringRun | None
    n: int
    rows: tuple[RuleUse, ...]
    is_outdated: bool = False


def usage_report(model: ScoringModel, *, now: datetime) -> UsageReport:
    """The report on a version as its last USAGE run found it."""
    done = ScoringRun.objects.filter(kind=RunKind.USAGE, model=model, state=RunState.DONE)
    run = done.order_by("-pk").first()
    if run is None:
        return UsageReport(None, 0, ())
    rules = list(model.rules.order_by("position", "pk"))
    history = history_of(model, now=now)
    evidence, disputed = _weighed(history), _disputed(history)
    contradicted = _contradicted(evidence)
    reviews = reviews_of([rule.key for rule in rules])
    rows = tuple(
        _use(
            rule,
            usage=run.result,
            about=evidence.get(rule.key),
            disputed=disputed.get(rule.key, Share(0, 0)),
            extra=_contradictions(rule, rules, run.result, contradicted),
            review=reviews.get(rule.key),
        )
        for rule in rules
    )
    edited = model.changes.filter(at__gt=run.requested_at).exists()
    return UsageReport(run, int(run.result.get("n", 0)), rows, edited)


def _weighed(history: History) -> dict[str, RuleEvidence]:
    written = [rule.points for rule in history.rules]
    weighed = weigh_rules(history, written=written, disputes=disputes_by_rule())
    return {about.rule.key: about for about in weighed}


def _disputed(history: History) -> dict[str, Share]:
    """Per rule, of the leads people worked on with its line in the ledger (decided or disputed),
    how many had it disputed; the same lead counts once."""
    worked: dict[str, set[int]] = defaultdict(set)
    disputed: dict[str, set[int]] = defaultdict(set)
    for decision in history.decisions:
        for key in decision.fired:
            worked[key].add(decision.lead_id)
    standing = ScoreDispute.objects.filter(withdrawn_at=None).order_by()
    for key, lead_id in standing.values_list("rule_key", "lead_id"):
        disputed[key].add(lead_id)
    keys = worked.keys() | disputed.keys()
    return {key: Share(len(worked[key] | disputed[key]), len(disputed[key])) for key in keys}


def _contradicted(evidence: Mapping[str, RuleEvidence]) -> set[str]:
    """Rules whose points and accept rate point in opposite directions, chance ruled out: chi-square
    of accept rates, Benjamini-Hochberg over all rules that could be tested, q below 5 %."""
    tested = [
        about
        for about in evidence.values()
        if about.p_rate is not None and about.expected_min >= MIN_EXPECTED
    ]
    if not tested:
        return set()
    values = false_discovery_control([about.p_rate for about in tested])
    return {
        about.rule.key
        for about, q in zip(tested, values, strict=True)
        if q < Q_LIMIT and _is_opposite(about)
    }


def _is_opposite(about: RuleEvidence) -> bool:
    gap = (about.fired.rate or 0.0) - (about.rest.rate or 0.0)
    return float(about.rule.points) * gap < 0


def _contradictions(
    rule: ScoringRule,
    rules: Sequence[ScoringRule],
    usage: Mapping[str, Any],
    contradicted: set[str],
) -> list[Flag]:
    found = []
    if rule.key in contradicted:
        words = (
            _("Gives points, yet its leads are accepted less often than the rest.")
            if rule.points > 0
            else _("Takes points, yet its leads are accepted more often than the rest.")
        )
        found.append(Flag("contradicts", words))
    for other in rules:
        pair = (rule, other) if rule.points > 0 else (other, rule)
        is_pair = pair[0].points > 0 and takes(pair[1]) and other is not rule
        if is_pair and always_together(usage, *pair) >= MIN_FIRED:
            words = _("Always fires together with “%(rule)s”, which speaks the other way.")
            found.append(Flag("contradicts", words % {"rule": other.name}))
    return found


def _use(
    rule: ScoringRule,
    *,
    usage: Mapping[str, Any],
    about: RuleEvidence | None,
    disputed: Share,
    extra: Sequence[Flag],
    review: RuleReview | None,
) -> RuleUse:
    fired = Share(int(usage["n"]), int(usage["fired"].get(rule.key, 0)))
    told = Share(fired.accepted, int(usage["told"].get(rule.key, 0)))
    disputes = dict(about.disputes) if about else {}
    flags, missing = _judged(fired, told)
    labels = dict(DisputeKind.choices)
    return RuleUse(
        rule=rule,
        fired=fired,
        told=told,
        accepted=about.fired if about else Share(0, 0),
        rest=about.rest if about else Share(0, 0),
        disputed=disputed,
        disputes=tuple((str(labels.get(kind, kind)), n) for kind, n in disputes.items()),
        flags=(*flags, *extra),
        missing=missing,
        review=review,
    )


def _judged(fired: Share, told: Share) -> tuple[tuple[Flag, ...], tuple[str, ...]]:
    """What the counts say, and what they are too small to say."""
    flags, missing = [], []
    low, high = fired.interval
    if high < RARE:
        flags.append(Flag("rare", _("Fires on less than 1 % of the leads.")))
    elif low < RARE and fired.n:
        missing.append(_("too few leads to say whether it fires on 1 %"))
    if told.n >= MIN_FIRED and not told.accepted:
        flags.append(Flag("idle", _("Never changes a grade.")))
    elif told.n < MIN_FIRED:
        missing.append(_("fired too rarely to judge its effect on grades"))
    return tuple(flags), tuple(missing)
