"""Cadences: steps over weeks, completed by touches, ended by answers and decisions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Activity, ActivityVerdict, Lead, User
from crm.roles import Role
from qualification.choices import CadenceEnd, ItemState, TouchKind, TouchResult
from qualification.exceptions import CadenceRefused, NotHolder
from qualification.models import (
    Cadence,
    CadenceRun,
    CadenceStep,
    CadenceStepDone,
    ReviewItem,
    TeamCalendar,
    Touch,
)
from qualification.review.cadence_versions import new_version
from qualification.review.cadences import start_cadence, stop_cadence
from qualification.review.claims import reassign_item, release_item
from qualification.review.decisions import reject_lead, undo_decision
from qualification.review.touches import log_nurture_touch, log_touch, snooze_item
from qualification.review.waking import look_again, wake_due
from qualification.sla.hours import CalendarContent, write_version
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import held_item, nurtured, reason
from tests.qualification.queue_support import in_threads

DAY = dt.timedelta(days=1)
NO_ANSWER: dict[str, Any] = {"kind": TouchKind.CALL, "result": TouchResult.NO_ANSWER}
MAIL: dict[str, Any] = {"kind": TouchKind.MAIL, "result": TouchResult.SENT}
SHIPPED = ["call", "mail", "call", "social", "mail", "call", "mail"]
pytestmark = pytest.mark.django_db


def shipped() -> Cadence:
    return Cadence.objects.get(key="three-weeks")


@pytest.fixture
def owned(people: dict[str, User]) -> ReviewItem:
    return held_item(people["sdr"], ItemState.OWNED)


def start(item: ReviewItem, by: User, now: dt.datetime = NOW) -> CadenceRun:
    return start_cadence(lead=item.lead, cadence=shipped(), by=by, now=now)


def running(lead: Lead) -> CadenceRun:
    return CadenceRun.objects.get(lead=lead, ended_at=None)


def test_one_is_shipped_with_five_steps_or_more_over_three_weeks() -> None:
    steps = list(shipped().steps.all())
    assert [step.kind for step in steps] == SHIPPED
    assert sum(step.wait_days for step in steps) == 21


def test_its_first_step_is_the_next_task(people: dict[str, User], owned: ReviewItem) -> None:
    run = start(owned, people["sdr"])
    owned.refresh_from_db()
    assert (owned.next_task, owned.next_task_at) == ("Call for the first time", run.due_at)
    assert owned.events.filter(verb="cadence:started").count() == 1


def test_touches_walk_through_all_steps(people: dict[str, User], owned: ReviewItem) -> None:
    sdr, now = people["sdr"], NOW
    start(owned, sdr)
    for number, kind in enumerate(SHIPPED, start=1):
        run = running(owned.lead)
        assert run.step is not None
        assert run.due_at is not None
        assert run.step.position == number
        now = max(now, run.due_at) + dt.timedelta(minutes=3)
        log_touch(item=owned, by=sdr, kind=TouchKind(kind), result=TouchResult.SENT, now=now)
    run = CadenceRun.objects.get()
    assert (run.end, run.ended_at) == (CadenceEnd.FINISHED, now)
    done = CadenceStepDone.objects.order_by("pk")
    assert [entry.step.position for entry in done] == list(range(1, 8))
    assert dt.timedelta(days=21) <= now - NOW <= dt.timedelta(days=29)
    owned.refresh_from_db()
    assert owned.next_task_at is None


def test_the_next_step_goes_before_what_the_menu_proposes(
    people: dict[str, User], owned: ReviewItem
) -> None:
    start(owned, people["sdr"])
    log_touch(
        item=owned,
        by=people["sdr"],
        **NO_ANSWER,
        next_task="Call again",
        next_task_at=NOW + 4 * DAY,
        is_proposal=True,
        now=NOW,
    )
    owned.refresh_from_db()
    assert owned.next_task == "Mail what you called about"
    # One day later at nine in their zone (UTC); a Tuesday.
    assert owned.next_task_at == dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)


def test_a_time_somebody_typed_moves_the_step(people: dict[str, User], owned: ReviewItem) -> None:
    start(owned, people["sdr"])
    log_touch(
        item=owned,
        by=people["sdr"],
        **NO_ANSWER,
        next_task="Mail the offer",
        next_task_at=NOW + 4 * DAY,
        now=NOW,
    )
    owned.refresh_from_db()
    assert (owned.next_task, owned.next_task_at) == ("Mail the offer", NOW + 4 * DAY)
    assert running(owned.lead).due_at == NOW + 4 * DAY


def test_another_kind_of_touch_leaves_the_step(people: dict[str, User], owned: ReviewItem) -> None:
    run = start(owned, people["sdr"])
    log_touch(item=owned, by=people["sdr"], **MAIL, now=NOW)
    owned.refresh_from_db()
    assert running(owned.lead).step == run.step
    assert owned.next_task == "Call for the first time"
    assert not CadenceStepDone.objects.exists()


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (TouchKind.CALL, TouchResult.SPOKE),
        (TouchKind.REPLY, TouchResult.SENT),
        (TouchKind.MEETING, TouchResult.SPOKE),
    ],
)
def test_an_answer_ends_it(
    people: dict[str, User], owned: ReviewItem, kind: TouchKind, result: TouchResult
) -> None:
    start(owned, people["sdr"])
    log_touch(item=owned, by=people["sdr"], kind=kind, result=result, now=NOW)
    assert CadenceRun.objects.get().end == CadenceEnd.REPLIED


def test_a_decision_ends_it_and_its_undo_goes_on(
    people: dict[str, User], owned: ReviewItem
) -> None:
    run = start(owned, people["sdr"])
    owned.refresh_from_db()
    decision = reject_lead(
        item=owned, token=owned.token, by=people["sdr"], reason=reason("too_small"), now=NOW + DAY
    )
    run.refresh_from_db()
    assert run.end == CadenceEnd.DECIDED
    undo_decision(decision=decision, by=people["sdr"], now=NOW + DAY)
    run.refresh_from_db()
    assert (run.end, run.ended_at) == ("", None)
    assert run.item == ReviewItem.objects.open().get(lead=owned.lead)


def test_giving_back_ends_it_and_handing_on_does_not(
    people: dict[str, User], owned: ReviewItem
) -> None:
    start(owned, people["sdr"])
    reassign_item(item=owned, to=people["manager"], by=people["manager"], now=NOW)
    assert running(owned.lead)
    owned.refresh_from_db()
    release_item(item=owned, by=people["manager"], now=NOW)
    assert CadenceRun.objects.get().end == CadenceEnd.RELEASED


def test_stopping_and_starting_another(people: dict[str, User], owned: ReviewItem) -> None:
    sdr = people["sdr"]
    with pytest.raises(CadenceRefused, match="No cadence runs"):
        stop_cadence(lead=owned.lead, by=sdr, now=NOW)
    start(owned, sdr)
    start(owned, sdr)
    stop_cadence(lead=owned.lead, by=sdr, now=NOW)
    ends = list(CadenceRun.objects.order_by("pk").values_list("end", flat=True))
    assert ends == [CadenceEnd.REPLACED, CadenceEnd.STOPPED]
    owned.refresh_from_db()
    assert owned.next_task == "Call for the first time"


def test_snoozing_puts_the_step_off(people: dict[str, User], owned: ReviewItem) -> None:
    start(owned, people["sdr"])
    snooze_item(item=owned, by=people["sdr"], until=NOW + 3 * DAY, now=NOW)
    assert running(owned.lead).due_at == NOW + 3 * DAY


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], owned: ReviewItem, role: str) -> None:
    with pytest.raises(PermissionDenied):
        start(owned, people[role])


def test_it_is_for_leads_one_owns(people: dict[str, User], owned: ReviewItem) -> None:
    for item, by, why in (
        (owned, people["manager"], "Maya holds this lead"),
        (held_item(people["sdr"]), people["sdr"], "a lead you own"),
    ):
        with pytest.raises(CadenceRefused, match=why):
            start(item, by)


@pytest.mark.parametrize("change", ["inactive", "empty"])
def test_it_refuses_what_is_not_offered(
    people: dict[str, User], owned: ReviewItem, change: str
) -> None:
    if change == "inactive":
        Cadence.objects.update(is_active=False)
    else:
        CadenceStep.objects.all().delete()
    with pytest.raises(CadenceRefused, match="no steps"):
        start(owned, people["sdr"])


def test_a_running_one_keeps_its_steps(people: dict[str, User], owned: ReviewItem) -> None:
    start(owned, people["sdr"])
    made = new_version(cadence=shipped())
    made.steps.filter(position=2).update(task="Write by hand")
    log_touch(item=owned, by=people["sdr"], **NO_ANSWER, now=NOW)
    owned.refresh_from_db()
    assert owned.next_task == "Mail what you called about"
    assert list(Cadence.objects.filter(is_active=True)) == [made]
    assert (made.version, made.is_default, made.steps.count()) == (2, True, 7)


def test_a_reply_that_comes_in_ends_it(people: dict[str, User], owned: ReviewItem) -> None:
    start(owned, people["sdr"])
    reply = Activity.objects.create(
        lead=owned.lead, type="mail_reply", occurred_at=NOW + DAY, recorded_at=NOW + DAY
    )
    verdict = {"activity": reply, "reason": "auto reply"}
    ActivityVerdict.objects.create(**verdict, is_machine=True, recorded_at=NOW + DAY)
    look_again([owned.lead_id], now=NOW + DAY)
    assert running(owned.lead)
    ActivityVerdict.objects.create(**verdict, is_machine=False, recorded_at=NOW + 2 * DAY)
    look_again([owned.lead_id], now=NOW + 2 * DAY)
    assert CadenceRun.objects.get().end == CadenceEnd.REPLIED
    owned.refresh_from_db()
    assert (owned.next_task, owned.next_task_at) == ("They answered", NOW + 2 * DAY)


class TestAsleep:
    """A nurtured lead somebody keeps in touch with."""

    def test_touches_go_on_and_it_stays_asleep(self, people: dict[str, User]) -> None:
        sdr = people["sdr"]
        decision = nurtured(sdr)
        later = NOW + DAY
        start_cadence(lead=decision.lead, cadence=shipped(), by=sdr, now=later)
        touch = log_nurture_touch(plan=decision.plan, by=sdr, **NO_ANSWER, now=later)
        decision.lead.refresh_from_db()
        step = running(decision.lead).step
        assert step is not None
        assert (touch.item, step.position) == (decision.item, 2)
        assert decision.lead.stage == "nurture"
        assert not ReviewItem.objects.open().exists()

    def test_waking_ends_it(self, people: dict[str, User]) -> None:
        decision = nurtured(people["sdr"])
        start_cadence(lead=decision.lead, cadence=shipped(), by=people["sdr"], now=NOW + DAY)
        wake_due(now=NOW + 10 * DAY)
        assert CadenceRun.objects.get().end == CadenceEnd.WOKEN

    def test_a_colleague_may_not(self, people: dict[str, User]) -> None:
        decision = nurtured(people["sdr"])
        colleague = factories.person("sdr", people["sdr"].team)
        with pytest.raises(CadenceRefused):
            start_cadence(lead=decision.lead, cadence=shipped(), by=colleague, now=NOW + DAY)
        with pytest.raises(NotHolder):
            log_nurture_touch(plan=decision.plan, by=colleague, **NO_ANSWER, now=NOW + DAY)
        assert Touch.objects.filter(lead=decision.lead).count() == 1


def test_steps_fall_into_open_hours_of_the_team(people: dict[str, User], owned: ReviewItem) -> None:
    """Open Wednesdays from 13 to 17 only, in Berlin."""
    from qualification.models import BusinessCalendar

    calendar = BusinessCalendar.objects.create(name="Wednesdays")
    content = CalendarContent(zone="Europe/Berlin", week={"wed": [["13:00", "17:00"]]})
    write_version(calendar=calendar, content=content, by=None, now=NOW)
    TeamCalendar.objects.create(team=owned.team, calendar=calendar)
    run = start(owned, people["sdr"])
    assert run.due_at == dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC)


def test_calls_come_at_a_good_time_for_the_lead(people: dict[str, User]) -> None:
    item = held_item(people["sdr"], ItemState.OWNED, country="United States", city="New York")
    run = start(item, people["sdr"])
    # Nine in London is four in the morning there; eight there is the first good hour.
    assert run.due_at == dt.datetime(2026, 11, 23, 13, 0, tzinfo=dt.UTC)


@pytest.mark.django_db(transaction=True)
def test_two_touches_at_once_complete_two_steps_once_each(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    item = held_item(sdr, ItemState.OWNED)
    start(item, sdr)
    results = in_threads(
        [lambda: log_touch(item=item, by=sdr, **NO_ANSWER, now=NOW) for _n in range(4)]
    )
    assert not [result for result in results if isinstance(result, Exception)]
    # The first step is a call and so done by one of them; the mail that comes next is not.
    assert CadenceStepDone.objects.count() == 1
    step = running(item.lead).step
    assert step is not None
    assert step.position == 2


@pytest.mark.django_db(transaction=True)
def test_one_runs_whoever_starts_it_at_once(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    item = held_item(sdr, ItemState.OWNED)
    results = in_threads([lambda: start(item, sdr) for _n in range(4)])
    assert not [result for result in results if isinstance(result, Exception)]
    assert CadenceRun.objects.filter(ended_at=None).count() == 1
