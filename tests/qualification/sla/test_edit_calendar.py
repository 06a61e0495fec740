"""An edit of a calendar: moves the clocks that run by the open time they have left; never one that
is closed or due; writes what the preview said."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.db import connection

from crm.models import Team
from qualification.choices import TierRank
from qualification.exceptions import BusinessTimeInvalid
from qualification.invariants import violations
from qualification.models import CalendarVersion, SLAEvent, SLATimer
from qualification.sla.edits import arrivals, edit_calendar, moves
from qualification.sla.hours import calendar_of
from qualification.sla.sweep import record_due
from qualification.sla.timers import cancel_timers, stop_timers
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import OFFICE, calendar_for, office

SATURDAY = dt.datetime(2026, 11, 21, 15, 0, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
FRIDAY = dt.datetime(2026, 11, 20, 17, 50, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
MONDAY_OFF = office(own_holidays=("2026-11-23",))


@pytest.mark.django_db
def test_a_clock_that_runs_moves_by_the_open_time_left(team: Team) -> None:
    version = calendar_for(team)
    item = rows.waiting_item(tier="warm", team=team, now=FRIDAY)
    assert item.due_at == MONDAY + 50 * MINUTE
    (move,) = moves(version.calendar, MONDAY_OFF, now=SATURDAY)
    assert (move.timer.item_id, move.times.due_at) == (item.pk, MONDAY + DAY + 50 * MINUTE)
    new, moved = edit_calendar(calendar=version.calendar, content=MONDAY_OFF, by=None, now=SATURDAY)
    timer = item.timers.get()
    item.refresh_from_db()
    assert moved == 1
    assert timer.due_at == item.due_at == move.times.due_at
    assert timer.warn_at == timer.next_at == MONDAY + DAY + 35 * MINUTE
    assert timer.urgent_until == timer.due_at + DAY
    assert (timer.started_at, timer.calendar_version_id) == (FRIDAY, new.pk)


@pytest.mark.django_db
def test_longer_hours_make_no_breach_in_the_past(team: Team) -> None:
    version = calendar_for(team)
    item = rows.waiting_item(tier="warm", team=team, now=FRIDAY)
    always = office(week={**OFFICE, "sat": [["00:00", "24:00"]], "sun": [["00:00", "24:00"]]})
    edit_calendar(calendar=version.calendar, content=always, by=None, now=SATURDAY)
    item.refresh_from_db()
    assert item.due_at == SATURDAY + 50 * MINUTE


@pytest.mark.django_db
@pytest.mark.parametrize("ended", ["stopped", "cancelled", "due"])
def test_a_closed_or_due_clock_never_moves(team: Team, ended: str) -> None:
    version = calendar_for(team)
    item = rows.waiting_item(tier="hot", team=team, now=MONDAY)
    now = MONDAY + 5 * MINUTE
    if ended == "stopped":
        stop_timers(item=item, now=now)
    elif ended == "cancelled":
        cancel_timers(item=item, now=now)
    else:
        now = item.due_at
    before = SLATimer.objects.values().get()
    assert moves(version.calendar, MONDAY_OFF, now=now) == []
    _version, moved = edit_calendar(calendar=version.calendar, content=MONDAY_OFF, by=None, now=now)
    assert (moved, SLATimer.objects.values().get()) == (0, before)


@pytest.mark.django_db
def test_a_warning_given_stays_a_fact(team: Team) -> None:
    version = calendar_for(team)
    item = rows.waiting_item(tier="warm", team=team, now=MONDAY)
    now = MONDAY + 50 * MINUTE
    record_due(now=now)
    lunch = office(week={**OFFICE, "mon": [["09:00", "09:50"], ["13:00", "18:00"]]})
    edit_calendar(calendar=version.calendar, content=lunch, by=None, now=now)
    timer = item.timers.get()
    assert (timer.warn_at, timer.due_at) == (MONDAY + 45 * MINUTE, MONDAY + 250 * MINUTE)
    assert timer.next_at == timer.due_at
    assert record_due(now=timer.due_at) == 1
    assert list(SLAEvent.objects.order_by("at").values_list("level", "at")) == [
        ("warning", timer.warn_at),
        ("breach", timer.due_at),
    ]
    assert not [found for found in violations(now=timer.due_at) if "clock" in str(found)]


@pytest.mark.django_db
def test_a_warning_nobody_looked_at_is_not_put_off_until_the_breach(team: Team) -> None:
    version = calendar_for(team)
    rows.waiting_item(tier="warm", team=team, now=MONDAY)
    now = MONDAY + 50 * MINUTE
    edit_calendar(calendar=version.calendar, content=office("Europe/London"), by=None, now=now)
    assert record_due(now=now) == 1
    assert list(SLAEvent.objects.values_list("level", "at")) == [
        ("warning", MONDAY + 45 * MINUTE),
    ]


@pytest.mark.django_db
def test_other_calendars_clocks_stay(team: Team) -> None:
    version = calendar_for(team)
    item = rows.waiting_item(tier="hot", team=factories.TeamFactory(), now=SATURDAY)
    edit_calendar(calendar=version.calendar, content=MONDAY_OFF, by=None, now=SATURDAY)
    assert item.timers.get().due_at == SATURDAY + 15 * MINUTE


@pytest.mark.django_db
def test_a_refused_edit_changes_nothing(team: Team) -> None:
    version = calendar_for(team)
    rows.waiting_item(tier="hot", team=team, now=SATURDAY)
    before = list(SLATimer.objects.values())
    with pytest.raises(BusinessTimeInvalid, match="never opens"):
        edit_calendar(calendar=version.calendar, content=office(week={}), by=None, now=SATURDAY)
    assert list(SLATimer.objects.values()) == before
    assert CalendarVersion.objects.filter(calendar=version.calendar).count() == 1


@pytest.mark.django_db
def test_arrivals_of_the_coming_week(team: Team) -> None:
    calendar = calendar_of(calendar_for(team))
    found = {arrival.at: dict(arrival.due_at) for arrival in arrivals(calendar, now=FRIDAY)}
    assert found[SATURDAY][TierRank.HOT] == MONDAY + 15 * MINUTE
    friday_evening = FRIDAY.replace(hour=17, minute=30)
    assert found[friday_evening][TierRank.WARM] == MONDAY + 30 * MINUTE
    assert len(found) == 4


@pytest.mark.django_db(transaction=True)
def test_answers_and_sweeps_at_the_same_time_neither_fail_nor_get_lost(team: Team) -> None:
    version = calendar_for(team)
    items = [rows.waiting_item(tier="warm", team=team, now=SATURDAY) for _ in range(30)]
    failures: list[Exception] = []

    def answer() -> None:
        for item in reversed(items):
            stop_timers(item=item, now=SATURDAY)

    def sweep() -> None:
        for _ in range(10):
            record_due(now=MONDAY + 45 * MINUTE)

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - reported by the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (answer, sweep)]
    for thread in threads:
        thread.start()
    edit_calendar(calendar=version.calendar, content=MONDAY_OFF, by=None, now=SATURDAY)
    for thread in threads:
        thread.join()
    assert failures == []
    assert SLATimer.objects.filter(state="stopped").count() == 30
    assert set(SLATimer.objects.values_list("due_at", flat=True)) <= {
        MONDAY + 60 * MINUTE,
        MONDAY + DAY + 60 * MINUTE,
    }
