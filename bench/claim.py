#!/usr/bin/env python3
"""Empties a queue through `claim_next` with many people at once, in an installation of its own.

The limit, measured in the same run: the bare `FOR UPDATE SKIP LOCKED` statement over a table of the
rank alone, by as many processes on the same server. A second one tells what the tables cost of it:
the rows of a claim written by one statement over the product's own tables, with nothing checked.
What was claimed twice or not at all is counted by SQL over the rows. See README.md beside this
file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeAlias

# The next person's id, each once, whichever connection asks.
Turn: TypeAlias = Callable[[], int]
Side: TypeAlias = "type[Product]"
PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

BARE_CLAIM = """
    WITH best AS (
        SELECT id FROM bare_item WHERE state = 'waiting'
        ORDER BY bucket, tier_rank, score_tenths DESC, due_at, id
        LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE bare_item AS i SET state = 'claimed', holder = %(by)s FROM best WHERE i.id = best.id
    RETURNING i.id
"""
BARE_TABLE = """
    CREATE TABLE bare_item AS
        SELECT id, 'waiting'::varchar(7) AS state, bucket, tier_rank, score_tenths, due_at,
               NULL::int AS holder
        FROM qualification_reviewitem
        WHERE team_id = (SELECT id FROM crm_team WHERE name = 'claimer');
    ALTER TABLE bare_item ADD PRIMARY KEY (id);
    CREATE INDEX ON bare_item (bucket, tier_rank, score_tenths DESC, due_at, id)
        WHERE state = 'waiting';
    ANALYZE bare_item
"""

# What a claim leaves in the tables, by hand: item, stage, both events, and the history by triggers.
SAME_ROWS = """
    WITH best AS (
        SELECT i.id, i.lead_id FROM qualification_reviewitem AS i
        JOIN crm_lead AS l ON l.id = i.lead_id
        WHERE i.state = 'waiting' AND i.assignee_id IS NULL AND i.pool_id IS NULL
          AND i.team_id = (SELECT team_id FROM crm_user WHERE id = %(by)s)
        ORDER BY bucket, tier_rank, score_rank, due_at, i.id
        LIMIT 1 FOR NO KEY UPDATE OF i, l SKIP LOCKED
    ), moved AS (
        UPDATE crm_lead AS l SET stage = 'working', stage_at = now(), version = version + 1,
            updated_at = now()
        FROM best WHERE l.id = best.lead_id
    ), staged AS (
        INSERT INTO crm_stageevent (lead_id, from_stage, to_stage, at, by_id, reason)
        SELECT lead_id, 'mql', 'working', now(), %(by)s, 'claimed' FROM best
    ), told AS (
        INSERT INTO qualification_itemevent (item_id, verb, by_id, at, note)
        SELECT id, 'item:claimed', %(by)s, now(), '' FROM best
    )
    UPDATE qualification_reviewitem AS i SET state = 'claimed', holder_id = %(by)s,
        claimed_at = now(), lease_until = now() + interval '1 hour', token = token + 1
    FROM best WHERE i.id = best.id
    RETURNING i.id
"""


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--leads", type=int, default=2000, help="leads in the queue")
    parser.add_argument("--clients", type=int, default=10, help="people who claim at once")
    chosen = parser.parse_args()
    if chosen.leads < 1 or not 1 <= chosen.clients <= 80:
        parser.error("--leads is 1 or more, --clients 1 to 80")
    return chosen


def fill_queue(name: str, leads: int, people: int) -> list[int]:
    """A team of this name with its people and a queue of new leads; the ids of the people."""
    from django.contrib.auth.models import Group
    from django.utils import timezone

    from crm.models import Lead, Source, Team, User
    from qualification.choices import EntryReason
    from qualification.review.queue import enter_queue

    now = timezone.now()
    team = Team.objects.create(name=name)
    source = Source.objects.create(
        name=name, kind="file", credential=name, team=team, created_at=now
    )
    sdr = Group.objects.get(name="sdr")
    sdrs = User.objects.bulk_create(
        User(username=f"{name}{number}", team=team) for number in range(people)
    )
    sdr.user_set.add(*sdrs)
    for start in range(0, leads, 1000):
        made = Lead.objects.bulk_create(
            Lead(
                team=team,
                source=source,
                stage_at=now,
                received_at=now,
                created_at=now,
                updated_at=now,
                email_key=f"lead{n}@{name}.example",
            )
            for n in range(start, min(start + 1000, leads))
        )
        enter_queue([lead.pk for lead in made], reason=EntryReason.EXPLORATION, now=now)
    return [person.pk for person in sdrs]


class Product:
    """A connection that claims through the product."""

    def sit_down(self, person_id: int) -> None:
        """The next person at this connection: loaded with their rights, as every page does."""
        from crm.models import User
        from qualification.permissions import Right
        from qualification.review import guard

        self.person = User.objects.get(pk=person_id)
        guard.require_right(self.person, Right.WORK_QUEUE)

    def claim(self) -> bool:
        """Whether there was a lead."""
        from django.utils import timezone

        from qualification.review.next_lead import claim_next

        return claim_next(by=self.person, now=timezone.now()) is not None


class ByHand(Product):
    """A connection that writes the rows of a claim by one statement; people come as they do to
    the product."""

    def __init__(self) -> None:
        import psycopg

        self.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)

    def claim(self) -> bool:
        """Whether there was a lead."""
        return self._runs(SAME_ROWS, self.person.pk)

    def _runs(self, statement: str, person_id: int) -> bool:
        return self.connection.execute(statement, {"by": person_id}).fetchone() is not None


class Bare(ByHand):
    """A connection that claims by the bare statement, and does nothing else."""

    def sit_down(self, person_id: int) -> None:
        """The next person at this connection."""
        self.person_id = person_id

    def claim(self) -> bool:
        """Whether there was a lead."""
        return self._runs(BARE_CLAIM, self.person_id)


def work(side: Side, turn: Turn, start: Barrier, out: Any) -> None:
    """Claims until nothing is left, a person for as many leads as one may hold; sends the seconds
    of each claim but the first, which finds the connection cold."""
    from qualification.review.claims import claim_limit

    connection, seconds, left = side(), [], claim_limit() - 1
    connection.sit_down(turn())
    connection.claim()
    start.wait()
    try:
        while True:
            if not left:
                connection.sit_down(turn())
                left = claim_limit()
            began = time.perf_counter()
            if not connection.claim():
                break
            seconds.append(time.perf_counter() - began)
            left -= 1
    finally:
        # The parent waits for everybody, also for one that failed: the rows tell what is missing.
        out.put(seconds)


def drain(side: Side, people: list[int], clients: int) -> tuple[float, list[float]]:
    """Lets all connections claim at once; wall seconds and the seconds of each claim, sorted."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    start, out, taken = context.Barrier(clients + 1), context.Queue(), context.Value("i", 0)

    def turn() -> int:
        with taken.get_lock():
            taken.value += 1
            return people[taken.value - 1]

    processes = [
        context.Process(target=work, args=(side, turn, start, out)) for _ in range(clients)
    ]
    for process in processes:
        process.start()
    start.wait()
    began = time.perf_counter()
    seconds = [second for _ in processes for second in out.get()]
    wall = time.perf_counter() - began
    for process in processes:
        process.join()
    return wall, sorted(seconds)


def counted() -> tuple[int, int]:
    """(doubled, lost) by the rows alone."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT item_id FROM qualification_itemevent"
            " WHERE verb = 'item:claimed' GROUP BY item_id HAVING count(*) > 1) AS twice"
        )
        doubled = cursor.fetchone()[0]
        cursor.execute(
            "SELECT count(*) FROM qualification_reviewitem AS i JOIN crm_lead AS l"
            " ON l.id = i.lead_id WHERE i.state <> 'claimed' OR l.stage <> 'working'"
        )
        return doubled, cursor.fetchone()[0]


def measure(leads: int, clients: int) -> str:
    """The whole run; its last line."""
    from django.db import connection

    from qualification.review.claims import claim_limit

    # Nobody is handed a second full desk, and each connection may end with one begun.
    enough = leads // claim_limit() + clients + 1
    people = fill_queue("claimer", leads, enough)
    others = fill_queue("by-hand", leads, enough)
    with connection.cursor() as cursor:
        cursor.execute(BARE_TABLE)
        cursor.execute("ANALYZE")
    limit_s, limit_seconds = drain(Bare, people, clients)
    _, by_hand_seconds = drain(ByHand, others, clients)
    product_s, seconds = drain(Product, people, clients)
    doubled, lost = counted()
    p50, p95, p99 = percentiles(seconds)
    limit_p99 = percentiles(limit_seconds)[2]
    by_hand_p99 = percentiles(by_hand_seconds)[2]
    for name, found in (("limit", limit_seconds), ("by_hand", by_hand_seconds)):
        q50, q95, q99 = percentiles(found)
        print(f"{name}_p50={q50:.1f} {name}_p95={q95:.1f} {name}_p99={q99:.1f}")
    return (
        f"ratio={p99 / limit_p99:.1f} by_hand_ratio={p99 / by_hand_p99:.1f}"
        f" doubled={doubled} lost={lost}"
        f" p50={p50:.1f} p95={p95:.1f} p99={p99:.1f}"
        f" wall_ratio={product_s / limit_s:.1f} product_s={product_s:.2f} limit_s={limit_s:.2f}"
    )


def percentiles(seconds: list[float]) -> tuple[float, ...]:
    """The 50th, 95th and 99th percentile of sorted seconds, in milliseconds."""
    return tuple(seconds[int(len(seconds) * share)] * 1000 for share in (0.5, 0.95, 0.99))


def main() -> int:
    """Run the measurement; 1 when a lead was claimed twice or not at all."""
    chosen = arguments()
    from bench.closed_loop import own_installation

    with own_installation(durable=True):
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        line = measure(chosen.leads, chosen.clients)
    print(line)
    return 0 if " doubled=0 lost=0 " in line else 1


if __name__ == "__main__":
    sys.exit(main())
