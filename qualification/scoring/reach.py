"""Decides how far the rules of a version can carry a lead: ends of fit, intent, total, grades.
Pure. Ends as if no rule excluded another; read by crossing and the admin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from qualification.models import ScoringModel, ScoringRule
from qualification.scoring.conditions import ActivityTest, When, parse_when

UNLIMITED = Decimal("Infinity")
ZERO = Decimal(0)

Pair = tuple[ScoringRule, When]


@dataclass(frozen=True)
class Span:
    """From the lowest to the highest possible points; infinite where nothing limits them."""

    lowest: Decimal
    highest: Decimal


@dataclass(frozen=True)
class Reach:
    """The ends of each sum, and the grades no combination of them excludes."""

    fit: Span
    intent: Span
    total: Span
    grades: frozenset[str]


def reach_of(model: ScoringModel, rules: Sequence[ScoringRule]) -> Reach:
    """How far these rules can carry a lead under the model's base, caps and limits.

    Raises ModelInvalid when a stored condition is none.
    """
    pairs = [(rule, parse_when(rule.condition)) for rule in rules]
    fit, intent = (_dimension_span(model, name, pairs) for name in ("fit", "intent"))
    return Reach(
        fit=fit,
        intent=intent,
        total=Span(
            _within(fit.lowest + intent.lowest, model.total_min, model.total_max),
            _within(fit.highest + intent.highest, model.total_min, model.total_max),
        ),
        grades=frozenset(
            f"{letter}{number}"
            for letter in _steps(fit, model.fit_thresholds, "ABC", "D")
            for number in _steps(intent, model.intent_thresholds, "123", "4")
        ),
    )


def _dimension_span(model: ScoringModel, dimension: str, pairs: Sequence[Pair]) -> Span:
    gains = [pair for pair in pairs if pair[0].points > 0]
    losses = [pair for pair in pairs if pair[0].points < 0]
    return Span(
        furthest(model, dimension, losses),
        furthest(model, dimension, gains),
    )


def furthest(model: ScoringModel, dimension: str, pairs: Iterable[Pair]) -> Decimal:
    """Points of a dimension when all these rules give their most; they have one sign."""
    groups: dict[str, Decimal] = defaultdict(Decimal)
    for rule, when in pairs:
        if rule.dimension == dimension:
            groups[rule.group] += most_points(rule, when)
    base: Decimal = getattr(model, f"base_{dimension}")
    sums = (capped(model, group, size) for group, size in groups.items())
    lowest, highest = getattr(model, f"{dimension}_min"), getattr(model, f"{dimension}_max")
    return _within(base + sum(sums, ZERO), lowest, highest)


def most_points(rule: ScoringRule, when: When) -> Decimal:
    """The most a rule can give, or take when its points are negative; infinite without a bound."""
    if not isinstance(when, ActivityTest) or not rule.points:
        return rule.points
    sign = Decimal(1).copy_sign(rule.points)
    is_counted_once = when.is_once or when.at_least_times is not None
    size = abs(rule.points) if is_counted_once else UNLIMITED
    return sign * (size if when.max_points is None else when.max_points)


def capped(model: ScoringModel, group: str, points: Decimal) -> Decimal:
    """A group's sum under its cap, which holds by size."""
    cap = model.caps.get(group) if group else None
    return points if cap is None else _within(points, -Decimal(str(cap)), Decimal(str(cap)))


def _within(points: Decimal, lowest: Decimal | None, highest: Decimal | None) -> Decimal:
    if lowest is not None:
        points = max(points, lowest)
    return points if highest is None else min(points, highest)


def _steps(span: Span, thresholds: dict[str, str], names: str, last: str) -> list[str]:
    """The letters or numbers whose range of points meets the span."""
    found, above = [], UNLIMITED
    for name in names:
        edge = Decimal(str(thresholds[name]))
        if span.highest >= edge and span.lowest < above:
            found.append(name)
        above = edge
    return [*found, last] if span.lowest < above else found
