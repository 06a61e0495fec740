"""Weighs what decisions say about each rule; pure statistics over a `History`.

Called by `proposals.py` and, for its figures, by pages. Nothing here reads or writes the database.

Two questions are asked of a rule. Does the accept rate differ between leads on which it fired and
the rest (chi-square)? And are its points off, given all the other rules (Wald, from the regression
of `reweight.py`)? The second matters because a rule may look idle in the first and still be wrong:
its leads come with other rules that hide it. The smaller p counts double, and the
Benjamini-Hochberg q over all rules that have enough data decides the grade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from scipy.stats import chi2_contingency, false_discovery_control

from qualification.choices import Dimension
from qualification.feedback.history import History
from qualification.feedback.reweight import Floats, as_points, reweight, smallest_step
from qualification.intervals import wilson
from qualification.models import ScoringRule

Q_LIMIT = 0.05
# Below this no chi-square: the cell is too small for the approximation, and for a proposal.
MIN_EXPECTED = 5.0

STRONG, COLLECTING = "strong", "collecting"


@dataclass(frozen=True)
class Share:
    """`accepted` of `n`, with the 95 % Wilson interval; without leads it spans 0 to 1."""

    n: int
    accepted: int

    @property
    def rate(self) -> float | None:
        """Accepted per decision; None without any."""
        return self.accepted / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 % interval."""
        if not self.n:
            return 0.0, 1.0
        return wilson(self.accepted, self.n)

    def to_json(self) -> dict[str, Any]:
        """Plain figures, rates from 0 to 1."""
        low, high = self.interval
        return {
            "n": self.n,
            "accepted": self.accepted,
            "rate": _figure(self.rate),
            "low": _figure(low),
            "high": _figure(high),
        }


@dataclass(frozen=True)
class RuleEvidence:
    """All that decisions say about one rule. `proposed` is None while there is not enough data."""

    rule: ScoringRule
    fired: Share
    rest: Share
    disputes: Mapping[str, int]
    missing: tuple[str, ...] = ()
    proposed: Decimal | None = None
    written: Decimal | None = None
    smallest_step: float = 0.1
    expected_min: float = 0.0
    p_rate: float | None = None
    p_points: float | None = None
    q: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def counted(self) -> int:
        """Decisions that count for this rule."""
        return self.fired.n + self.rest.n

    @property
    def is_change(self) -> bool:
        """Whether the proposed points differ from the live ones by enough to look at."""
        return self.proposed is not None and (
            abs(self.proposed - self.rule.points) >= Decimal(f"{self.smallest_step:.4f}")
        )

    @property
    def smaller_p(self) -> float:
        """The smaller p of the two questions; 1 where neither could be asked."""
        asked = [p for p in (self.p_rate, self.p_points) if p is not None and not np.isnan(p)]
        return min(asked, default=1.0)

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """Accept rate when fired minus the rest, with its 95 % interval (Newcombe)."""
        if self.fired.rate is None or self.rest.rate is None:
            return None
        return _difference(self.fired, self.rest)

    @property
    def grade(self) -> str:
        """`strong`: may be approved. `collecting`: shown, not to be approved."""
        is_clear = self.q is not None and self.q < Q_LIMIT
        return STRONG if is_clear and self.expected_min >= MIN_EXPECTED else COLLECTING

    @property
    def why(self) -> str:
        """One sentence on what the grade rests on, or on what is missing."""
        if self.missing:
            return _("Not enough data: %(what)s.") % {"what": ", ".join(self.missing)}
        if self.expected_min < MIN_EXPECTED:
            return _("Not enough data: too few accepts or rejects where it fired.")
        if self.grade == COLLECTING:
            return _("Could still be chance. Needs more decisions before it can be approved.")
        if self.p_rate == self.smaller_p:
            return self._rate_sentence()
        return _("With the other rules taken into account, its points are off.")

    def _rate_sentence(self) -> str:
        if (self.fired.rate or 0) > (self.rest.rate or 0):
            return _("Leads with it are accepted more often than the rest.")
        return _("Leads with it are accepted less often than the rest.")

    def to_json(self) -> dict[str, Any]:
        """What a RuleProposal keeps: figures as computed now."""
        return {
            "grade": self.grade,
            "why": self.why,
            "counted": self.counted,
            "fired": self.fired.to_json(),
            "rest": self.rest.to_json(),
            "difference": None if self.difference is None else _named(self.difference),
            "expected_min": _figure(self.expected_min),
            "p_rate": _figure(self.p_rate),
            "p_points": _figure(self.p_points),
            "q": _figure(self.q),
            "q_limit": Q_LIMIT,
            "written_points": None if self.written is None else str(self.written),
            "disputes": dict(self.disputes),
            **self.extra,
        }


def weigh_rules(
    history: History, *, written: Sequence[Decimal], disputes: Mapping[str, Mapping[str, int]]
) -> list[RuleEvidence]:
    """Evidence on every rule of the history, with proposed points where there is enough of it.

    `written` are the points a person gave each rule; `disputes` rule key → kind → leads.
    """
    tables = [_table(history, column) for column in range(len(history.rules))]
    missing = [_missing(fired, rest) for fired, rest in tables]
    points, p_points = _estimates(history, written, missing)
    step = smallest_step(np.array([float(value) for value in written]))
    found = []
    for column, rule in enumerate(history.rules):
        fired, rest = tables[column]
        about = RuleEvidence(rule, fired, rest, disputes.get(rule.key, {}), missing[column])
        if not about.missing:
            expected, p_rate = _rate_test(fired, rest)
            about = replace(
                about,
                proposed=as_points(points[column]),
                written=written[column],
                smallest_step=step,
                expected_min=expected,
                p_rate=p_rate,
                p_points=float(p_points[column]),
            )
        found.append(about)
    return _with_q(found)


def _table(history: History, column: int) -> tuple[Share, Share]:
    """Accepted of those on which the rule fired, and of the rest; unknown lines are left out."""
    hits = history.hits[:, column]
    counts = history.counts_for[history.rules[column].dimension] & ~np.isnan(hits)
    has_fired = counts & (hits != 0)
    others = counts & (hits == 0)
    return (
        Share(int(has_fired.sum()), int((has_fired & history.accepted).sum())),
        Share(int(others.sum()), int((others & history.accepted).sum())),
    )


def _missing(fired: Share, rest: Share) -> tuple[str, ...]:
    """What keeps a rule from being estimated, in words; empty when there is enough."""
    lacks = []
    decisions = settings.LEADQUAL["EVIDENCE_MIN_DECISIONS"] - fired.n - rest.n
    firings = settings.LEADQUAL["EVIDENCE_MIN_FIRINGS"] - fired.n
    accepted = fired.accepted + rest.accepted
    if decisions > 0:
        lacks.append(
            ngettext("%(n)s more counted decision", "%(n)s more counted decisions", decisions)
            % {"n": decisions}
        )
    if firings > 0:
        lacks.append(ngettext("%(n)s more firing", "%(n)s more firings", firings) % {"n": firings})
    if not lacks and accepted == 0:
        lacks.append(_("an accepted lead"))
    if not lacks and accepted == fired.n + rest.n:
        lacks.append(_("a reject that counts for this rule"))
    return tuple(lacks)


def _estimates(
    history: History, written: Sequence[Decimal], missing: Sequence[tuple[str, ...]]
) -> tuple[Floats, Floats]:
    """Points and p of a change, each rule from the decisions counted for its own dimension."""
    current = np.array([float(rule.points) for rule in history.rules])
    points, p_points = current.copy(), np.full(len(current), np.nan)
    for dimension in Dimension.values:
        own = np.array([rule.dimension == dimension for rule in history.rules], dtype=bool)
        if not any(mine and not lacks for mine, lacks in zip(own, missing, strict=True)):
            continue
        counts = history.counts_for[dimension]
        estimate = reweight(
            history.hits[counts],
            history.accepted[counts],
            written=np.array([float(value) for value in written]),
            current=current,
            is_held=_fired_too_rarely(history.hits[counts]),
        )
        points[own], p_points[own] = estimate.points[own], estimate.p_changed[own]
    return points, p_points


def _fired_too_rarely(hits: Floats) -> Any:
    firings = (np.nan_to_num(hits) != 0).sum(axis=0)
    return firings < settings.LEADQUAL["EVIDENCE_MIN_FIRINGS"]


def _rate_test(fired: Share, rest: Share) -> tuple[float, float | None]:
    """Smallest expected cell, and p of equal accept rates; None where a cell is too small."""
    table = np.array(
        [
            [fired.accepted, fired.n - fired.accepted],
            [rest.accepted, rest.n - rest.accepted],
        ]
    )
    if not table.sum(axis=0).all() or not table.sum(axis=1).all():
        return 0.0, None
    result = chi2_contingency(table, correction=False)
    expected = float(result.expected_freq.min())
    return expected, float(result.pvalue) if expected >= MIN_EXPECTED else None


def _with_q(found: list[RuleEvidence]) -> list[RuleEvidence]:
    """The same with q-values: two questions a rule, all rules with enough data together."""
    asked = [about for about in found if not about.missing]
    if not asked:
        return found
    smallest = [min(1.0, 2 * about.smaller_p) for about in asked]
    values = false_discovery_control(smallest)
    q_of = {about.rule.key: float(q) for about, q in zip(asked, values, strict=True)}
    return [replace(about, q=q_of.get(about.rule.key)) for about in found]


def _difference(one: Share, other: Share) -> tuple[float, float, float]:
    first, second = one.accepted / one.n, other.accepted / other.n
    (low1, high1), (low2, high2) = one.interval, other.interval
    gap = first - second
    down = np.hypot(first - low1, high2 - second)
    up = np.hypot(high1 - first, second - low2)
    return gap, gap - float(down), gap + float(up)


def _named(difference: tuple[float, float, float]) -> dict[str, float | None]:
    value, low, high = difference
    return {"value": _figure(value), "low": _figure(low), "high": _figure(high)}


def _figure(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(f"{value:.4g}")
