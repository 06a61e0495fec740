#!/usr/bin/env python3
"""Sweeps a million running clocks: a pass with nothing due, and one with many due at once; or, with
--held, many leads that nobody can take.

In an installation of its own. What was not written down, or twice, or at another time than it fell
due, is counted by SQL over the rows. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

from bench.sweeping import held  # noqa: E402

# What the product promises for a million clocks.
IDLE_LIMIT_MS, DUE_LIMIT_S = 10.0, 3.0
ALLOWED = timedelta(minutes=15)
# Leads, items, clocks, one each; the first %(due)s fall due at once, others from a day later on.
LEADS = """
    INSERT INTO crm_lead (team_id, first_name, last_name, company_name, email, email_key,
        email_kind, phone, title, seniority, department, country, city, channel, campaign, topic,
        source_id, opted_out, attributes, stage, stage_at, disqualified_by, received_at, created_at,
        updated_at, version)
    SELECT %(team)s, 'Ana', 'Lund ' || n, '', 'lead' || n || '@bench.example',
        'lead' || n || '@bench.example', 'corporate', '', '', '', '', '', '', 'web', '', '',
        %(source)s, false, '{}', 'mql', %(now)s, '', %(now)s, %(now)s, %(now)s, 1
    FROM generate_series(1, %(timers)s) AS n
"""
ITEMS = """
    INSERT INTO qualification_reviewitem (lead_id, team_id, state, entry_reason, entered_at, bucket,
        tier_rank, score_tenths, due_at, hold_reason, next_task, token, close_reason)
    SELECT l.id, l.team_id, 'waiting', 'threshold', %(now)s, 1, l.number %% 4, l.number %% 1000,
        CASE WHEN l.number <= %(due)s THEN %(due_at)s
             ELSE %(due_at)s + interval '1 day' + l.number %% 86400 * interval '1 second' END,
        '', '', 1, ''
    FROM (SELECT id, team_id, row_number() OVER (ORDER BY id) AS number FROM crm_lead) AS l
"""
CLOCKS = """
    INSERT INTO qualification_slatimer (lead_id, item_id, kind, state, started_at, warn_at, due_at,
        urgent_until, next_at, escalate_at, calendar_version_id, policy_id)
    SELECT i.lead_id, i.id, 'first_response', 'running', %(now)s, i.due_at - interval '5 minutes',
        i.due_at, i.due_at + interval '1 day', i.due_at - interval '5 minutes',
        ARRAY[i.due_at + interval '2 days'], %(calendar)s, %(policy)s
    FROM qualification_reviewitem AS i
"""
TABLES = ("crm_lead", "qualification_reviewitem", "qualification_slatimer")
# Both facts of every clock that fell due, each once and at its own time.
EXPECTED = """
    SELECT t.id, level.name, level.at
    FROM qualification_slatimer AS t
    CROSS JOIN LATERAL (VALUES ('warning', t.warn_at), ('breach', t.due_at)) AS level (name, at)
    WHERE t.due_at <= %(due_at)s
"""


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--held", type=int, default=0, help="leads held, instead of clocks")
    parser.add_argument("--places", type=int, default=0, help="that come free for them afterwards")
    parser.add_argument("--timers", type=int, default=1_000_000, help="clocks that run")
    parser.add_argument("--due", type=int, default=0, help="of them due at once; 1 %% unless said")
    parser.add_argument("--passes", type=int, default=50, help="passes with nothing due")
    chosen = parser.parse_args()
    chosen.due = chosen.due or max(1, chosen.timers // 100)
    if not 1 <= chosen.due <= chosen.timers or chosen.passes < 1:
        parser.error("--timers and --passes are 1 or more, --due between 1 and --timers")
    if chosen.held < 0 or chosen.places < 0 or (chosen.places and not chosen.held):
        parser.error("--held and --places are 0 or more, --places only with --held")
    return chosen


def fill(timers: int, due: int, now: datetime) -> None:
    """A team with a manager, and its queue with running clocks."""
    from django.contrib.auth.models import Group
    from django.db import connection

    from crm.models import Source, Team, User
    from qualification.models import CalendarVersion, SLAPolicy

    team = Team.objects.create(name="Bench")
    manager = User.objects.create(username="manager", team=team)
    manager.groups.add(Group.objects.get(name="manager"))
    source = Source.objects.create(
        name="bench", kind="file", credential="bench", team=team, created_at=now
    )
    values = {
        "timers": timers,
        "due": due,
        "now": now,
        "due_at": now + ALLOWED,
        "team": team.pk,
        "source": source.pk,
        "calendar": CalendarVersion.objects.latest("pk").pk,
        "policy": SLAPolicy.objects.get(kind="first_response", tier="").pk,
    }
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in (LEADS, ITEMS, CLOCKS):
            cursor.execute(statement, values)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def sweep(now: datetime) -> int:
    """What a pass does for the clocks; how many rows it handled."""
    from qualification.review import overdue, pauses
    from qualification.sla.sweep import record_due

    return pauses.resume_due(now=now) + record_due(now=now) + overdue.follow_up(now=now)


def idle_milliseconds(passes: int, now: datetime) -> tuple[list[float], list[float]]:
    """(on the clock, of processor) for passes with nothing due, each sorted."""
    clock, processor = [], []
    for _ in range(passes):
        began, used = time.perf_counter(), time.process_time()
        handled = sweep(now)
        processor.append((time.process_time() - used) * 1000)
        clock.append((time.perf_counter() - began) * 1000)
        if handled:
            raise RuntimeError(f"{handled} rows were due in an idle pass")
    return sorted(clock), sorted(processor)


def due_seconds(now: datetime) -> tuple[float, float]:
    """Seconds to write down everything that fell due, and to do what policies then ask."""
    from qualification.review import overdue
    from qualification.sla.sweep import record_due

    began = time.perf_counter()
    record_due(now=now)
    recorded = time.perf_counter()
    while overdue.follow_up(now=now):
        pass
    return recorded - began, time.perf_counter() - recorded


def counted(due_at: datetime) -> tuple[int, int]:
    """(doubled, lost) by the rows alone; a fact at another time than its own is lost."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM qualification_slaevent"
            " GROUP BY timer_id, level HAVING count(*) > 1) AS twice"
        )
        doubled = cursor.fetchone()[0]
        cursor.execute(
            f"SELECT count(*) FROM ({EXPECTED} EXCEPT"
            " SELECT timer_id, level, at FROM qualification_slaevent) AS missing",
            {"due_at": due_at},
        )
        return doubled, cursor.fetchone()[0]


def measure(chosen: argparse.Namespace) -> str:
    """The whole run; its last line."""
    from django.utils import timezone

    now = timezone.now()
    if chosen.held:
        return held.measure(chosen.held, chosen.places, chosen.passes, now)
    fill(chosen.timers, chosen.due, now)
    sweep(now)  # opens the connection's plans, as a sweeper that has run for a while
    idle, processor = idle_milliseconds(chosen.passes, now)
    due_s, follow_s = due_seconds(now + ALLOWED)
    doubled, lost = counted(now + ALLOWED)
    p50, p95, p99 = (idle[int(len(idle) * share)] for share in (0.5, 0.95, 0.99))
    ratio = max(p50 / IDLE_LIMIT_MS, due_s / DUE_LIMIT_S)
    return (
        f"ratio={ratio:.2f} doubled={doubled} lost={lost}"
        f" p50={p50:.1f} p95={p95:.1f} p99={p99:.1f}"
        f" cpu_p50={processor[len(processor) // 2]:.1f}"
        f" timers={chosen.timers} due={chosen.due} due_s={due_s:.2f} follow_up_s={follow_s:.2f}"
    )


def main() -> int:
    """Run the measurement; 1 when a fact is missing or doubled, or a limit is passed."""
    chosen = arguments()
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        line = measure(chosen)
    print(line)
    ratio = float(line.partition(" ")[0].removeprefix("ratio="))
    return 0 if " doubled=0 lost=0 " in line and ratio <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
