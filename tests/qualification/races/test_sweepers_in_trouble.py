"""Very many clocks that fall due while sweepers are killed, frozen or cut off from PostgreSQL: what
is written down in the end is what the clocks say, each fact once."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.utils import timezone

from crm.models import Team
from qualification.invariants import violations
from qualification.models import Notice, SLAEvent, SLAFollowUp, SLATimer
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.races.sweeper_processes import (
    nobody_writes,
    sweeper,
    wait_until_one_hangs,
)

CLOCKS = int(os.environ.get("SWEEP_CLOCKS", "120"))
TROUBLES = int(os.environ.get("SWEEP_TROUBLES", "1"))
# Where a sweeper stands when it happens: with nothing written, with facts, with follow-ups.
TABLES = ("qualification_slaevent", "qualification_slafollowup", "qualification_notice")
Fact = tuple[int, str, dt.datetime]


def cut_off(table: str) -> None:
    """PostgreSQL ends the connection that waits to write to this table."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_locks
            WHERE relation = %s::regclass AND NOT granted
            """,
            [table],
        )
        assert cursor.fetchone() == (1,)


def happens(trouble: str, victim: subprocess.Popen[bytes], table: str) -> None:
    """To a sweeper that stands before the table. One that is frozen stays so."""
    if trouble == "cut off":
        cut_off(table)
    else:
        victim.send_signal(signal.SIGKILL if trouble == "killed" else signal.SIGSTOP)


def put_off(timers: list[int], until: dt.datetime) -> None:
    SLATimer.objects.filter(pk__in=timers).update(next_at=until)


def expected_facts() -> set[Fact]:
    """What every clock says of itself."""
    facts: set[Fact] = set()
    for timer in SLATimer.objects.all():
        facts |= {(timer.pk, "warning", timer.warn_at), (timer.pk, "breach", timer.due_at)}
        for number, at in enumerate(timer.escalate_at, start=1):
            facts.add((timer.pk, f"escalation_{number}", at))
    return facts


def written_facts() -> list[Fact]:
    return list(SLAEvent.objects.values_list("timer_id", "level", "at"))


@pytest.fixture
def start(transactional_db: None) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a sweeper; none of them outlives the test."""
    started: list[subprocess.Popen[bytes]] = []

    def one_more() -> subprocess.Popen[bytes]:
        started.append(sweeper())
        return started[-1]

    yield one_more
    for each in started:
        each.kill()
        each.wait(timeout=30)


@pytest.mark.django_db(transaction=True)
def test_what_is_written_is_what_the_clocks_say(
    team: Team, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """A share of the clocks falls due, a sweeper comes to trouble over them, another one passes."""
    factories.person("manager", team)
    draw = random.Random(CLOCKS + TROUBLES)
    now = timezone.now()
    # Long ago: what comes in bulk gets due times spread by capacity, over weeks.
    rows.many_waiting(CLOCKS, team, now=now - dt.timedelta(days=365))
    timers = list(SLATimer.objects.order_by("?").values_list("pk", flat=True))
    put_off(timers, now + dt.timedelta(days=1))
    troubles = ["killed"] * TROUBLES + ["cut off"] * max(1, TROUBLES // 4)
    draw.shuffle(troubles)
    troubles.append("frozen")  # its transaction is open until PostgreSQL ends it
    share = -(-len(timers) // len(troubles))
    for number, trouble in enumerate(troubles):
        put_off(timers[number * share : (number + 1) * share], now - dt.timedelta(hours=1))
        table = TABLES[0] if trouble == "frozen" else draw.choice(TABLES)
        with nobody_writes(table):
            victim = start()
            wait_until_one_hangs(table)
            happens(trouble, victim, table)
        if trouble == "frozen":  # The control: it holds what nobody wrote down.
            assert len(written_facts()) < len(expected_facts())
        else:
            victim.wait(timeout=120)
        assert start().wait(timeout=120) == 0
    victim.send_signal(signal.SIGCONT)
    victim.wait(timeout=120)
    last = [start(), start()]
    assert [each.wait(timeout=120) for each in last] == [0, 0]

    found = written_facts()
    assert len(found) == len(set(found)) == len(expected_facts())
    assert set(found) == expected_facts()
    asked = SLAFollowUp.objects.all()
    assert asked.count() == asked.exclude(done_at=None).count() > 0
    told = Notice.objects.filter(key__startswith="sla:")
    assert told.count() == told.values("person", "key").distinct().count() == asked.count()
    assert violations() == []
