"""PostgreSQL itself is killed while clocks fall due, and so is whoever sweeps: what is written down
in the end is what the clocks say, each fact once and in time. Pages say so meanwhile."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadqual_site.embedded import session
from leadqual_site.embedded.places import PROJECT_ROOT
from tests.qualification.races.loops import Down, Loops
from tests.qualification.races.own_server import OwnServer, Rows

CLOCKS = int(os.environ.get("OUTAGE_CLOCKS", "120"))
SERVER_KILLS = int(os.environ.get("OUTAGE_SERVER_KILLS", "1"))
SWEEPER_KILLS = int(os.environ.get("OUTAGE_SWEEPER_KILLS", "1"))
LOOPS = int(os.environ.get("OUTAGE_LOOPS", "2"))
FROZEN_SECONDS = float(os.environ.get("OUTAGE_FROZEN_SECONDS", "4"))
# The promise: the five seconds from one pass to the next, and five more.
LATEST_SECONDS = 5.0 + 5.0
# What falls due while one trouble is there does so within this.
SPREAD = dt.timedelta(seconds=4)
# Where a sweeper stands when it happens: with nothing written, with facts, with follow-ups.
TABLES = ("qualification_slaevent", "qualification_slafollowup", "qualification_notice")
NO_BELL = "redis://127.0.0.1:1/0"
Facts = dict[tuple[int, str], dt.datetime]


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[OwnServer]:
    """With a database `filled`, to be copied."""
    root = Path(tempfile.mkdtemp(prefix="leadqual-test-", dir="/tmp"))
    root.chmod(0o755)  # root's PostgreSQL runs as another user, who must be able to enter
    own = OwnServer(root)
    try:
        migrated = os.environ["DATABASE_URL"].rpartition("/")[0]
        own.restore(f"{migrated}/{os.environ['MIGRATED_DATABASE']}", "filled")
        fill = [sys.executable, Path(__file__).with_name("fill_clocks.py"), str(CLOCKS)]
        there = {"DATABASE_URL": own.url_of("filled"), "REDIS_URL": NO_BELL}
        subprocess.run(fill, cwd=PROJECT_ROOT, env=os.environ | there, check=True)
        yield own
    finally:
        own.stop()
        shutil.rmtree(root)


@pytest.fixture
def rows(server: OwnServer) -> Iterator[Rows]:
    """Of a copy for this test; the server goes on after it."""
    found = Rows(server.copied("filled"))
    found.build_gates(TABLES)
    yield found
    found.close()
    if server.process.poll() is not None:
        server.start()


@pytest.fixture
def loops(server: OwnServer, rows: Rows) -> Iterator[Loops]:
    """All ready, and watched over while a test waits."""
    with session.servers(server.place.root, ["valkey"], throwaway=True) as urls:
        there = {"DATABASE_URL": rows.url, "REDIS_URL": urls["valkey"], "HTTPS": "0"}
        found = Loops(os.environ | there, LOOPS)
        try:
            found.until(found.are_ready)
            found.down = Down()
            yield found
        finally:
            found.end()


def fall_due(rows: Rows, timers: list[int], draw: random.Random, begin: dt.datetime) -> Facts:
    """These clocks warn, breach and escalate from a moment on, each at times of its own."""
    facts: Facts = {}
    changes = []
    for timer in timers:
        spread = sorted(draw.random() for _ in range(2 + draw.randrange(3)))
        warn, due, *steps = (begin + each * SPREAD for each in spread)
        facts |= {(timer, "warning"): warn, (timer, "breach"): due}
        facts |= {(timer, f"escalation_{n}"): at for n, at in enumerate(steps, start=1)}
        changes.append((warn, due, begin + dt.timedelta(days=1), steps, warn, timer))
    rows.many(
        "UPDATE qualification_slatimer SET warn_at = %s, due_at = %s, urgent_until = %s,"
        " escalate_at = %s, next_at = %s WHERE id = %s",
        changes,
    )
    return facts


def written(rows: Rows) -> list[tuple[tuple[int, str], dt.datetime]]:
    found = rows("SELECT timer_id, level, at FROM qualification_slaevent")
    return sorted(((timer, level), at) for timer, level, at in found)


def lateness(rows: Rows, down: Down) -> list[float]:
    """For each fact the seconds from its moment to the commit, less those that were down."""
    found = rows(
        "SELECT extract(epoch FROM at)::float,"
        " extract(epoch FROM pg_xact_commit_timestamp(xmin))::float FROM qualification_slaevent"
    )
    return sorted(end - start - down.within(start, end) for start, end in found)


def someone_hangs(rows: Rows, loops: Loops) -> str:
    """A loop whose sweeper stands before a gate, and is not frozen."""
    found: set[str] = set()

    def is_there() -> bool:
        found.update(rows.who_hangs() & loops.workers.keys() - loops.frozen)
        return bool(found)

    loops.until(is_there)
    return min(found)


def the_server_is_killed(server: OwnServer, rows: Rows, loops: Loops, *, whole: bool) -> None:
    """And started again by whoever is responsible; nothing else is. Pages say so."""
    loops.until(lambda: loops.answer("/healthz")[0] == 200)
    server.kill(whole=whole)
    rows.close()
    loops.is_server_up = False
    loops.look()
    status, page = loops.answer("/my-work/")
    assert status == 503
    assert "The database does not answer" in page
    server.start()
    loops.is_server_up = True
    loops.look()
    assert loops.answer("/my-work/")[0] == 200


def it_happens(trouble: str, server: OwnServer, rows: Rows, loops: Loops, place: str) -> None:
    """While a sweeper stands at a place in its work."""
    with rows.nobody_writes(place):
        name = someone_hangs(rows, loops)
        if trouble == "frozen":
            loops.freeze(name)
        elif trouble == "worker killed":
            loops.kill(loops.workers[name])
        elif trouble == "scheduler killed":
            loops.kill(loops.schedulers[name])
        else:
            the_server_is_killed(server, rows, loops, whole=trouble == "server killed whole")


def drawn_troubles(draw: random.Random) -> list[str]:
    """One is frozen first and for long, the rest in any order; every fourth kill of a sweeper is
    of who rings, every other one of a server leaves its processes to find out."""
    kills = ["scheduler killed" if n % 4 == 3 else "worker killed" for n in range(SWEEPER_KILLS)]
    ends = ["server killed" if n % 2 else "server killed whole" for n in range(SERVER_KILLS)]
    rest = [*kills, *ends]
    draw.shuffle(rest)
    return ["frozen", *rest]


@pytest.mark.django_db
def test_what_is_written_is_what_the_clocks_say_and_in_time(
    server: OwnServer, rows: Rows, loops: Loops
) -> None:
    """A share of the clocks falls due, something happens, what fell due by its end is written; and
    so on until nobody is frozen any more."""
    draw = random.Random(CLOCKS + SWEEPER_KILLS)
    timers = [pk for (pk,) in rows("SELECT id FROM qualification_slatimer ORDER BY id")]
    draw.shuffle(timers)
    troubles = drawn_troubles(draw)
    share = -(-len(timers) // len(troubles))
    expected: Facts = {}
    thaw_at = time.monotonic() + FROZEN_SECONDS
    for number, trouble in enumerate(troubles):
        clocks = timers[number * share : (number + 1) * share]
        expected |= fall_due(rows, clocks, draw, dt.datetime.now(dt.UTC))
        it_happens(trouble, server, rows, loops, TABLES[0] if not number else draw.choice(TABLES))
        # No fact meets two troubles: each costs it a pass.
        over = dt.datetime.now(dt.UTC)
        due = sum(at <= over for at in expected.values())
        loops.until(lambda due=due: len(written(rows)) >= due)
        if time.monotonic() > thaw_at:
            loops.thaw()
    loops.until(lambda: time.monotonic() > thaw_at, seconds=FROZEN_SECONDS + 60)
    loops.thaw()
    undone = "SELECT 1 FROM qualification_slafollowup WHERE done_at IS NULL"
    loops.until(lambda: len(written(rows)) >= len(expected) and not rows(undone))

    assert written(rows) == sorted(expected.items())
    late = lateness(rows, loops.down)
    down = sum(end - start for start, end in loops.down.spans)
    print(f"facts={len(late)} p50={late[len(late) // 2]:.1f} max={late[-1]:.1f} down={down:.1f}")
    assert late[-1] <= LATEST_SECONDS
    # The manager is told of every breach and escalation once.
    breaches = sum(level != "warning" for _, level in expected)
    told = rows("SELECT key FROM qualification_notice WHERE key LIKE 'sla:%%'")
    assert len(told) == len(set(told)) == breaches


@pytest.mark.django_db
def test_a_sweeper_that_marks_before_it_writes_is_found_out(rows: Rows) -> None:
    """The control: killed in between it loses facts, and those it writes are late."""
    timers = [pk for (pk,) in rows("SELECT id FROM qualification_slatimer ORDER BY id")]
    lost, late = timers[:30], timers[30:60]
    sweeper = [sys.executable, Path(__file__).with_name("marks_first.py"), rows.url]
    ago = dt.datetime.now(dt.UTC) - SPREAD - dt.timedelta(seconds=LATEST_SECONDS)
    expected = fall_due(rows, lost, random.Random(1), ago)
    with rows.nobody_writes(TABLES[0]), subprocess.Popen(sweeper) as victim:
        while not rows.who_hangs():
            assert victim.poll() is None
        victim.send_signal(signal.SIGKILL)
    kept = fall_due(rows, late, random.Random(2), ago)
    subprocess.run(sweeper, check=True)

    assert written(rows) == sorted(kept.items()) != sorted((expected | kept).items())
    assert lateness(rows, Down())[-1] > LATEST_SECONDS
    # As if nobody could have written them before.
    excused = Down([(ago.timestamp(), dt.datetime.now(dt.UTC).timestamp())])
    assert lateness(rows, excused)[-1] < 1
