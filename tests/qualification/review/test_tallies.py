"""What past decisions say about each question: which decisions and answers count, and the test."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import User
from qualification.choices import ItemState
from qualification.jobs import learn_tallies as learn_by_schedule
from qualification.models import Criterion, Decision, QuestionTally
from qualification.review.decisions import reject_lead
from qualification.review.tallies import MIN_DECISIONS, learn_tallies
from qualification.review.undo import undo_decision
from tests.qualification.decision_support import (
    MINUTE,
    NOW,
    accepted,
    answer,
    held_item,
    nurtured,
    reason,
    rejected,
)
from tests.qualification.tally_support import past_decisions

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(hours=1)


def tally(key: str) -> QuestionTally:
    return QuestionTally.objects.get(criterion__key=key)


def test_it_counts_answers_by_how_it_ended(people: dict[str, User]) -> None:
    accepted(people)
    item = held_item(people["sdr"], ItemState.OWNED)
    answer(item.lead, "budget", people["sdr"], state="unknown", value=None)
    answer(item.lead, "budget_funds", people["sdr"], value="no")
    reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("no_funds"),
        now=NOW + 5 * MINUTE,
    )
    assert learn_tallies(now=LATER) == 2
    assert tally("budget").answers == {"confirmed": [1, 0], "unknown": [0, 1]}
    assert (tally("budget").decided, tally("budget").q) == (2, None)
    assert tally("budget_funds").answers == {"no": [0, 1]}
    assert tally("trigger").answers == {}
    assert (tally("trigger").all_decided, tally("trigger").all_accepted) == (2, 1)


def test_it_leaves_out_what_is_no_verdict_on_the_lead(people: dict[str, User]) -> None:
    rejected(people["sdr"], "duplicate")
    undone = accepted(people)
    undo_decision(decision=undone, by=people["sdr"], now=NOW + 5 * MINUTE)
    assert learn_tallies(now=LATER) == 0
    rejected(people["sdr"])
    nurtured(people["sdr"])
    accepted(people, now=LATER + MINUTE)
    assert learn_tallies(now=LATER) == 2
    assert (tally("budget").all_decided, tally("budget").all_accepted) == (2, 0)


def test_it_counts_the_last_decision_of_a_lead(people: dict[str, User]) -> None:
    (first,) = past_decisions(people, {"pain": [("confirmed", True)]})
    # The same person asked again and was decided anew.
    Decision.objects.create(
        item=first.item,
        lead=first.lead,
        kind="reject",
        reason=reason("no_funds"),
        by=people["sdr"],
        at=NOW + MINUTE,
        frozen={"answers": {"pain": {"state": "unknown", "value": None}}},
    )
    assert learn_tallies(now=LATER) == 1
    assert tally("pain").answers == {"unknown": [0, 1]}


def test_it_tests_whether_answers_go_with_the_outcome(people: dict[str, User]) -> None:
    half = MIN_DECISIONS // 2
    past_decisions(
        people,
        {
            "pain": [("confirmed", True), ("contradicted", False)] * half,
            "timing": [("confirmed", True), ("confirmed", False)] * half,
            "trigger": [("confirmed", True), ("unknown", True)] * 3,
            "plans": ([("confirmed", True), ("unknown", True)] * half)
            + ([("confirmed", False), ("unknown", False)] * half),
        },
    )
    learn_tallies(now=LATER)
    found = {row.criterion.key: row.q for row in QuestionTally.objects.select_related("criterion")}
    assert found["pain"] < 0.001
    assert found["timing"] is None  # all answered alike
    assert found["trigger"] is None  # too few
    assert found["plans"] > 0.9


def test_it_counts_anew_each_time_in_a_fixed_number_of_queries(people: dict[str, User]) -> None:
    learn_tallies(now=NOW)
    past_decisions(people, {"pain": [("confirmed", True)] * 5})
    with CaptureQueriesContext(
        connection,
    ) as queries:
        learn_tallies(now=LATER)
        learn_tallies(now=LATER)
    assert len([q for q in queries if "qualification_" in q["sql"]]) <= 6
    assert QuestionTally.objects.count() == Criterion.objects.count()
    assert tally("pain").answers == {"confirmed": [5, 0]}
    assert set(QuestionTally.objects.values_list("learned_at", flat=True)) == {LATER}


def test_the_schedule_learns(people: dict[str, User]) -> None:
    past_decisions(people, {"pain": [("confirmed", True)]})
    learn_by_schedule()
    assert tally("pain").decided == 1
