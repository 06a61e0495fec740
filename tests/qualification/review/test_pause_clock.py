"""A pause: who may, what it does to clock and rank, and that it ends by hand or by itself."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Team, User
from qualification.choices import Bucket, CloseReason, TouchKind, TouchResult
from qualification.exceptions import AlreadyDecided, NotHolder, NotPausable, PauseInvalid
from qualification.invariants import violations
from qualification.models import ReviewItem, SLAEvent, SLAPause, SLAPolicy, SLATimer
from qualification.review.claims import claim_item, expire_leases, release_item
from qualification.review.overdue import follow_up
from qualification.review.pauses import LONGEST_PAUSE, pause_clock, resume_clock, resume_due
from qualification.review.queue import close_item
from qualification.review.touches import log_touch
from qualification.sla.edits import edit_calendar
from qualification.sla.sweep import record_due
from tests import factories
from tests.oracles import minute_clock
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import OFFICE, calendar_for, office

NOW = rows.NOW
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
FRIDAY = dt.datetime(2026, 11, 20, 17, 50, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


def held(by: User, *, now: dt.datetime = NOW, tier: str = "hot") -> ReviewItem:
    item = rows.waiting_item(tier=tier, team=by.team, now=now)
    return claim_item(item=item, by=by, now=now)


def times(item: ReviewItem) -> tuple[dt.datetime, ...]:
    timer = item.timers.get()
    return timer.warn_at, timer.due_at, timer.urgent_until, *timer.escalate_at


@pytest.mark.django_db
def test_the_holder_stops_the_clock_and_it_goes_on_later_by_as_much(
    people: dict[str, User],
) -> None:
    SLAPolicy.objects.filter(tier="hot").update(escalate_after=[30])
    item = held(people["sdr"])
    before = times(item)
    pause_clock(
        item=item, by=people["sdr"], reason=" On leave ", until=NOW + DAY, now=NOW + 3 * MINUTE
    )
    assert item.bucket == Bucket.PAUSED
    assert record_due(now=NOW + 10 * 60 * MINUTE) == 0
    assert not SLAEvent.objects.exists()
    assert not violations(now=NOW + 60 * MINUTE - dt.timedelta(minutes=35))
    resume_clock(item=item, by=people["sdr"], now=NOW + 20 * MINUTE)
    assert times(item) == tuple(time + 17 * MINUTE for time in before)
    assert (item.due_at, item.bucket) == (before[1] + 17 * MINUTE, Bucket.RUNNING)
    pause = SLAPause.objects.get()
    assert (pause.reason, pause.ended_at) == ("On leave", NOW + 20 * MINUTE)
    assert rows.verbs(item)[-2:] == ["clock:paused", "clock:resumed"]
    record_due(now=item.due_at)
    assert SLAEvent.objects.get(level="breach").at == item.due_at


@pytest.mark.django_db
def test_only_open_time_counts_as_the_oracle_says(people: dict[str, User], team: Team) -> None:
    calendar_for(team)
    item = held(people["sdr"], now=FRIDAY, tier="warm")
    paused, resumed = FRIDAY + 4 * MINUTE, MONDAY + 20 * MINUTE
    pause_clock(item=item, by=people["sdr"], reason="x", until=resumed + DAY, now=paused)
    resume_clock(item=item, by=people["manager"], now=resumed)
    clock = minute_clock.MinuteClock({"zone": "UTC", "week": OFFICE})
    assert item.due_at == clock.due(FRIDAY, 60, (paused, resumed))
    assert item.due_at == MONDAY + 76 * MINUTE


@pytest.mark.django_db
def test_a_manager_may_for_others_and_for_a_waiting_lead(people: dict[str, User]) -> None:
    for item in (held(people["sdr"]), rows.waiting_item(team=people["sdr"].team)):
        pause_clock(item=item, by=people["manager"], reason="x", until=NOW + DAY, now=NOW)
        resume_clock(item=item, by=people["manager"], now=NOW)
    assert not violations(now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "refused"),
    [("ae", PermissionDenied), ("marketing", PermissionDenied), ("other", NotHolder)],
)
def test_nobody_else_may(people: dict[str, User], who: str, refused: type[Exception]) -> None:
    item = held(people["sdr"])
    people["other"] = factories.person("sdr", people["sdr"].team)
    with pytest.raises(refused):
        pause_clock(item=item, by=people[who], reason="x", until=NOW + DAY, now=NOW)
    pause_clock(item=item, by=people["sdr"], reason="x", until=NOW + DAY, now=NOW)
    with pytest.raises(refused):
        resume_clock(item=item, by=people[who], now=NOW)
    assert SLAPause.objects.get().ended_at is None


@pytest.mark.django_db
def test_a_manager_of_another_team_may_not(people: dict[str, User]) -> None:
    stranger = factories.person("manager", factories.TeamFactory(name="APAC"))
    with pytest.raises(PermissionDenied):
        pause_clock(item=held(people["sdr"]), by=stranger, reason="x", until=NOW + DAY, now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reason", "until"),
    [
        ("  ", NOW + DAY),
        ("x" * 201, NOW + DAY),
        ("x", NOW),
        ("x", NOW + LONGEST_PAUSE + MINUTE),
    ],
)
def test_it_needs_a_reason_and_an_end(
    people: dict[str, User], reason: str, until: dt.datetime
) -> None:
    item = held(people["sdr"])
    with pytest.raises(PauseInvalid):
        pause_clock(item=item, by=people["sdr"], reason=reason, until=until, now=NOW)
    assert not SLAPause.objects.exists()


@pytest.mark.django_db
def test_twice_and_in_the_wrong_state_it_is_refused(people: dict[str, User]) -> None:
    item = held(people["sdr"])
    with pytest.raises(NotPausable, match="runs already"):
        resume_clock(item=item, by=people["sdr"], now=NOW)
    pause_clock(item=item, by=people["sdr"], reason="x", until=NOW + DAY, now=NOW)
    with pytest.raises(NotPausable, match="paused already"):
        pause_clock(item=item, by=people["sdr"], reason="x", until=NOW + DAY, now=NOW)
    close_item(item=item, reason=CloseReason.MERGED, by=None, now=NOW)
    with pytest.raises(AlreadyDecided):
        resume_clock(item=item, by=people["manager"], now=NOW)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_pause_once(people: dict[str, User]) -> None:
    item = held(people["sdr"])

    def pause() -> SLAPause:
        fresh = ReviewItem.objects.get(pk=item.pk)
        return pause_clock(item=fresh, by=people["sdr"], reason="x", until=NOW + DAY, now=NOW)

    results = rows.in_threads([pause] * 6)
    assert sum(isinstance(result, SLAPause) for result in results) == 1
    assert sum(isinstance(result, NotPausable) for result in results) == 5
    assert SLAPause.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_what_is_read_before_it_is_written_is_paused_twice(people: dict[str, User]) -> None:
    """Everybody sees the clock run, then everybody writes a pause of it."""
    item = held(people["sdr"])
    seen = threading.Barrier(2)
    paused: list[int] = []

    def naive() -> None:
        timer = SLATimer.objects.get(item=item)
        seen.wait(timeout=30)
        if timer.state == "running":
            SLATimer.objects.filter(pk=timer.pk).update(state="paused", paused_at=NOW, next_at=NOW)
            paused.append(timer.pk)

    rows.in_threads([naive] * 2)
    assert len(paused) == 2


@pytest.mark.django_db
def test_what_fell_due_before_stays_and_a_breached_clock_stays_breached(
    people: dict[str, User],
) -> None:
    item = held(people["sdr"])
    due_at = item.due_at
    pause_clock(item=item, by=people["sdr"], reason="x", until=NOW + DAY, now=due_at + MINUTE)
    resume_clock(item=item, by=people["sdr"], now=due_at + 9 * MINUTE)
    assert item.due_at == due_at
    assert set(SLAEvent.objects.values_list("level", flat=True)) == {"warning", "breach"}
    follow_up(now=due_at + 9 * MINUTE)
    assert not violations(now=due_at + 9 * MINUTE)


@pytest.mark.django_db
def test_it_ends_by_itself_at_its_time_however_late_the_sweep(people: dict[str, User]) -> None:
    item = held(people["sdr"])
    pause_clock(
        item=item, by=people["sdr"], reason="x", until=NOW + 30 * MINUTE, now=NOW + 5 * MINUTE
    )
    assert resume_due(now=NOW + 29 * MINUTE) == 0
    late = NOW + 36 * MINUTE
    assert (resume_due(now=late), resume_due(now=late)) == (1, 0)
    item.refresh_from_db()
    assert item.due_at == NOW + 40 * MINUTE
    record_due(now=late)
    item.refresh_from_db()
    assert item.bucket == Bucket.URGENT
    assert SLAEvent.objects.get().at == NOW + 35 * MINUTE
    assert item.events.get(verb="clock:resumed").at == NOW + 30 * MINUTE


@pytest.mark.django_db(transaction=True)
def test_several_sweepers_end_a_pause_once(people: dict[str, User], team: Team) -> None:
    for pk in rows.many_waiting(40, team):
        item = ReviewItem.objects.get(pk=pk)
        pause_clock(item=item, by=people["manager"], reason="x", until=NOW + DAY, now=NOW)
    results = rows.in_threads([lambda: resume_due(now=NOW + DAY, limit=7) for _ in range(3)])
    while resume_due(now=NOW + DAY):
        pass
    assert all(isinstance(result, int) for result in results), results
    assert SLAPause.objects.filter(ended_at=NOW + DAY).count() == 40
    ends = [rows.verbs(item).count("clock:resumed") for item in ReviewItem.objects.all()]
    assert ends == [1] * 40


@pytest.mark.django_db
def test_a_touch_ends_the_pause_and_is_in_time(people: dict[str, User]) -> None:
    item = held(people["sdr"])
    pause_clock(item=item, by=people["sdr"], reason="x", until=NOW + DAY, now=NOW + 5 * MINUTE)
    later = NOW + 25 * MINUTE
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=later)
    first = SLATimer.objects.get(kind="first_response")
    assert (first.state, first.due_at) == ("stopped", NOW + 35 * MINUTE)
    assert SLAPause.objects.get().ended_at == later
    assert not SLAEvent.objects.exists()
    assert not violations(now=later)


@pytest.mark.django_db
def test_released_it_stays_paused_at_the_end_of_the_queue(people: dict[str, User]) -> None:
    item = held(people["sdr"])
    pause_clock(item=item, by=people["sdr"], reason="x", until=NOW + DAY, now=NOW)
    release_item(item=item, by=people["sdr"], now=NOW)
    other = rows.waiting_item(100, tier="cold", team=people["sdr"].team)
    assert list(ReviewItem.objects.waiting().ranked()) == [other, item]


@pytest.mark.django_db
def test_an_edit_of_the_calendar_keeps_what_was_left_at_the_pause(
    people: dict[str, User], team: Team
) -> None:
    version = calendar_for(team)
    item = held(people["sdr"], now=FRIDAY, tier="warm")
    paused = FRIDAY + 4 * MINUTE
    pause_clock(item=item, by=people["sdr"], reason="x", until=MONDAY + 9 * DAY, now=paused)
    off = office(own_holidays=("2026-11-24",))
    edit_calendar(calendar=version.calendar, content=off, by=None, now=MONDAY + 120 * MINUTE)
    expire_leases(now=MONDAY + 120 * MINUTE)
    assert not violations(now=MONDAY + 120 * MINUTE)
    resume_clock(item=item, by=people["manager"], now=MONDAY + DAY)
    assert item.due_at == MONDAY + 2 * DAY + 56 * MINUTE
