"""The report says only what the counts carry: rare, idle, contradicting, disputed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm.models import Team, User
from qualification.choices import DisputeKind
from qualification.feedback.disputes import dispute_line
from qualification.feedback.rule_usage import RuleUse, usage_report
from qualification.models import (
    RuleReview,
    RunKind,
    RunState,
    ScoringModel,
    ScoringRule,
    ScoringRun,
)
from qualification.scoring.drafts import copy_to_draft, note_edit
from tests.qualification.feedback_support import NOW, decide, live_model

pytestmark = pytest.mark.django_db
RULES = {
    "big": ("fit", "10.0"),
    "near": ("fit", "5.0"),
    "far": ("fit", "-5.0"),
    "asked": ("intent", "20.0"),
}


@pytest.fixture
def model() -> ScoringModel:
    """A live version."""
    return live_model(RULES)


def counted(model: ScoringModel, **result: Any) -> ScoringRun:
    """A finished run that found this."""
    usual: dict[str, Any] = {"n": 1000, "fired": {}, "told": {}, "together": {}}
    return ScoringRun.objects.create(
        kind=RunKind.USAGE,
        state=RunState.DONE,
        model=model,
        as_of=NOW,
        requested_at=NOW,
        finished_at=NOW,
        result=usual | result,
    )


def report(model: ScoringModel) -> dict[str, RuleUse]:
    """The rows by rule."""
    return {row.rule.key: row for row in usage_report(model, now=NOW).rows}


def flags(row: RuleUse) -> set[str]:
    """What is said of a rule."""
    return {flag.key for flag in row.flags}


def test_before_the_first_count_it_says_nothing(model: ScoringModel) -> None:
    found = usage_report(model, now=NOW)
    assert (found.run, found.rows) == (None, ())


def test_rare_is_said_only_when_the_interval_carries_it(model: ScoringModel) -> None:
    counted(model, n=2000, fired={"big": 5, "near": 15, "far": 200, "asked": 0})
    rows = report(model)
    assert {key: "rare" in flags(row) for key, row in rows.items()} == {
        "big": True,
        "near": False,
        "far": False,
        "asked": True,
    }
    assert any("too few leads" in words for words in rows["near"].missing)
    assert rows["far"].fired.rate == 0.1
    few = counted(model, n=60, fired={})
    assert few.pk
    assert not any("rare" in flags(row) for row in report(model).values())


def test_idle_is_said_only_of_rules_that_had_their_chance(model: ScoringModel) -> None:
    fired = {"big": 400, "near": 29, "far": 300, "asked": 30}
    counted(model, fired=fired, told={"far": 1})
    rows = report(model)
    assert {key for key, row in rows.items() if "idle" in flags(row)} == {"big", "asked"}
    assert any("too rarely" in words for words in rows["near"].missing)
    assert (rows["far"].told.n, rows["far"].told.accepted) == (300, 1)


def test_twins_of_opposite_signs_contradict(model: ScoringModel) -> None:
    fired = {"big": 40, "near": 90, "far": 40}
    counted(model, fired=fired, together={"big|far": 40, "near|far": 40})
    rows = report(model)
    assert {key for key, row in rows.items() if "contradicts" in flags(row)} == {"big", "far"}
    assert "Far" in rows["big"].flags[-1].words


def test_points_against_the_accept_rate_contradict(
    model: ScoringModel, people: dict[str, User], team: Team
) -> None:
    # `near` gives points, but its leads are rejected; `big` and `far` go along with their points.
    outcomes = [("accept", ["big"])] * 60 + [("accept", [])] * 20
    outcomes += [("region_not_served", ["near", "far"])] * 60 + [("region_not_served", [])] * 20
    decide(model, outcomes, by=people["sdr"], ae=people["ae"], team=team)
    counted(model)
    rows = report(model)
    assert {key for key, row in rows.items() if "contradicts" in flags(row)} == {"near"}
    assert (rows["near"].accepted.n, rows["near"].accepted.accepted) == (60, 0)
    assert rows["near"].rest.n == 100


def test_too_few_decisions_never_contradict(
    model: ScoringModel, people: dict[str, User], team: Team
) -> None:
    outcomes = [("accept", [])] * 4 + [("region_not_served", ["near"])] * 4
    decide(model, outcomes, by=people["sdr"], ae=people["ae"], team=team)
    counted(model)
    assert "contradicts" not in flags(report(model)["near"])


def test_disputes_are_a_share_of_the_leads_people_worked_on(
    model: ScoringModel, people: dict[str, User], team: Team
) -> None:
    outcomes = [("accept", ["big"])] * 9 + [("accept", ["near"])]
    decisions = decide(model, outcomes, by=people["sdr"], ae=people["ae"], team=team)
    rule = ScoringRule.objects.get(model=model, key="big")
    for _twice in range(2):
        dispute_line(
            lead=decisions[0].lead,
            rule=rule,
            kind=DisputeKind.WRONG_RULE,
            by=people["sdr"],
            now=NOW,
        )
    dispute_line(
        lead=decisions[9].lead, rule=rule, kind=DisputeKind.STALE, by=people["sdr"], now=NOW
    )
    counted(model)
    rows = report(model)
    assert (rows["big"].disputed.accepted, rows["big"].disputed.n) == (2, 10)
    assert {n for _kind, n in rows["big"].disputes} == {1}
    low, high = rows["big"].disputed.interval
    assert (round(low, 3), round(high, 3)) == (0.057, 0.51)
    assert (rows["near"].disputed.accepted, rows["near"].disputed.n) == (0, 1)


def test_it_shows_reviews_and_whether_the_draft_moved_on(
    model: ScoringModel, people: dict[str, User]
) -> None:
    draft = copy_to_draft(model=model, by=people["admin"], now=NOW)
    counted(draft)
    RuleReview.objects.create(rule_key="big", due_on=NOW.date())
    assert report(draft)["big"].review is not None
    assert not usage_report(draft, now=NOW).is_outdated
    later = NOW + dt.timedelta(minutes=1)
    note_edit(draft=draft, by=people["admin"], text="x", now=later)
    assert usage_report(draft, now=NOW).is_outdated
