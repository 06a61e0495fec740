"""What counts as evidence, how it is weighed, and when there is not enough of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qualification.feedback.disputes import dispute_line, withdraw_dispute
from qualification.feedback.evidence import RuleEvidence, Share, weigh_rules
from qualification.feedback.history import History, disputes_by_rule, history_of, written_points
from qualification.models import Decision, RuleProposal, ScoringModel
from tests import factories
from tests.qualification.feedback_support import decide, go_live, live_model

pytestmark = pytest.mark.django_db

NOW = factories.NOW
FIT, INTENT, NONE, DATA = "wrong_industry", "research_only", "duplicate", "fake_contact"


@pytest.fixture
def model(db: None) -> ScoringModel:
    return live_model()


@pytest.fixture
def worked(model, team, people):
    """Adds decided leads: `worked([("accept", ["big"]), …])`."""

    def add(outcomes, of: ScoringModel | None = None, now: dt.datetime = NOW):
        return decide(of or model, outcomes, by=people["sdr"], ae=people["ae"], team=team, now=now)

    return add


def weigh(model: ScoringModel) -> dict[str, RuleEvidence]:
    history = history_of(model, now=NOW)
    found = weigh_rules(history, written=written_points(history.rules), disputes=disputes_by_rule())
    return {about.rule.key: about for about in found}


def test_it_counts_a_reject_for_the_dimension_of_its_reason_only(model, worked) -> None:
    worked([("accept", ["big", "visited"])] * 3)
    worked([(FIT, ["big", "visited"])] * 5)
    worked([(INTENT, ["big", "visited"])] * 7)
    worked([(NONE, ["big", "visited"]), (DATA, ["big", "visited"])] * 9)
    found = weigh(model)
    assert (found["big"].fired.n, found["big"].fired.accepted) == (8, 3)
    assert (found["visited"].fired.n, found["visited"].fired.accepted) == (10, 3)


def test_it_leaves_out_what_was_undone(model, worked, people) -> None:
    _, undone = worked([("accept", ["big"]), (FIT, ["big"])])
    Decision.objects.create(
        item=undone.item,
        lead=undone.lead,
        kind="overturned",
        by=people["manager"],
        at=NOW,
        reverses=undone,
    )
    assert weigh(model)["big"].fired == Share(1, 1)


def test_it_takes_the_last_decision_of_a_lead(model, worked, people) -> None:
    (first,) = worked([(FIT, ["big"])])
    Decision.objects.create(
        item=first.item,
        lead=first.lead,
        kind="accept",
        override_reason="Made up",
        ae=people["ae"],
        by=people["sdr"],
        at=NOW + dt.timedelta(hours=1),
        model=model,
        fired={"big": 100},
    )
    history = history_of(model, now=NOW + dt.timedelta(hours=2))
    assert history.accepted.tolist() == [True]
    assert history_of(model, now=NOW).accepted.tolist() == [False]


@pytest.mark.parametrize("kind", ["bad_data", "bot"])
def test_it_leaves_out_a_line_that_was_not_true(model, worked, people, kind) -> None:
    decisions = worked([("accept", ["big", "visited"]), (FIT, ["big"])])
    rule = model.rules.get(key="big")
    lead = decisions[0].lead
    dispute = dispute_line(lead=lead, rule=rule, kind=kind, by=people["sdr"], now=NOW)
    found = weigh(model)
    assert found["big"].fired == Share(1, 0)
    assert found["big"].rest == Share(0, 0)
    assert found["visited"].fired == Share(1, 1)
    assert found["big"].disputes == {kind: 1}
    withdraw_dispute(dispute=dispute, by=people["sdr"], now=NOW)
    assert weigh(model)["big"].fired == Share(2, 1)


@pytest.mark.parametrize("kind", ["stale", "wrong_rule"])
def test_other_disputes_are_counted_and_keep_the_line(model, worked, people, kind) -> None:
    (decision,) = worked([("accept", ["big"])])
    rule = model.rules.get(key="big")
    dispute_line(lead=decision.lead, rule=rule, kind=kind, by=people["sdr"], now=NOW)
    about = weigh(model)["big"]
    assert about.fired == Share(1, 1)
    assert about.disputes == {kind: 1}


def test_it_knows_nothing_of_a_rule_the_version_did_not_have(model, worked) -> None:
    worked([("accept", ["big"])] * 4)
    newer = live_model({"big": ("fit", "12.0"), "new": ("fit", "5.0")}, version=2)
    worked([(FIT, ["big", "new"])] * 3, of=newer)
    found = weigh(newer)
    assert (found["big"].fired.n, found["big"].rest.n) == (7, 0)
    assert (found["new"].fired.n, found["new"].rest.n) == (3, 0)


def test_it_knows_nothing_of_a_rule_under_another_condition(model, worked) -> None:
    worked([("accept", ["big"])] * 4)
    newer = live_model(version=2)
    ScoringModel.objects.filter(pk=newer.pk).update(status="retired", retired_at=NOW)
    edited = ScoringModel.objects.create(
        **{
            field.attname: getattr(newer, field.attname)
            for field in ScoringModel._meta.concrete_fields
            if field.attname not in ("id", "version", "status", "published_at", "published_as")
        },
        version=3,
    )
    edited.rules.create(
        key="big",
        name="Big",
        dimension="fit",
        condition={"subject": "account.employees", "op": "at_least", "value": 500},
        points=Decimal(10),
    )
    go_live(edited)
    assert weigh(edited)["big"].counted == 0


def test_it_scales_a_hit_by_the_points_of_its_version(model, worked) -> None:
    (decision,) = worked([("accept", ["visited"])])
    fired = {"visited": 50, "big": 100}
    Decision.objects.bulk_create(
        [
            Decision(
                item=decision.item,
                lead=factories.LeadFactory(),
                kind="accept",
                override_reason="Made up",
                ae=decision.ae,
                by=decision.by,
                at=NOW,
                model=model,
                fired=fired,
            )
        ]
    )
    history = history_of(model, now=NOW)
    column = [rule.key for rule in history.rules].index("visited")
    assert sorted(history.hits[:, column]) == [0.5, 1.0]


def test_a_rule_without_points_still_fires(worked, team) -> None:
    free = live_model({"big": ("fit", "0.0")}, version=2)
    worked([("accept", ["big"]), (FIT, [])], of=free)
    assert weigh(free)["big"].fired == Share(1, 1)


def test_it_says_what_is_missing(model, worked) -> None:
    worked([("accept", ["big"])] * 6 + [(FIT, [])] * 20)
    about = weigh(model)["big"]
    assert about.proposed is None
    assert about.why == "Not enough data: 24 more counted decisions, 4 more firings."


@pytest.mark.parametrize(("decisions", "firings", "enough"), [(50, 10, 1), (49, 10, 0), (50, 9, 0)])
def test_the_floor_is_fifty_decisions_and_ten_firings(
    model, worked, decisions, firings, enough
) -> None:
    outcomes = ["accept", FIT] * 25
    worked(
        (outcome, ["big"] if number < firings else [])
        for number, outcome in enumerate(outcomes[:decisions])
    )
    assert (weigh(model)["big"].proposed is not None) == bool(enough)


def test_it_needs_both_kinds(model, worked) -> None:
    worked([("accept", ["big"])] * 40 + [("accept", [])] * 40)
    assert weigh(model)["big"].why == "Not enough data: a reject that counts for this rule."


def test_it_grades_a_planted_bad_rule_strong(model, worked) -> None:
    worked([("accept", ["big"])] * 10 + [(FIT, ["big"])] * 70)
    worked([("accept", ["near"])] * 60 + [(FIT, ["near"])] * 60)
    about = weigh(model)["big"]
    assert about.grade == "strong"
    assert about.proposed is not None
    assert about.proposed < about.rule.points
    value, low, high = about.difference
    assert low < value < high < 0


def test_it_stays_collecting_where_cells_are_small(model, worked) -> None:
    worked([("accept", [])] * 4 + [(FIT, ["big"])] * 50 + [(FIT, [])] * 50)
    about = weigh(model)["big"]
    assert about.expected_min < 5
    assert about.grade == "collecting"


def test_chance_alone_seldom_grades_strong(db) -> None:
    """Rules written at no points on leads decided by coin: q holds over many draws."""
    draw = np.random.default_rng(5)
    idle = live_model(dict.fromkeys("abcdef", ("fit", "0.0")), version=2)
    rules = tuple(idle.rules.all())
    strong = 0
    for _ in range(12):
        hits = (draw.random((300, 6)) < 0.3).astype(float)
        accepted = draw.random(300) < 0.5
        made = History(
            rules=rules,
            hits=hits,
            accepted=accepted,
            counts_for={"fit": np.ones(300, bool), "intent": np.zeros(300, bool)},
        )
        found = weigh_rules(made, written=[Decimal(0)] * 6, disputes={})
        strong += any(about.grade == "strong" for about in found)
    assert strong <= 2


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = Share(10, 0).interval
    # Textbook value: z²/(n + z²) with z = 1.96.
    assert low == 0
    assert high == pytest.approx(3.8415 / (10 + 3.8415), abs=1e-4)


def test_it_walks_published_proposals_back_to_what_was_written(model) -> None:
    newer = live_model({"big": ("fit", "14.0")}, version=2)
    for before, after in (("10.0", "12.0"), ("12.0", "14.0")):
        RuleProposal.objects.create(
            model=model,
            rule=model.rules.get(key="big"),
            rule_key="big",
            current_points=before,
            proposed_points=after,
            evidence={},
            status="published",
            created_at=NOW,
        )
    assert written_points(list(newer.rules.all())) == [Decimal("10.0")]
    edited = live_model({"big": ("fit", "30.0")}, version=3)
    assert written_points(list(edited.rules.all())) == [Decimal("30.0")]


def test_the_number_of_queries_does_not_grow(model, worked) -> None:
    worked([("accept", ["big"]), (FIT, ["near"])])
    with CaptureQueriesContext(connection) as few:
        weigh(model)
    worked([("accept", ["big"]), (INTENT, ["visited"])] * 100)
    with CaptureQueriesContext(connection) as many:
        weigh(model)
    assert len(few) == len(many) <= 6


def test_a_hair_is_no_change(model, worked) -> None:
    worked([("accept", ["big"])] * 30 + [(FIT, ["big"])] * 30 + [("accept", [])] * 30)
    about = weigh(model)["big"]
    hair = Decimal(f"{about.smallest_step:.1f}") - Decimal("0.1")
    assert not replace(about, proposed=about.rule.points + hair).is_change
    assert replace(about, proposed=about.rule.points + hair + Decimal("0.2")).is_change
