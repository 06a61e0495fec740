"""Decides whether a single activity type could carry a lead over the MQL line by itself.
Pure. Loading warns about it; activating and publishing refuse it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from qualification.models import ScoringModel, ScoringRule
from qualification.scoring.conditions import (
    ANY_ACTIVITY,
    ActivityTest,
    NoActivityTest,
    When,
    comparisons,
    parse_when,
)
from qualification.scoring.reach import Pair, furthest
from qualification.scoring.subjects import ACTIVE_PEOPLE


def crossing_types(model: ScoringModel, rules: Sequence[ScoringRule]) -> list[str]:
    """Activity types that alone, in the worst case, reach `mql`; sorted.

    Whatever they do makes people of an account active, so rules that count those come on top of
    each type; `any` stands for a type that no rule names.
    """
    tests = [(rule, parse_when(rule.condition)) for rule in rules if rule.points > 0]
    positive = [(rule, when) for rule, when in tests if isinstance(when, ActivityTest)]
    counting = [(rule, when) for rule, when in tests if _counts_active_people(when)]
    types = {name for _, when in positive for name in when.types}
    worst: dict[str, list[Pair]] = {
        name: [*counting, *((r, w) for r, w in positive if name in w.types)] for name in types
    }
    if counting:
        worst.setdefault(ANY_ACTIVITY, [*counting])
    return sorted(name for name, lines in worst.items() if _worst_total(model, lines) >= model.mql)


def _counts_active_people(when: When) -> bool:
    if isinstance(when, ActivityTest | NoActivityTest):
        return False
    return any(leaf.subject.name == ACTIVE_PEOPLE for leaf in comparisons(when))


def _worst_total(model: ScoringModel, rules: Sequence[Pair]) -> Decimal:
    fit, intent = furthest(model, "fit", rules), furthest(model, "intent", rules)
    return min(max(fit + intent, model.total_min), model.total_max)


def crossing_text(types: Sequence[str]) -> str:
    """The refusal or warning in words; `types` is not empty."""
    named = ", ".join(f"'{name}'" for name in types)
    word = "type" if len(types) == 1 else "types"
    return f"activity {word} {named} could cross the MQL threshold alone: set max_points or a cap"
