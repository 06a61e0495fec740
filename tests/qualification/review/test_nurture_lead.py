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
from qualification.models import Decision, NurturePlan, RejectionReason, ReviewItem, SLATimer
from qualification.review.decisions import nurture_lead
from qualification.review.nurture import WakeWish
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, active_model, held_item, nurtured, reason

LATER = NOW + 5 * MINUTE
TODAY = NOW.date()
SOON = TODAY + dt.timedelta(days=30)
DEFAULT_LATEST = TODAY + dt.timedelta(days=180)
pytestmark = pytest.mark.django_db


def nurture(item: ReviewItem, by: User, **given: Any) -> Decision:
    """Nurtures for a shipped reason; what is no argument of the decision is a wake condition."""
    own = {"token": item.token, "now": LATER, "reason": reason("no_project"), "note": ""}
    own |= {name: given.pop(name) for name in list(given) if name in own}
    return nurture_lead(item=item, by=by, wake=WakeWish(**given), **own)


def test_it_nurtures(people: dict[str, User]) -> None:
    item = held_item(people["sdr"], ItemState.OWNED)

    decision = nurture(item, people["sdr"], reason=reason("no_project"), note="After Q1", on=SOON)

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
        ({"activity": "page_view"}, (None, "page_view", None, DEFAULT_LATEST)),
        ({"rise_tenths": 600}, (None, "", 600, DEFAULT_LATEST)),
        ({"on": SOON, "latest_on": SOON}, (SOON, "", None, SOON)),
        (
            {"on": TODAY + dt.timedelta(days=400)},
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


@pytest.mark.parametrize("given", [None, "inactive"])
def test_it_needs_a_reason_from_the_list(people: dict[str, User], given: str | None) -> None:
    RejectionReason.objects.filter(key="no_project").update(is_active=False)
    why = reason("no_project") if given else None
    with pytest.raises(DecisionIncomplete, match="Choose a reason"):
        nurture(held_item(people["sdr"]), people["sdr"], reason=why, on=SOON)
    assert not Decision.objects.exists()


def test_before_a_contract_ends(people: dict[str, User]) -> None:
    ends = TODAY + dt.timedelta(days=365)
    decision = nurture(
        held_item(people["sdr"]), people["sdr"], contract_ends_on=ends, contract_lead_days=90
    )
    plan = decision.plan
    wakes = ends - dt.timedelta(days=90)
    assert (plan.contract_ends_on, plan.contract_wake_on, plan.latest_on) == (ends, wakes, wakes)


def test_no_rise_beyond_what_a_score_can_reach(people: dict[str, User]) -> None:
    active_model()
    with pytest.raises(DecisionIncomplete, match="No score rises above"):
        nurture(held_item(people["sdr"]), people["sdr"], rise_tenths=1001)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"activity": "  "},
        {"on": TODAY},
        {"on": TODAY - dt.timedelta(days=1)},
        {"on": SOON, "latest_on": SOON - dt.timedelta(days=1)},
        {"activity": "page_view", "latest_on": TODAY},
        {"rise_tenths": 0},
        {"contract_ends_on": TODAY + dt.timedelta(days=60), "contract_lead_days": 60},
        {"contract_ends_on": SOON, "contract_lead_days": 1, "latest_on": SOON - dt.timedelta(2)},
    ],
)
def test_it_refuses_what_would_not_wake(people: dict[str, User], given: dict[str, Any]) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(DecisionIncomplete):
        nurture(item, people["sdr"], **given)
    assert not Decision.objects.exists()


def test_a_reason_alone_wakes_nobody(people: dict[str, User]) -> None:
    with pytest.raises(DecisionIncomplete, match="Choose when"):
        nurture(held_item(people["sdr"]), people["sdr"], reason=reason("locked_in_contract"))


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str) -> None:
    with pytest.raises(PermissionDenied):
        nurture(held_item(people["sdr"]), people[role], on=SOON)


def test_it_refuses_who_does_not_hold_it(people: dict[str, User]) -> None:
    with pytest.raises(NotHolder):
        nurture(held_item(people["sdr"]), people["manager"], on=SOON)


def test_it_refuses_twice(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"])
    with pytest.raises(AlreadyDecided, match=r"You nurtured this lead at 09:05."):
        nurture(decision.item, people["sdr"], on=SOON)


@pytest.mark.parametrize(
    "change",
    [
        {"wake_on": None},
        {"latest_on": None},
        {"latest_on": TODAY},
        {"contract_wake_on": TODAY},
        {"contract_ends_on": TODAY, "contract_wake_on": SOON},
    ],
)
def test_the_database_refuses_a_plan_that_cannot_wake(
    people: dict[str, User], change: dict[str, Any]
) -> None:
    plan = nurtured(people["sdr"]).plan
    with pytest.raises(IntegrityError), transaction.atomic():
        NurturePlan.objects.filter(pk=plan.pk).update(**change)
