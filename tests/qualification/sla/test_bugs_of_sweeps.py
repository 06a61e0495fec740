"""Defects seen in other systems' escalations that stood still, each a case here by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import time_machine
from django.db import connection
from django.test import Client

from crm.models import Team, User
from qualification.invariants import violations
from qualification.models import Heartbeat, SLAEvent, SLATimer
from qualification.self_check import check_now, health
from qualification.sweeps import run_all
from tests.qualification import queue_support as rows

pytestmark = pytest.mark.django_db
NOW = rows.NOW
MINUTE = dt.timedelta(minutes=1)
Login = Callable[[User], Client]
PUT_OFF = "a breach was put off for five minutes, and nobody wrote it down"


@contextmanager
def nothing_is_written_of(timers: Sequence[SLATimer]) -> Iterator[None]:
    """PostgreSQL refuses every event of these clocks, as after a release that broke the table."""
    ids = ", ".join(str(timer.pk) for timer in timers)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.timer_id IN ({ids}) THEN RAISE 'broken'; END IF;"
            " RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON qualification_slaevent"
            " FOR EACH ROW EXECUTE FUNCTION broken()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER broken ON qualification_slaevent")


def clocks(team: Team, count: int) -> list[SLATimer]:
    return [rows.waiting_item(tier="hot", team=team).timers.get() for _ in range(count)]


def breaches() -> dict[int, dt.datetime]:
    return dict(SLAEvent.objects.filter(level="breach").values_list("timer_id", "at"))


def is_told(manager: User, login: Login, *, at: dt.datetime) -> bool:
    """Whether managers have the banner at a moment."""
    with time_machine.travel(at, tick=False):
        return "No sweep ended for" in login(manager).get("/alarms/").content.decode()


@pytest.mark.parametrize("count", [2, 25])
def test_zammad_3523_when_no_escalation_goes_through_it_is_said_and_none_is_lost(
    count: int, team: Team, people: dict[str, User], login: Login
) -> None:
    """There the list of escalations was just empty. Here the sweep does not count as ended:
    managers have a banner after five minutes, `/healthz` says so, and each breach comes at its own
    time."""
    timers = clocks(team, count)
    due = timers[0].due_at
    run_all(now=due - MINUTE)
    with nothing_is_written_of(timers):
        for minute in range(7):
            assert "timers" not in run_all(now=due + minute * MINUTE)
        assert not is_told(people["manager"], login, at=due + 3 * MINUTE)
        assert is_told(people["manager"], login, at=due + 6 * MINUTE)
        found = health(now=due + 6 * MINUTE)
        assert found.is_stale
        assert found.oldest_due["timers"] >= 360
        assert Heartbeat.objects.get(name="overdue").at == due + 6 * MINUTE  # the others went on
        assert breaches() == {}
    run_all(now=due + 7 * MINUTE)
    assert breaches() == {timer.pk: timer.due_at for timer in timers}
    assert not health(now=due + 7 * MINUTE).is_stale


def test_zammad_3523_one_that_cannot_be_written_is_named_while_it_is_put_off(
    team: Team, people: dict[str, User]
) -> None:
    """It holds up no other; the nightly check finds it, though the sweep looks again in an hour."""
    bad, good = clocks(team, 2)
    later = bad.due_at + 10 * MINUTE
    with nothing_is_written_of([bad]):
        assert run_all(now=later)["timers"] == 1
        assert set(breaches()) == {good.pk}
        assert [(found.kind, found.ids) for found in violations(now=later)] == [
            (PUT_OFF, (bad.pk,))
        ]
        assert check_now(now=later).violations == 1
    run_all(now=later + 61 * MINUTE)
    assert breaches()[bad.pk] == bad.due_at
    assert violations(now=later + 61 * MINUTE) == []


def test_healthchecks_148_every_sweeper_leaves_a_sign_of_life_and_silence_is_told(
    people: dict[str, User], login: Login
) -> None:
    done = run_all(now=NOW)
    assert set(done) == set(Heartbeat.objects.values_list("name", flat=True))
    assert not health(now=NOW + 4 * MINUTE).is_stale
    assert health(now=NOW + 6 * MINUTE).is_stale
    assert not is_told(people["manager"], login, at=NOW + 4 * MINUTE)
    assert is_told(people["manager"], login, at=NOW + 6 * MINUTE)
