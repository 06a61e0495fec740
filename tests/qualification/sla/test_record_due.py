"""The sweep of the clocks: facts at their own time, once, whoever sweeps; buckets of the rank."""

import datetime as dt
import random
import threading

import psycopg
import pytest
from django.db import OperationalError, connection

from crm.models import Team
from qualification.choices import Bucket
from qualification.models import ReviewItem, SLAEvent, SLATimer
from qualification.sla.sweep import record_due
from tests.qualification import queue_support as rows

NOW = rows.NOW


def bucket(item: ReviewItem) -> int:
    item.refresh_from_db()
    return item.bucket


@pytest.mark.django_db
def test_warning_breach_and_a_day_later_move_the_bucket() -> None:
    item = rows.waiting_item(tier="hot")
    timer = item.timers.get()
    day = dt.timedelta(hours=24)
    steps = [
        (timer.warn_at - rows.minutes(0.1), 0, Bucket.RUNNING, 0),
        (timer.warn_at, 1, Bucket.URGENT, 1),
        (timer.due_at, 1, Bucket.URGENT, 2),
        (timer.due_at + day - rows.minutes(1), 0, Bucket.URGENT, 2),
        (timer.due_at + day, 1, Bucket.RUNNING, 2),
        (timer.due_at + 3 * day, 0, Bucket.RUNNING, 2),
    ]
    for now, looked_at, expected, events in steps:
        assert record_due(now=now) == looked_at, now
        assert (bucket(item), SLAEvent.objects.count()) == (expected, events)
    timer.refresh_from_db()
    assert (timer.state, timer.next_at) == ("running", None)


@pytest.mark.django_db
def test_a_late_sweep_stamps_each_fact_with_its_own_time() -> None:
    timer = rows.waiting_item(tier="hot").timers.get()
    late = timer.due_at + dt.timedelta(hours=2)
    record_due(now=late)
    events = SLAEvent.objects.order_by("at").values_list("level", "at", "recorded_at")
    assert list(events) == [("warning", timer.warn_at, late), ("breach", timer.due_at, late)]


@pytest.mark.django_db
def test_a_clock_set_back_fires_nothing_again_and_forward_skips_nothing() -> None:
    item = rows.waiting_item(tier="hot")
    for hours in (2, -2, 2, 0, 50, 1):
        record_due(now=NOW + dt.timedelta(hours=hours))
    assert sorted(SLAEvent.objects.values_list("level", flat=True)) == ["breach", "warning"]
    assert SLAEvent.objects.get(level="breach").at == item.due_at


@pytest.mark.django_db
def test_stopped_and_cancelled_clocks_are_left_alone() -> None:
    timer = rows.waiting_item(tier="hot").timers.get()
    SLATimer.objects.filter(pk=timer.pk).update(state="stopped", stopped_at=NOW)
    assert record_due(now=NOW + dt.timedelta(days=2)) == 0
    assert not SLAEvent.objects.exists()


@pytest.mark.django_db
def test_a_poisoned_row_does_not_hold_up_the_others() -> None:
    first, poisoned, last = (rows.waiting_item(tier="hot").timers.get() for _ in range(3))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.timer_id = {poisoned.pk} THEN RAISE 'poisoned'; END IF;"
            " RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER poison BEFORE INSERT ON qualification_slaevent"
            " FOR EACH ROW EXECUTE FUNCTION poison()"
        )
    now = NOW + rows.minutes(30)
    assert record_due(now=now) == 2
    recorded = set(SLAEvent.objects.values_list("timer_id", flat=True))
    assert recorded == {first.pk, last.pk}
    poisoned.refresh_from_db()
    assert poisoned.next_at == now + dt.timedelta(hours=1)
    assert record_due(now=now) == 0


@pytest.mark.django_db(transaction=True)
def test_several_sweepers_write_each_fact_once(team: Team) -> None:
    rows.many_waiting(400, team)
    timers = list(SLATimer.objects.values_list("pk", "warn_at", "due_at"))
    moments = [
        NOW + rows.minutes(minute) for minute in sorted(random.Random(4).sample(range(900), 6))
    ]

    def sweep() -> int:
        return sum(record_due(now=now, limit=37) for now in moments for _ in range(4))

    results = rows.in_threads([sweep for _ in range(4)])
    assert all(isinstance(result, int) for result in results), results
    while record_due(now=moments[-1]):
        pass
    expected = {(pk, "warning", warn) for pk, warn, _due in timers if warn <= moments[-1]}
    expected |= {(pk, "breach", due) for pk, _warn, due in timers if due <= moments[-1]}
    assert set(SLAEvent.objects.values_list("timer_id", "level", "at")) == expected
    assert SLAEvent.objects.count() == len(expected)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_unique_row_two_sweepers_write_twice(team: Team) -> None:
    rows.many_waiting(30, team)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE naive_events AS SELECT timer_id, level FROM qualification_slaevent"
        )

    def naive() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM qualification_slatimer WHERE next_at <= now()")
            found = cursor.fetchall()
            seen.wait(timeout=30)
            cursor.executemany("INSERT INTO naive_events VALUES (%s, 'warning')", found)

    seen = threading.Barrier(2)
    SLATimer.objects.update(next_at=NOW - dt.timedelta(days=3650))
    rows.in_threads([naive, naive])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT timer_id) FROM naive_events")
        assert cursor.fetchone() == (60, 30)
        cursor.execute("DROP TABLE naive_events")


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_puts_no_clock_off() -> None:
    """Nobody may write while a table is locked: that is the fault of no clock."""
    timer = rows.waiting_item(tier="hot").timers.get()
    now = timer.due_at
    with psycopg.connect(**connection.get_connection_params()) as somebody:
        somebody.execute("LOCK TABLE qualification_slaevent IN SHARE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        with pytest.raises(OperationalError):
            record_due(now=now)
    assert record_due(now=now) == 1
    assert SLAEvent.objects.count() == 2
