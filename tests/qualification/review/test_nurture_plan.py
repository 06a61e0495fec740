"""A plan changed or ended by hand: who may, what counts from then on, and races with the waking."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from crm.models import Activity, User
from crm.roles import Role
from crm.stages import Stage
from qualification.choices import EntryReason, ItemState
from qualification.exceptions import DecisionIncomplete, NotHolder, PlanEnded
from qualification.models import Decision, NurturePlan, ReviewItem, SLATimer
from qualification.review import nurture
from qualification.review.nurture import WakeWish, change_plan, take_back
from qualification.review.waking import look_again, wake_due
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import active_model, nurtured
from tests.qualification.queue_support import in_threads

DAY = dt.timedelta(days=1)
TODAY = NOW.date()
pytestmark = pytest.mark.django_db


def see(decision: Decision, name: str, at: dt.datetime) -> None:
    Activity.objects.create(lead=decision.lead, type=name, occurred_at=at, recorded_at=at)


def open_items(decision: Decision) -> list[ReviewItem]:
    return list(ReviewItem.objects.open().filter(lead=decision.lead))


def test_new_conditions_count_from_now_on(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"])
    see(decision, "page_view", NOW + DAY)
    plan = change_plan(
        plan=decision.plan,
        by=people["sdr"],
        wish=WakeWish(activity="page_view"),
        now=NOW + 2 * DAY,
    )
    assert (plan.wake_on, plan.wake_activity, plan.since) == (None, "page_view", NOW + 2 * DAY)
    assert wake_due(now=NOW + 11 * DAY) == 0
    see(decision, "page_view", NOW + 12 * DAY)
    assert wake_due(now=NOW + 12 * DAY) == 1
    event = decision.item.events.get(verb="plan:changed")
    assert (event.by, event.note) == (
        people["sdr"],
        "page view; at the latest 24 May 2027",
    )


def test_a_rise_counts_from_the_score_at_the_decision(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"])
    Decision.objects.none()
    plan = change_plan(
        plan=decision.plan, by=people["sdr"], wish=WakeWish(rise_tenths=200), now=NOW + DAY
    )
    assert plan.wake_score_tenths == decision.total_tenths + 200
    assert plan.rise_tenths == 200


def test_take_back_enters_the_queue_with_a_fresh_clock(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"])
    now = NOW + 3 * DAY
    item = ReviewItem.objects.get(pk=take_back(plan=decision.plan, by=people["sdr"], now=now))
    decision.lead.refresh_from_db()
    plan = NurturePlan.objects.get()
    assert (item.state, item.entry_reason) == (ItemState.WAITING, EntryReason.TAKEN_BACK)
    assert decision.lead.stage == Stage.MQL
    assert SLATimer.objects.get(item=item, state="running").started_at == now
    assert (plan.state, plan.ended_at) == (NurturePlan.State.CANCELLED, now)
    assert wake_due(now=NOW + 200 * DAY) == 0


VERBS: dict[str, Callable[..., Any]] = {
    "change": lambda plan, by: change_plan(
        plan=plan, by=by, wish=WakeWish(on=TODAY + 20 * DAY), now=NOW + DAY
    ),
    "take back": lambda plan, by: take_back(plan=plan, by=by, now=NOW + DAY),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str, verb: str) -> None:
    plan = nurtured(people["sdr"]).plan
    with pytest.raises(PermissionDenied):
        VERBS[verb](plan, people[role])


@pytest.mark.parametrize("verb", VERBS)
def test_it_refuses_a_colleague_and_lets_the_manager(people: dict[str, User], verb: str) -> None:
    plan = nurtured(people["sdr"]).plan
    colleague = factories.person("sdr", people["sdr"].team)
    with pytest.raises(NotHolder, match="Only Maya or a manager"):
        VERBS[verb](plan, colleague)
    VERBS[verb](plan, people["manager"])


@pytest.mark.parametrize("verb", VERBS)
def test_it_refuses_a_manager_of_another_team(people: dict[str, User], verb: str) -> None:
    plan = nurtured(people["sdr"]).plan
    stranger = factories.person("manager", factories.TeamFactory(name="Elsewhere"))
    with pytest.raises(NotHolder):
        VERBS[verb](plan, stranger)
    assert NurturePlan.objects.get().state == NurturePlan.State.WAITING


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("first", ["wake", "take back"])
def test_it_refuses_once_it_woke(people: dict[str, User], verb: str, first: str) -> None:
    plan = nurtured(people["sdr"]).plan
    if first == "wake":
        wake_due(now=NOW + 10 * DAY)
    else:
        take_back(plan=plan, by=people["sdr"], now=NOW + DAY)
    with pytest.raises(PlanEnded):
        VERBS[verb](plan, people["sdr"])
    assert ReviewItem.objects.filter(lead=plan.lead).count() == 2


def test_it_refuses_what_would_not_wake(people: dict[str, User]) -> None:
    plan = nurtured(people["sdr"]).plan
    with pytest.raises(DecisionIncomplete):
        change_plan(plan=plan, by=people["sdr"], wish=WakeWish(), now=NOW + DAY)
    assert NurturePlan.objects.get().wake_on == plan.wake_on


def test_a_contract_end_that_moves_takes_the_plan_along(people: dict[str, User]) -> None:
    active_model()
    ends = TODAY + dt.timedelta(days=300)
    decision = nurtured(people["sdr"], contract_ends_on=ends, contract_lead_days=90)
    lead = decision.lead
    lead.attributes = {"contract_end": (ends - dt.timedelta(days=100)).isoformat()}
    lead.save()
    assert look_again([lead.pk], now=NOW + DAY) == 0
    plan = NurturePlan.objects.get()
    assert plan.contract_wake_on == ends - dt.timedelta(days=190)
    assert wake_due(now=NOW + 109 * DAY) == 0
    assert wake_due(now=NOW + 110 * DAY) == 1
    assert wake_due(now=NOW + 110 * DAY) == 0


def test_a_contract_that_is_about_to_end_wakes_at_once(people: dict[str, User]) -> None:
    active_model()
    ends = TODAY + dt.timedelta(days=300)
    decision = nurtured(people["sdr"], contract_ends_on=ends, contract_lead_days=90)
    decision.lead.attributes = {"contract_end": (TODAY + dt.timedelta(days=5)).isoformat()}
    decision.lead.save()
    assert look_again([decision.lead_id], now=NOW + DAY) == 1
    assert len(open_items(decision)) == 1


@pytest.mark.parametrize("value", ["2026-02-30", "soon", 7, None, True, ["2027-01-01"]])
def test_an_attribute_that_is_no_day_changes_nothing(people: dict[str, User], value: Any) -> None:
    active_model()
    ends = TODAY + dt.timedelta(days=300)
    decision = nurtured(people["sdr"], contract_ends_on=ends, contract_lead_days=90)
    decision.lead.attributes = {"contract_end": value}
    decision.lead.save()
    assert look_again([decision.lead_id], now=NOW + DAY) == 0
    assert NurturePlan.objects.get().contract_ends_on == ends


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", range(4))
def test_waking_and_taking_back_at_once_bring_it_back_once(
    people: dict[str, User], run: int
) -> None:
    decision = nurtured(people["sdr"])
    due = NOW + 10 * DAY
    results = in_threads(
        [
            lambda: wake_due(now=due),
            lambda: take_back(plan=decision.plan, by=people["sdr"], now=due),
            lambda: wake_due(now=due),
        ]
    )
    woken = results[0] + results[2]
    by_hand = not isinstance(results[1], Exception)
    assert by_hand or isinstance(results[1], PlanEnded)
    # A lead in the other's hands is left to it; nobody else wakes it later either.
    assert woken + by_hand == 1
    assert wake_due(now=due) == 0
    assert len(open_items(decision)) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_locked", [True, False])
def test_a_plan_is_not_changed_while_its_lead_wakes(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch, *, is_locked: bool
) -> None:
    """The control: without the lock of the lead the change says it was saved for a lead awake."""
    decision = nurtured(people["sdr"])
    if not is_locked:
        monkeypatch.setattr(nurture, "lock_leads", list)
    answers: list[Any] = []

    def change() -> None:
        try:
            answers.append(VERBS["change"](decision.plan, people["sdr"]))
        except PlanEnded as refused:
            answers.append(refused)
        finally:
            connection.close()

    with transaction.atomic():
        assert wake_due(now=NOW + 10 * DAY) == 1
        thread = threading.Thread(target=change)
        thread.start()
        wait_until(lambda: not thread.is_alive() or somebody_waits())
        saved_while_waking = bool(answers)
    thread.join(timeout=30)
    if is_locked:
        assert not saved_while_waking
        assert isinstance(answers[0], PlanEnded)
    else:
        # Its UPDATE waits for the row of the plan, and then overwrites the plan of a lead awake.
        assert not isinstance(answers[0], PlanEnded)


def wait_until(happened: Callable[[], bool]) -> None:
    """Looks again and again, for half a minute at most."""
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    while not happened():
        assert dt.datetime.now(dt.UTC) < deadline


def somebody_waits() -> bool:
    """Whether a connection waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
