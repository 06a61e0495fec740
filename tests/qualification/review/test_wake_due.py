"""Waking: by date, activity, score; once, whoever sweeps, however late."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from crm.lifecycle import move_lead
from crm.models import Activity, ActivityVerdict, User
from crm.stages import Stage
from qualification.choices import EntryReason, ItemState, TimerState
from qualification.models import (
    Decision,
    LeadScore,
    NurturePlan,
    ReviewItem,
    SLATimer,
)
from qualification.review.waking import wake_due
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, active_model, nurtured
from tests.qualification.queue_support import all_done

DAY = dt.timedelta(days=1)
WAKE_ON = NOW.date() + dt.timedelta(days=10)
pytestmark = pytest.mark.django_db


def see(decision: Decision, name: str, at: dt.datetime) -> Activity:
    return Activity.objects.create(lead=decision.lead, type=name, occurred_at=at, recorded_at=at)


def score(decision: Decision, total_tenths: int) -> None:
    model = active_model()
    LeadScore.objects.create(
        lead=decision.lead,
        model=model,
        fit_tenths=total_tenths,
        intent_tenths=0,
        total_tenths=total_tenths,
        grade="B4",
        tier="cool",
        as_of=NOW,
    )


def assert_woken(decision: Decision, now: dt.datetime) -> None:
    item = ReviewItem.objects.open().get(lead=decision.lead)
    timer = SLATimer.objects.get(item=item, state=TimerState.RUNNING)
    decision.lead.refresh_from_db()
    assert (item.state, item.entry_reason) == (ItemState.WAITING, EntryReason.WOKEN)
    assert timer.started_at == now
    assert decision.lead.stage == Stage.MQL
    assert NurturePlan.objects.get(decision=decision).state == NurturePlan.State.WOKEN


def test_it_wakes_on_the_day_and_not_before(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], on=WAKE_ON)
    assert wake_due(now=NOW + 9 * DAY) == 0
    assert wake_due(now=NOW + 10 * DAY) == 1
    assert_woken(decision, NOW + 10 * DAY)


def test_it_wakes_once_after_a_day_of_downtime(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], on=WAKE_ON)
    late = NOW + 11 * DAY
    assert (wake_due(now=late), wake_due(now=late), wake_due(now=late + DAY)) == (1, 0, 0)
    assert_woken(decision, late)
    assert ReviewItem.objects.filter(lead=decision.lead).count() == 2


def test_it_wakes_on_the_latest_day_whatever_happens(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], activity="demo_request")
    assert wake_due(now=NOW + 179 * DAY) == 0
    assert wake_due(now=NOW + 180 * DAY) == 1
    assert_woken(decision, NOW + 180 * DAY)


def test_it_wakes_by_the_awaited_activity(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], activity="page_view")
    see(decision, "page_view", NOW)
    see(decision, "mail_click", NOW + DAY)
    assert wake_due(now=NOW + DAY) == 0
    see(decision, "page_view", NOW + DAY)
    assert wake_due(now=NOW + DAY) == 1
    assert_woken(decision, NOW + DAY)


def test_a_machines_activity_wakes_nobody(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], activity="page_view")
    activity = see(decision, "page_view", NOW + DAY)
    for is_machine, at, expected in ((True, 1, 0), (False, 2, 1)):
        ActivityVerdict.objects.create(
            activity=activity, is_machine=is_machine, reason="scanner", recorded_at=NOW + at * DAY
        )
        assert wake_due(now=NOW + at * DAY) == expected


def test_it_wakes_by_a_score_rise(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], rise_tenths=600)
    score(decision, 599)
    assert wake_due(now=NOW + DAY) == 0
    LeadScore.objects.update(total_tenths=600)
    assert wake_due(now=NOW + DAY) == 1
    assert_woken(decision, NOW + DAY)


def test_a_plan_of_a_lead_that_moved_is_cancelled(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], on=WAKE_ON)
    move_lead(
        lead=decision.lead,
        to=Stage.DISQUALIFIED,
        reason="opted out",
        by=None,
        now=NOW + DAY,
        disqualified_by="rule",
    )
    assert wake_due(now=NOW + 10 * DAY) == 0
    assert NurturePlan.objects.get().state == NurturePlan.State.CANCELLED
    assert not ReviewItem.objects.open().exists()


def test_a_lead_a_rule_disqualifies_does_not_wake(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], on=WAKE_ON)
    score(decision, 0)
    LeadScore.objects.update(disqualified="opted_out", grade="", tier="")
    assert wake_due(now=NOW + 10 * DAY) == 0
    decision.lead.refresh_from_db()
    assert decision.lead.stage == Stage.DISQUALIFIED
    assert not NurturePlan.objects.filter(state=NurturePlan.State.WAITING).exists()


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_wake_each_lead_once(people: dict[str, User]) -> None:
    decisions = [nurtured(people["sdr"], on=WAKE_ON) for _ in range(6)]
    woken = all_done([lambda: wake_due(now=NOW + 10 * DAY) for _ in range(3)])
    # What another sweep had in hand is finished by the next one.
    woken.append(wake_due(now=NOW + 10 * DAY + MINUTE))

    assert sum(woken) == len(decisions)
    for decision in decisions:
        assert ReviewItem.objects.open().filter(lead=decision.lead).count() == 1


def test_the_day_begins_where_the_person_is(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    sdr.time_zone = "America/Los_Angeles"
    sdr.save()
    evening = dt.datetime(2026, 11, 24, 4, 30, tzinfo=dt.UTC)
    with timezone.override(ZoneInfo(sdr.time_zone)):  # half past eight on the 23rd
        nurtured(sdr, now=evening, on=dt.date(2026, 11, 24))
    assert wake_due(now=evening + MINUTE) == 0
    assert wake_due(now=dt.datetime(2026, 11, 24, 7, 59, tzinfo=dt.UTC)) == 0
    assert wake_due(now=dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC)) == 1


def test_a_zone_nobody_knows_is_utc(people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], on=WAKE_ON)
    User.objects.filter(pk=people["sdr"].pk).update(time_zone="Nowhere/City")
    wakes_at = dt.datetime.combine(WAKE_ON, dt.time(), tzinfo=dt.UTC)
    assert wake_due(now=wakes_at - MINUTE) == 0
    assert wake_due(now=wakes_at) == 1
    assert_woken(decision, wakes_at)
