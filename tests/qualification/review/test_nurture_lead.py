"""Nurture: wake conditions, latest date, refusals, the database as last wall."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from crm.models import User
from crm.roles import Role
from crm.stages import Stage
from qualification.choices import DecisionKind, ItemState, TimerState
from qualification.exceptions import AlreadyDecided, DecisionIncomplete, NotHolder
from qualification.models import Decision, NurturePlan, ReviewItem, SLATimer
from qualification.review.decisions import nurture_lead
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, held_item, nurtured, reason

LATER = NOW + 5 * MINUTE
TODAY = NOW.date()
SOON = TODAY + dt.timedelta(days=30)
DEFAULT_LATEST = TODAY + dt.timedelta(days=180)
pytestmark = pytest.mark.django_db


def nurture(item: ReviewItem, by: User, **given: Any) -> Decision:
    return nurture_lead(item=item, by=by, **({"token": item.token, "now": LATER} | given))


def test_it_nurtures(people: dict[str, User]) -> None:
    item = held_item(people["sdr"], ItemState.OWNED)

    decision = nurture(
        item, people["sdr"], reason=reason("no_project"), note="After Q1", wake_on=SOON
    )

    plan = NurturePlan.objects.get(decision=decision)
    item.refresh_from_db()
    item.lead.refresh_from_db()
    assert (decision.kind, decision.reason, decision.note) == (
        DecisionKind.NURTURE,
        reason("no_project"),
        "After Q1",
    )
    assert (plan.wake_on, plan.latest_on, plan.state) == (SOON, DEFAULT_LATEST, "waiting")
    assert (item.state, item.lead.stage) == (ItemState.CLOSED, Stage.NURTURE)
    assert not SLATimer.objects.filter(item=item, state=TimerState.RUNNING).exists()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"wake_activity": "page_view"}, (None, "page_view", None, DEFAULT_LATEST)),
        ({"wake_score_tenths": 600}, (None, "", 600, DEFAULT_LATEST)),
        ({"wake_on": SOON, "latest_on": SOON}, (SOON, "", None, SOON)),
        (
            {"wake_on": TODAY + dt.timedelta(days=400)},
            (TODAY + dt.timedelta(days=400), "", None, TODAY + dt.timedelta(days=400)),
        ),
    ],
)
def test_the_plan_holds_the_wake_conditions(
    people: dict[str, User], given: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    plan = NurturePlan.objects.get(
        decision=nurture(held_item(people["sdr"]), people["sdr"], **given)
    )
    assert (plan.wake_on, plan.wake_activity, plan.wake_score_tenths, plan.latest_on) == expected


def test_a_timing_reason_alone_wakes_on_the_latest_day(people: dict[str, User]) -> None:
    decision = nurture(held_item(people["sdr"]), people["sdr"], reason=reason("locked_in_contract"))
    assert (decision.plan.wake_on, decision.plan.latest_on) == (DEFAULT_LATEST, DEFAULT_LATEST)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"wake_activity": "  "},
        {"wake_on": TODAY},
        {"wake_on": TODAY - dt.timedelta(days=1)},
        {"wake_on": SOON, "latest_on": SOON - dt.timedelta(days=1)},
        {"wake_activity": "page_view", "latest_on": TODAY},
        {"wake_score_tenths": 0},
    ],
)
def test_it_refuses_what_would_not_wake(people: dict[str, User], given: dict[str, Any]) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(DecisionIncomplete):
        nurture(item, people["sdr"], **given)
    assert not Decision.objects.exists()


def test_a_reason_that_is_not_about_timing_wakes_nobody(people: dict[str, User]) -> None:
    with pytest.raises(DecisionIncomplete):
        nurture(held_item(people["sdr"]), people["sdr"], reason=reason("too_small"))


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str) -> None:
    with pytest.raises(PermissionDenied):
        nurture(held_item(people["sdr"]), people[role], wake_on=SOON)


def test_it_refuses_who_does_not_hold_it(people: dict[str, User]) -> None:
    with pytest.raises(NotHolder):
        nurture(held_item(people["sdr"]), people["manager"], wake_on=SOON)


def test_it_refuses_twice(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"])
    with pytest.raises(AlreadyDecided, match=r"You nurtured this lead at 09:05."):
        nurture(decision.item, people["sdr"], wake_on=SOON)


@pytest.mark.parametrize("change", [{"wake_on": None}, {"latest_on": None}])
def test_the_database_refuses_a_plan_that_cannot_wake(
    people: dict[str, User], change: dict[str, Any]
) -> None:
    plan = nurtured(people["sdr"]).plan
    with pytest.raises(IntegrityError), transaction.atomic():
        NurturePlan.objects.filter(pk=plan.pk).update(**change)
