"""How far rules can carry a lead: ends of each sum, grades in between."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from qualification.models import ScoringModel, ScoringRule
from qualification.scoring.conditions import parse_when
from qualification.scoring.reach import UNLIMITED, most_points, reach_of

MODEL: dict[str, Any] = {
    "mql": Decimal(30),
    "accept": Decimal(60),
    "fit_thresholds": {"A": "30", "B": "20", "C": "10"},
    "intent_thresholds": {"1": "30", "2": "20", "3": "10"},
    "total_min": Decimal(0),
    "total_max": Decimal(100),
    "base_fit": Decimal(5),
    "base_intent": Decimal(0),
}
KNOWN = {"subject": "lead.title", "op": "is_known"}


def rule(points: str, when: dict[str, Any] = KNOWN, **more: Any) -> ScoringRule:
    return ScoringRule(points=Decimal(points), condition=when, **{"dimension": "fit", **more})


def test_gains_and_losses_add_up_apart() -> None:
    reach = reach_of(ScoringModel(**MODEL), [rule("20"), rule("-8"), rule("3.5")])
    assert (reach.fit.lowest, reach.fit.highest) == (Decimal("-3"), Decimal("28.5"))
    assert (reach.intent.lowest, reach.intent.highest) == (0, 0)
    assert (reach.total.lowest, reach.total.highest) == (0, Decimal("28.5"))
    assert reach.grades == {"B4", "C4", "D4"}


def test_caps_and_limits_hold() -> None:
    model = ScoringModel(**MODEL, caps={"who": "10"}, fit_max=Decimal(12))
    reach = reach_of(
        model, [rule("9", group="who"), rule("9", group="who"), rule("-30", group="who")]
    )
    assert (reach.fit.lowest, reach.fit.highest) == (-5, 12)


@pytest.mark.parametrize(
    ("when", "points", "most"),
    [
        ({"activity": "view"}, "3", UNLIMITED),
        ({"activity": "view"}, "-3", -UNLIMITED),
        ({"activity": "view", "max_points": 12}, "3", Decimal(12)),
        ({"activity": "view", "max_points": 12}, "-3", Decimal(-12)),
        ({"activity": "view", "per": "once"}, "3", Decimal(3)),
        ({"activity": "view", "at_least_times": 4}, "-3", Decimal(-3)),
        ({"no_activity": "view", "within_days": 9}, "-3", Decimal(-3)),
        ({"activity": "view"}, "0", Decimal(0)),
    ],
)
def test_the_most_a_rule_can_do(when: dict[str, Any], points: str, most: Decimal) -> None:
    assert most_points(rule(points, when), parse_when(when)) == most


def test_without_a_limit_every_grade_above_is_in_reach() -> None:
    endless = rule("1", {"activity": "view"}, dimension="intent")
    reach = reach_of(ScoringModel(**MODEL), [endless])
    assert reach.intent.highest == UNLIMITED
    assert reach.total.highest == 100
    assert reach.grades == {"D1", "D2", "D3", "D4"}
