"""The difference of two versions: complete, in words, nothing where nothing differs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from qualification.models import ScoringModel
from qualification.models.scoring import MODEL_CONTENT
from qualification.scoring import drafts
from qualification.scoring.diff import diff_of
from qualification.scoring.document import checked_document
from qualification.scoring.document_rows import RULE_CONTENT
from tests.qualification.scoring.conftest import LoadModel, document, rule

pytestmark = pytest.mark.django_db

VP = {"subject": "lead.title", "op": "is", "value": "VP"}
VISIT = {"activity": "visit", "within_days": 60, "max_points": 15}
RAW = document(
    rule(VP, 12.5),
    rule(VISIT, 5, dimension="intent", group="browsing"),
    rule({"subject": "lead.title", "op": "is", "value": "Student"}, 0, disqualifies="student"),
    rule({"subject": "lead.opted_out", "op": "is_true"}, 0, disqualifies="opted out"),
    caps={"browsing": 15},
)


def changed(model: ScoringModel, **raw: Any) -> ScoringModel:
    """A draft from the same document with these keys put in place."""
    content = checked_document({**RAW, **raw})
    return drafts.load_draft(content, by=None, now=model.created_at)


def rules(*changes: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The rules with changes one by one; None takes a rule out."""
    return [
        {**one, **change}
        for one, change in zip(RAW["rules"], changes, strict=False)
        if change is not None
    ] + RAW["rules"][len(changes) :]


def words(before: ScoringModel, after: ScoringModel) -> list[str]:
    return [change.words for change in diff_of(before, after)]


@pytest.fixture
def first(load_model: LoadModel) -> ScoringModel:
    return load_model(RAW)


def test_a_copy_differs_in_nothing(first: ScoringModel, now: dt.datetime) -> None:
    assert diff_of(first, drafts.copy_to_draft(model=first, by=None, now=now)) == ()
    assert diff_of(first, first) == ()


def test_it_says_what_a_rule_became(first: ScoringModel) -> None:
    after = changed(first, rules=rules({"points": 8}))
    assert words(first, after) == ["Rule changed: A rule 0: +12.5 → +8.0 points"]
    (change,) = diff_of(first, after)
    assert (change.kind, change.rule_key) == ("changed", "a-rule-0")


def test_it_says_whom_a_rule_counts_for_now(first: ScoringModel) -> None:
    after = changed(first, rules=rules({"points": 8, "when": {**VP, "value": "CEO"}}))
    assert words(first, after) == [
        "Rule changed: A rule 0: +12.5 → +8.0 points, counts for other leads or activities;"
        " +12.5 fit when title is VP → +8.0 fit when title is CEO"
    ]


def test_it_says_what_came_and_what_went(first: ScoringModel) -> None:
    more = rule({"subject": "lead.city", "op": "is_known"}, 3, name="City")
    after = changed(first, rules=[*rules({}, None), more])
    assert words(first, after) == [
        "New rule: City: +3.0 fit when city is known",
        "Rule gone: A rule 1: +5.0 intent for each visit in the last 60 days, at most +15.0 in all",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"when": {**VP, "value": "CEO"}}, "counts for other leads or activities"),
        ({"dimension": "intent"}, "dimension fit → intent"),
        ({"group": "who"}, "group none → who"),
        ({"disqualifies": "vp"}, "disqualifies as none → vp"),
    ],
)
def test_it_says_each_part_of_a_rule(
    first: ScoringModel, change: dict[str, Any], said: str
) -> None:
    after = changed(first, rules=rules(change))
    assert any(said in text for text in words(first, after))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"name": "Other"}, "Name: Test → Other"),
        ({"base": {"fit": -2}}, "Fit every lead starts with: 0.0 → −2.0"),
        ({"base": {"intent": 1}}, "Intent every lead starts with: 0.0 → 1.0"),
        ({"limits": {"fit": [-5, None], "total": [-10000, 10000]}}, "Lowest fit: none → −5.0"),
        ({"limits": {"fit": [None, 50], "total": [-10000, 10000]}}, "Highest fit: none → 50.0"),
        ({"limits": {"intent": [-5, 9], "total": [-10000, 10000]}}, "Highest intent: none → 9.0"),
        ({"limits": {"total": [0, 100]}}, "Lowest score: −10000.0 → 0.0"),
        ({"thresholds": {**RAW["thresholds"], "mql": 31}}, "Queue line: 30.0 → 31.0"),
        ({"thresholds": {**RAW["thresholds"], "accept": 70}}, "Accept line: 55.0 → 70.0"),
        (
            {"thresholds": {**RAW["thresholds"], "fit": {"A": 35, "B": 20, "C": 10}}},
            "Fit A from: 30.0 → 35.0",
        ),
        (
            {"thresholds": {**RAW["thresholds"], "intent": {1: 30, 2: 20, 3: 5}}},
            "Intent 3 from: 10.0 → 5.0",
        ),
        ({"caps": {"browsing": 10}}, "Most that group “browsing” gives or takes: 15.0 → 10.0"),
        ({"caps": {}}, "Most that group “browsing” gives or takes: 15.0 → none"),
        (
            {"account_fit": {"poor_below": 10, "cap": 45}},
            "Highest score with a poor account: none → 45.0",
        ),
    ],
)
def test_it_says_each_setting(first: ScoringModel, raw: dict[str, Any], said: str) -> None:
    assert f"Setting: {said}" in words(first, changed(first, **raw))


def test_it_says_which_grade_moved(first: ScoringModel) -> None:
    tiers = {word: list(grades) for word, grades in first.tiers.items()}
    tiers["hot"].remove("B1")
    tiers["warm"].append("B1")
    assert words(first, changed(first, tiers=tiers)) == ["Setting: Tier of B1: hot → warm"]


def test_it_says_when_another_disqualifier_comes_first(first: ScoringModel) -> None:
    turned = [*RAW["rules"][:2], *reversed(RAW["rules"][2:])]
    after = changed(first, rules=turned)
    assert words(first, after) == ["Setting: Order of the disqualifiers: A rule 3, A rule 2"]


OTHER: dict[str, Any] = {
    "fit_thresholds": {"A": "1.0"},
    "intent_thresholds": {"1": "1.0"},
    "caps": {"x": "1.0"},
    "tiers": {"hot": ["D4"]},
    "actions": {"accept": ["D4"]},
    "name": "Other",
    "segments": {"swiss": {"country": ["Norway"]}},
}


@pytest.mark.parametrize("column", [name for name in MODEL_CONTENT if name != "version"])
def test_no_column_of_a_version_is_forgotten(first: ScoringModel, column: str) -> None:
    """Two versions that differ in one column differ in words."""
    first.segments = {"swiss": {"country": ["Switzerland"]}}
    after = ScoringModel.objects.get(pk=first.pk)
    after.segments = first.segments
    setattr(after, column, OTHER.get(column, 7))
    assert diff_of(first, after)


@pytest.mark.parametrize("column", sorted(set(RULE_CONTENT) - {"position"}))
def test_no_column_of_a_rule_is_forgotten(
    first: ScoringModel, now: dt.datetime, column: str
) -> None:
    copy = drafts.copy_to_draft(model=first, by=None, now=now)
    other = {
        "dimension": "intent",
        "points": 3,
        "condition": {"subject": "lead.city", "op": "is_known"},
    }
    rule_row = copy.rules.get(key="a-rule-0")
    setattr(rule_row, column, other.get(column, "other"))
    rule_row.save()
    assert diff_of(first, copy)
