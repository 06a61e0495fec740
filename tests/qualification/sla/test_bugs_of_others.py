"""Defects seen in other systems' clocks, calendars and escalations, each a case here by name."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from crm.models import Team, User
from qualification.choices import (
    Channel,
    CloseReason,
    Digest,
    EntryReason,
    NoticeKind,
    TouchKind,
    TouchResult,
)
from qualification.models import (
    Notice,
    RejectionReason,
    ReviewItem,
    SLAEvent,
    SLAPolicy,
    SLATimer,
)
from qualification.notices.preferences import choose
from qualification.review.claims import claim_item, renew_lease
from qualification.review.decisions import reject_lead
from qualification.review.overdue import follow_up
from qualification.review.pauses import pause_clock, resume_clock
from qualification.review.queue import close_item, enter_queue
from qualification.review.touches import log_touch
from qualification.sla.business_time import due, elapsed, open_time
from qualification.sla.calendars import Calendar, read_calendar
from qualification.sla.delay import delay_of
from qualification.sla.edits import edit_calendar, give_to_everybody, give_to_teams
from qualification.sla.sweep import record_due
from qualification.sweeps import run_all
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import OFFICE, calendar_for, office

NOW = rows.NOW
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
FRIDAY = dt.datetime(2026, 11, 20, 17, 50, tzinfo=dt.UTC)
SATURDAY = dt.datetime(2026, 11, 21, 15, 0, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
TWO_SHIFTS = {day: [["08:00", "12:00"], ["13:00", "17:00"]] for day in OFFICE}
ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def calendar(week: dict[str, list[list[str]]], zone: str = "UTC", **more: object) -> Calendar:
    return read_calendar({"zone": zone, "week": week, "holidays": [], "days": {}, **more})


def test_zammad_3180_a_calendar_of_24_hours_has_no_closed_minute_at_midnight() -> None:
    late = dt.datetime(2026, 11, 23, 23, 59, 30, tzinfo=dt.UTC)
    assert due(calendar(ALWAYS), late, 1) == late + MINUTE
    assert elapsed(calendar(ALWAYS), MONDAY, MONDAY + 7 * DAY) == 7 * 24 * 60


def test_chatwoot_14009_helpdesk_2212_the_lunch_break_does_not_count() -> None:
    noon = MONDAY + 2 * HOUR + 30 * MINUTE  # 11:30
    assert due(calendar(TWO_SHIFTS), noon, 60) == MONDAY + 4 * HOUR + 30 * MINUTE


def test_glpi_22678_a_warning_before_the_end_falls_into_an_opening_not_at_midnight() -> None:
    start = MONDAY + 7 * HOUR  # 16:00
    limit, warning = due(calendar(TWO_SHIFTS), start, 120), due(calendar(TWO_SHIFTS), start, 90)
    assert (warning, limit) == (MONDAY + DAY - 30 * MINUTE, MONDAY + DAY)


def test_helpdesk_2075_what_comes_on_a_closed_day_starts_with_the_next_opening() -> None:
    assert due(calendar(OFFICE), SATURDAY, 60) == MONDAY + HOUR


def test_osticket_6739_a_week_open_on_tuesday_and_wednesday_alone_is_right() -> None:
    week = {"tue": [["10:00", "11:00"]], "wed": [["10:00", "11:00"]]}
    assert due(calendar(week), MONDAY, 90) == dt.datetime(2026, 11, 25, 10, 30, tzinfo=dt.UTC)


def test_oncall_3261_hours_stay_on_the_wall_clock_over_both_transitions() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for friday in (dt.date(2027, 3, 26), dt.date(2026, 10, 23)):
        start = dt.datetime.combine(friday, dt.time(17, 30), berlin)
        monday = dt.datetime.combine(friday + 3 * DAY, dt.time(9, 30), berlin)
        assert due(calendar(OFFICE, "Europe/Berlin"), start, 60) == monday


def test_dbt_zendesk_25_history_is_measured_with_the_offset_of_its_own_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    summer = dt.datetime(2026, 7, 1, 8, 0, tzinfo=berlin)
    assert open_time(calendar(OFFICE, "Europe/Berlin"), summer, summer + 2 * HOUR) == HOUR


@pytest.mark.django_db
def test_helpdesk_3279_a_breach_is_there_without_anybody_opening_the_lead(team: Team) -> None:
    item = rows.waiting_item(tier="hot", team=team)
    run_all(now=item.due_at + 60 * dt.timedelta(seconds=1))
    assert SLAEvent.objects.get(level="breach").at == item.due_at


@pytest.mark.django_db
def test_chatwoot_10178_no_clock_runs_on_after_the_end(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(tier="hot"), by=people["sdr"], now=NOW)
    close_item(item=item, reason=CloseReason.MERGED, by=None, now=NOW + MINUTE)
    run_all(now=NOW + 9 * DAY)
    assert not SLAEvent.objects.exists()


@pytest.mark.django_db
def test_zammad_534_a_changed_calendar_moves_what_is_due(team: Team) -> None:
    version = calendar_for(team)
    item = rows.waiting_item(tier="warm", team=team, now=FRIDAY)
    closed = office(own_holidays=("2026-11-23",))
    edit_calendar(calendar=version.calendar, content=closed, by=None, now=SATURDAY)
    item.refresh_from_db()
    assert item.due_at == item.timers.get().due_at == MONDAY + DAY + 50 * MINUTE


@pytest.mark.django_db
def test_zammad_4353_another_calendar_for_the_team_moves_what_is_due(team: Team) -> None:
    item = rows.waiting_item(tier="warm", team=team, now=FRIDAY)
    assert item.due_at == FRIDAY + HOUR  # around the clock, the default
    found = calendar_for(rows.factories.TeamFactory(name="Else")).calendar
    moved = give_to_teams(calendar=found, teams=[team], now=FRIDAY + 2 * MINUTE)
    item.refresh_from_db()
    assert (moved, item.due_at) == (1, MONDAY + 50 * MINUTE)
    assert item.timers.get().next_at == MONDAY + 35 * MINUTE
    assert give_to_teams(calendar=found, teams=[], now=FRIDAY + 2 * MINUTE) == 1
    assert give_to_everybody(calendar=found, now=FRIDAY + 2 * MINUTE) == 1
    item.refresh_from_db()
    assert item.due_at == MONDAY + 50 * MINUTE


@pytest.mark.django_db
def test_zammad_188_the_first_answer_ends_the_clock_of_the_first_answer(
    people: dict[str, User],
) -> None:
    item = claim_item(item=rows.waiting_item(tier="hot"), by=people["sdr"], now=NOW)
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    run_all(now=NOW + HOUR)
    assert rows.live_timers(item) == ["decision"]
    assert not SLAEvent.objects.exists()


@pytest.mark.django_db
def test_zammad_904_back_in_the_queue_a_lead_has_a_fresh_clock_not_the_old_breach() -> None:
    item = rows.waiting_item(tier="hot")
    run_all(now=NOW + HOUR)
    close_item(item=ReviewItem.objects.get(pk=item.pk), reason=CloseReason.MERGED, by=None, now=NOW)
    lead = item.lead
    type(lead).objects.filter(pk=lead.pk).update(stage="disqualified", disqualified_by="rule")
    (again,) = enter_queue([lead.pk], reason=EntryReason.REINQUIRY, now=NOW + 2 * HOUR)
    fresh = ReviewItem.objects.get(pk=again)
    assert fresh.due_at == NOW + 2 * HOUR + 15 * MINUTE
    assert not fresh.timers.get().events.exists()


@pytest.mark.django_db
def test_zammad_3837_list_and_page_show_the_same_due_time(
    people: dict[str, User], team: Team, login: Callable[[User], Client]
) -> None:
    """After a pause, which moved it."""
    rows.active_model()
    sdr, now = people["sdr"], timezone.now()
    browser = login(sdr)

    def shown(path: str) -> dt.datetime:
        found = re.search(r'data-due="([^"]+)"', browser.get(path).content.decode())
        assert found
        return dt.datetime.fromisoformat(found[1])

    item = rows.waiting_item(tier="hot", team=team, now=now)
    pause_clock(item=item, by=people["manager"], reason="x", until=now + DAY, now=now)
    resume_clock(item=item, by=people["manager"], now=now + 7 * MINUTE)
    assert item.due_at == item.timers.get().due_at == now + 22 * MINUTE
    for path in ("/queue/", f"/leads/{item.lead_id}/"):
        assert abs(shown(path) - item.due_at) <= dt.timedelta(seconds=2), path


@pytest.mark.django_db
def test_glpi_6902_time_on_hold_survives_a_change_of_the_policy(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(tier="hot"), by=people["sdr"], now=NOW)
    pause_clock(item=item, by=people["sdr"], reason="x", until=NOW + DAY, now=NOW + 5 * MINUTE)
    SLAPolicy.objects.filter(tier="hot").update(minutes=99)
    resume_clock(item=item, by=people["sdr"], now=NOW + 9 * MINUTE)
    assert item.due_at == NOW + 19 * MINUTE


@pytest.mark.django_db
def test_erpnext_49414_answered_while_on_hold_is_not_late(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(tier="hot"), by=people["sdr"], now=NOW)
    pause_clock(item=item, by=people["sdr"], reason="x", until=NOW + DAY, now=NOW + 5 * MINUTE)
    later = NOW + 25 * MINUTE
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=later)
    assert not SLAEvent.objects.exists()
    timer = item.timers.get(kind="first_response")
    assert timer.stopped_at is not None
    assert timer.stopped_at < timer.due_at


@pytest.mark.django_db
def test_a_night_of_the_clock_change_hour_by_hour_fires_each_fact_once(team: Team) -> None:
    berlin = office("Europe/Berlin", week={**ALWAYS})
    calendar_for(team, berlin)
    start = dt.datetime(2026, 10, 24, 22, 0, tzinfo=dt.UTC)  # midnight; three o'clock comes twice
    item = rows.waiting_item(tier="cool", team=team, now=start)
    assert item.due_at == start + 4 * HOUR
    for hour in (*range(7), 2, 0, 6):  # and the server's clock jumps
        record_due(now=start + hour * HOUR)
        follow_up(now=start + hour * HOUR)
    found = SLAEvent.objects.order_by("at").values_list("level", "at")
    assert list(found) == [
        ("warning", start + 3 * HOUR + 30 * MINUTE),
        ("breach", start + 4 * HOUR),
    ]
    assert Notice.objects.values("person", "key").distinct().count() == Notice.objects.count()


@pytest.mark.django_db
def test_zammad_2082_the_first_answer_moves_what_is_due_at_once(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(tier="hot"), by=people["sdr"], now=NOW)
    later = NOW + 5 * MINUTE
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=later)
    (decision,) = item.timers.filter(state="running")
    item.refresh_from_db()
    assert (decision.kind, decision.started_at) == ("decision", later)
    assert item.due_at == decision.due_at > NOW + HOUR


@pytest.mark.django_db
@pytest.mark.parametrize("server", ["UTC", "Asia/Kolkata", "America/Chicago"])
@pytest.mark.parametrize(
    ("zone", "limit"),
    [
        # One hour from Monday 09:00, wherever the team is.
        ("Asia/Kolkata", dt.datetime(2026, 11, 23, 4, 30, tzinfo=dt.UTC)),
        ("America/Chicago", dt.datetime(2026, 11, 23, 16, 0, tzinfo=dt.UTC)),
    ],
)
def test_glpi_15429_a_calendar_of_its_own_zone_breaches_nothing_at_the_creation(
    team: Team, zone: str, limit: dt.datetime, server: str, request: pytest.FixtureRequest
) -> None:
    """Whatever zone the machine is set to, and whoever reads."""
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.setenv("TZ", server)
    time.tzset()
    request.addfinalizer(time.tzset)
    timezone.activate(server)
    request.addfinalizer(timezone.deactivate)
    calendar_for(team, office(zone))
    item = rows.waiting_item(tier="warm", team=team, now=SATURDAY)
    assert record_due(now=SATURDAY) == 0
    assert (item.due_at, item.timers.get().warn_at) == (limit, limit - 15 * MINUTE)
    assert record_due(now=limit - 16 * MINUTE) == 0
    record_due(now=limit)
    levels = SLAEvent.objects.order_by("at").values_list("level", "at")
    assert list(levels) == [("warning", limit - 15 * MINUTE), ("breach", limit)]


def rejected_after(
    person: User, pauses: list[tuple[int, int]], end: int
) -> tuple[SLATimer, ReviewItem]:
    """The first-response clock of a hot lead, 15 minutes, that stood still between these minutes
    (the last pause still stands) and was decided at minute `end`."""
    item = claim_item(item=rows.waiting_item(tier="hot"), by=person, now=NOW)
    for start, stop in pauses:
        at = NOW + start * MINUTE
        pause_clock(item=item, by=person, reason="On leave", until=NOW + DAY, now=at)
        if stop < end:
            resume_clock(item=item, by=person, now=NOW + stop * MINUTE)
    renew_lease(item=item, by=person, now=NOW + 20 * MINUTE)
    at = NOW + end * MINUTE
    held = ReviewItem.objects.get(pk=item.pk)
    reason = RejectionReason.objects.get(key="too_small")
    reject_lead(item=held, token=held.token, by=person, reason=reason, now=at)
    run_all(now=at + DAY)
    return item.timers.get(kind="first_response"), ReviewItem.objects.get(pk=item.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pauses", "end", "stood"),
    [
        pytest.param([(5, 30)], 30, 25, id="helpdesk_2449_once"),
        pytest.param([(2, 12), (14, 40)], 40, 36, id="erpnext_38745_twice"),
    ],
)
def test_helpdesk_2449_erpnext_38745_decided_while_on_hold_the_hold_does_not_count(
    people: dict[str, User], pauses: list[tuple[int, int]], end: int, stood: int
) -> None:
    timer, item = rejected_after(people["sdr"], pauses, end)
    assert not SLAEvent.objects.exists()
    assert timer.due_at == NOW + (15 + stood) * MINUTE > NOW + end * MINUTE
    delay = delay_of(timer, item, now=NOW + DAY).wall
    assert (delay.human, delay.paused) == ((end - stood) * MINUTE, stood * MINUTE)


@pytest.mark.django_db
def test_zammad_4432_2157_no_reminder_leaves_at_midnight_or_at_two(
    people: dict[str, User], team: Team
) -> None:
    """A task is due at midnight, another at two; both are known in LeadQual, the mail waits."""
    calendar_for(team)
    sdr = people["sdr"]
    wanted = {(NoticeKind.TASK_DUE, channel) for channel in (Channel.IN_APP, Channel.MAIL)}
    choose(person=sdr, wanted=wanted, is_quiet=True, digest=Digest.NONE)
    midnight = dt.datetime(2026, 11, 21, 0, 0, tzinfo=dt.UTC)
    for at in (midnight, midnight + 2 * HOUR):
        item = claim_item(item=rows.waiting_item(team=team, now=FRIDAY), by=sdr, now=FRIDAY)
        log_touch(
            item=item,
            by=sdr,
            kind=TouchKind.CALL,
            result=TouchResult.NO_ANSWER,
            next_task_at=at,
            next_task="Call again",
            now=FRIDAY,
        )
    left = {}
    for hour in range(1, 66):
        before = len(mail.outbox)
        run_all(now=FRIDAY + 10 * MINUTE + hour * HOUR)
        left[FRIDAY + 10 * MINUTE + hour * HOUR] = len(mail.outbox) - before
    told = Notice.objects.filter(person=sdr, kind=NoticeKind.TASK_DUE)
    assert sorted(told.values_list("at", flat=True)) == [midnight, midnight + 2 * HOUR]
    assert {at: n for at, n in left.items() if n} == {MONDAY: 2}
