"""Clocks run in the open time of the team that has to answer, and keep the calendar they began
with."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Team, User
from qualification.choices import Bucket, EntryReason, TimerKind, TouchKind, TouchResult
from qualification.models import ReviewItem, SLAEvent, SLATimer
from qualification.review.claims import claim_item
from qualification.review.queue import enter_queue
from qualification.review.touches import log_touch
from qualification.sla.hours import write_version
from qualification.sla.sweep import record_due
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import accepted
from tests.qualification.sla.calendar_support import MADE, calendar_for, office

pytestmark = pytest.mark.django_db
SATURDAY = dt.datetime(2026, 11, 21, 15, 0, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
FRIDAY = dt.datetime(2026, 11, 20, 17, 50, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR, DAY = 60 * MINUTE, dt.timedelta(days=1)


def test_a_lead_of_saturday_is_due_on_monday(team: Team) -> None:
    version = calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team, now=SATURDAY)
    timer = item.timers.get()
    assert (timer.started_at, timer.warn_at, timer.due_at) == (
        SATURDAY,
        MONDAY + 10 * MINUTE,
        MONDAY + 15 * MINUTE,
    )
    assert (timer.urgent_until, timer.next_at) == (MONDAY + DAY + 15 * MINUTE, timer.warn_at)
    assert (timer.calendar_version_id, item.due_at) == (version.pk, timer.due_at)


def test_a_clock_goes_on_after_the_weekend(team: Team) -> None:
    calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team, now=FRIDAY)
    assert item.due_at == MONDAY + 5 * MINUTE
    assert item.timers.get().warn_at == FRIDAY + 10 * MINUTE


def test_nothing_warns_or_breaches_while_it_is_closed(team: Team) -> None:
    calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team, now=SATURDAY)
    assert record_due(now=MONDAY) == 0
    assert not SLAEvent.objects.exists()
    assert record_due(now=MONDAY + 15 * MINUTE) == 1
    item.refresh_from_db()
    assert item.bucket == Bucket.URGENT
    assert SLAEvent.objects.get(level="breach").at == MONDAY + 15 * MINUTE


def test_a_breach_burns_for_one_open_day(team: Team) -> None:
    calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team, now=FRIDAY - HOUR)
    due_at = FRIDAY - 45 * MINUTE
    for now, expected in [
        (due_at, Bucket.URGENT),
        (due_at + 2 * DAY, Bucket.URGENT),
        (due_at + 3 * DAY - MINUTE, Bucket.URGENT),
        (due_at + 3 * DAY, Bucket.RUNNING),
    ]:
        record_due(now=now)
        item.refresh_from_db()
        assert item.bucket == expected, now


def test_each_lead_counts_by_the_calendar_of_its_team(team: Team) -> None:
    calendar_for(team)
    always = factories.TeamFactory()
    leads = [rows.scored_lead(tier="hot", team=owner) for owner in (team, always)]
    enter_queue([lead.pk for lead in leads], reason=EntryReason.THRESHOLD, now=SATURDAY)
    due = dict(ReviewItem.objects.values_list("team_id", "due_at"))
    assert due == {team.pk: MONDAY + 15 * MINUTE, always.pk: SATURDAY + 15 * MINUTE}


def test_many_at_once_are_spread_over_open_time(team: Team) -> None:
    calendar_for(team)
    leads = [rows.scored_lead(tier="cold", team=team) for _ in range(101)]
    enter_queue([lead.pk for lead in leads], reason=EntryReason.THRESHOLD, now=SATURDAY)
    due = list(ReviewItem.objects.order_by("due_at").values_list("due_at", flat=True))
    # 480 minutes of nine-hour days: the 50th within the first day, the 100th within the second.
    assert due[0] == due[49] == MONDAY + 8 * HOUR
    assert due[99] == MONDAY + DAY + 7 * HOUR
    assert due[100] > due[99]
    assert all(9 <= moment.hour <= 18 and moment.weekday() < 5 for moment in due)
    timers = SLATimer.objects.order_by("due_at").values_list("due_at", flat=True)
    assert list(timers) == due


def test_the_decision_clock_runs_in_open_time_too(team: Team, people: dict[str, User]) -> None:
    calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team, now=FRIDAY)
    claim_item(item=item, by=people["sdr"], now=FRIDAY)
    log_touch(
        item=item,
        by=people["sdr"],
        kind=TouchKind.CALL,
        result=TouchResult.SPOKE,
        now=FRIDAY,
    )
    timer = SLATimer.objects.get(kind=TimerKind.DECISION)
    # 48 hours: ten minutes on Friday, five days of nine hours, 2 h 50 on the Monday after.
    assert timer.due_at == MONDAY + 7 * DAY + 2 * HOUR + 50 * MINUTE


def test_the_handoff_clock_is_that_of_the_ae(team: Team, people: dict[str, User]) -> None:
    theirs = factories.TeamFactory()
    people["ae"].team = theirs
    people["ae"].save()
    version = calendar_for(theirs, office("Asia/Tokyo"), name="Tokyo")
    accepted(people)
    timer = SLATimer.objects.get(kind=TimerKind.HANDOFF_ACCEPTANCE)
    assert timer.calendar_version_id == version.pk
    assert timer.due_at.hour in range(10)


def test_an_edit_leaves_the_clocks_that_run(team: Team) -> None:
    version = calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team, now=SATURDAY)
    write_version(
        calendar=version.calendar, content=office(own_holidays=("2026-11-23",)), by=None, now=MADE
    )
    later = rows.waiting_item(tier="hot", team=team, now=SATURDAY)
    item.refresh_from_db()
    assert (item.due_at, later.due_at) == (MONDAY + 15 * MINUTE, MONDAY + DAY + 15 * MINUTE)
    assert item.timers.get().calendar_version_id == version.pk
