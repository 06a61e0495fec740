"""A rule reads as one plain sentence, whatever it asks for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from qualification.models import ScoringRule
from qualification.scoring.operators import OPERATORS, ValueType
from qualification.scoring.sentences import rule_sentence, signed_points
from qualification.scoring.subjects import Catalogue

CATALOGUE = Catalogue(
    attributes={"crm_used": ValueType.TEXT, "renewal_on": ValueType.DATE},
    criteria={"budget": ValueType.TEXT},
    labels={"attributes.crm_used": "CRM used", "checklist.budget": "Budget"},
)


def sentence(when: dict[str, Any], points: str = "5", **content: Any) -> str:
    """The sentence of a rule with this condition."""
    content = {"dimension": "fit", "points": Decimal(points), **content}
    return rule_sentence(ScoringRule(condition=when, **content), CATALOGUE)


def asks(subject: str, op: str, value: Any = None) -> dict[str, Any]:
    """A comparison as a file writes it."""
    return {"subject": subject, "op": op} | ({} if value is None else {"value": value})


COMPARISONS = [
    (asks("lead.seniority", "is", "VP"), "seniority is VP"),
    (
        asks("lead.seniority", "is_one_of", ["C-level", "VP", "Director"]),
        "seniority is C-level, VP or Director",
    ),
    (asks("lead.country", "is_not_one_of", ["France", "Spain"]), "country is not France or Spain"),
    (asks("lead.title", "contains", "head of"), "title contains “head of”"),
    (asks("lead.title", "starts_with", "Chief"), "title starts with “Chief”"),
    (asks("account.employees", "at_least", 1000), "employees are at least 1,000"),
    (asks("account.revenue", "at_most", 2.5), "revenue is at most 2.5"),
    (asks("account.employees", "between", [200, 5000]), "employees are between 200 and 5,000"),
    (
        asks("attributes.renewal_on", "at_least", "2026-03-01"),
        "renewal on is on or after 1 Mar 2026",
    ),
    (
        asks("attributes.renewal_on", "at_most", "2026-03-01"),
        "renewal on is on or before 1 Mar 2026",
    ),
    (asks("account.is_target", "is_true"), "target account is yes"),
    (asks("lead.opted_out", "is_false"), "opted out is no"),
    (asks("attributes.crm_used", "is_known"), "CRM used is known"),
    (asks("lead.phone", "is_unknown"), "phone is unknown"),
    (asks("lead.received_at", "days_since_at_most", 14), "received at most 14 days ago"),
    (asks("lead.received_at", "days_since_at_most", 1), "received at most 1 day ago"),
    (asks("checklist.budget.state", "is", "confirmed"), "budget answer is confirmed"),
]


@pytest.mark.parametrize(("when", "words"), COMPARISONS)
def test_it_words_every_comparison(when: dict[str, Any], words: str) -> None:
    assert sentence(when) == f"+5.0 fit when {words}"


def test_no_operator_is_left_out() -> None:
    assert {when["op"] for when, _ in COMPARISONS} == set(OPERATORS)


A, B, C = (asks(f"lead.{name}", "is_known") for name in ("title", "phone", "city"))


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"all": [A, B, C]}, "when title is known, phone is known and city is known"),
        ({"any": [A, B]}, "when title is known or phone is known"),
        ({"any": [A]}, "when title is known"),
        (
            {"all": [{"any": [A, B]}, C]},
            "when either title is known or phone is known, and city is known",
        ),
        (
            {"any": [{"all": [A, B]}, C]},
            "when both title is known and phone is known, or city is known",
        ),
        ({"not": A}, "unless title is known"),
        ({"not": {"not": A}}, "when title is known"),
        ({"not": {"any": [A, B]}}, "unless title is known or phone is known"),
        ({"all": [A, {"not": B}]}, "when title is known, unless phone is known"),
        (
            {"all": [A, {"not": B}, {"not": C}]},
            "when title is known, unless phone is known or city is known",
        ),
        ({"all": [{"not": A}, {"not": B}]}, "unless title is known or phone is known"),
        ({"any": [A, {"not": B}]}, "when title is known or it is not so that phone is known"),
        (
            {"any": [A, {"not": {"any": [B, C]}}]},
            "when title is known, or none of phone is known or city is known",
        ),
        (
            {"any": [A, {"not": {"all": [B, C]}}]},
            "when title is known, or not both phone is known and city is known",
        ),
        (
            {"all": [{"any": [A, B]}, C, {"any": [B, C]}]},
            "when either title is known or phone is known; and city is known; "
            "and either phone is known or city is known",
        ),
    ],
)
def test_it_words_what_is_nested_without_brackets(when: dict[str, Any], words: str) -> None:
    assert sentence(when) == f"+5.0 fit {words}"


@pytest.mark.parametrize(
    ("when", "points", "words"),
    [
        ({"activity": "page_view"}, "2", "+2.0 intent for each page view"),
        (
            {
                "activity": "page_view",
                "where": {"path": ["/pricing", "/plans"], "campaign": "spring"},
                "within_days": 90,
                "half_life_days": 30,
                "max_points": 20,
            },
            "6",
            "+6.0 intent for each page view in the last 90 days where path is /pricing or /plans "
            "and campaign is spring, halved every 30 days, at most +20.0 in all",
        ),
        (
            {"activity": ["call", "meeting"], "per": "once", "half_life_days": 1},
            "4",
            "+4.0 intent for the latest call or meeting, halved every day",
        ),
        (
            {"activity": "page_view", "within_days": 7, "at_least_times": 3},
            "5",
            "+5.0 intent when page view happened at least 3 times in the last 7 days",
        ),
        (
            {"activity": "bounce", "max_points": 9},
            "-3",
            "−3.0 intent for each bounce, at least −9.0 in all",
        ),
        (
            {"no_activity": "any", "within_days": 60, "after_first": True},
            "-6",
            "−6.0 intent when there was no activity at all in the last 60 days, "
            "though there was one before",
        ),
        (
            {"no_activity": ["call", "meeting"], "within_days": 1},
            "-6",
            "−6.0 intent when there was no call or meeting in the last day",
        ),
    ],
)
def test_it_words_what_they_did(when: dict[str, Any], points: str, words: str) -> None:
    assert sentence(when, points, dimension="intent") == words


def test_it_words_segments_and_disqualifiers() -> None:
    opted_out = asks("lead.opted_out", "is_true")
    assert sentence(A, segment="mid_market") == (
        "In segment “mid market”: +5.0 fit when title is known"
    )
    assert sentence(opted_out, "0", disqualifies="opted_out") == (
        "Disqualifies as “opted out” when opted out is yes"
    )
    assert sentence(opted_out, "-12.5", disqualifies="opted_out") == (
        "Disqualifies as “opted out” and gives −12.5 fit when opted out is yes"
    )


def test_points_have_one_decimal_and_a_true_minus() -> None:
    assert [signed_points(Decimal(p)) for p in ("12.5", "0", "-0.5")] == [
        "+12.5",
        "0.0",
        "\u22120.5",
    ]
