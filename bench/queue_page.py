#!/usr/bin/env python3
"""Opens the queue page with many leads, in an installation of its own, against a small one.

Requests go through Django's test client with every middleware, one after the other, as one worker
answers them. The same page is measured first with few leads; `ratio` says what the many cost. See
README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

FEW = 10_000
MOST_OPEN = 20_000
# One lead in so many is open in the queue of a small installation.
OPEN_EVERY = 5
PAGE = "/queue/"
MAX_QUERIES = 12
MAX_RATIO = 1.3
MAX_P95_MS = 40

QUEUED = "UPDATE crm_lead SET stage = 'mql' WHERE id = ANY(%(ids)s)"
SCORES = """
    INSERT INTO qualification_leadscore (lead_id, model_id, fit_tenths, intent_tenths,
        total_tenths, grade, tier, disqualified, as_of)
    SELECT id, %(model)s, 200 + id %% 300, 200 + id %% 200, 400 + id %% 500, 'B2', 'warm', '',
        %(now)s
    FROM crm_lead WHERE id = ANY(%(ids)s)
"""
ITEMS = """
    INSERT INTO qualification_reviewitem (lead_id, team_id, state, entry_reason, entered_at, bucket,
        tier_rank, score_tenths, due_at, hold_reason, next_task, token, close_reason)
    SELECT l.id, CASE WHEN l.id %% 10 = 0 THEN %(fallback)s ELSE l.team_id END, 'waiting',
        'threshold', %(now)s - make_interval(mins => (l.id %% 900)::int), 1, l.id %% 4,
        400 + l.id %% 500, %(now)s + make_interval(mins => (l.id %% 2000 - 300)::int), '', '', 1, ''
    FROM crm_lead AS l WHERE l.id = ANY(%(ids)s)
"""
FOLLOW = """
    UPDATE crm_lead AS l SET team_id = i.team_id FROM qualification_reviewitem AS i
    WHERE i.lead_id = l.id AND i.team_id <> l.team_id
"""
TIMERS = """
    INSERT INTO qualification_slatimer (item_id, lead_id, kind, state, started_at, warn_at, due_at,
        urgent_until, calendar_version_id, next_at)
    SELECT i.id, i.lead_id, 'first_response', 'running', i.entered_at, i.due_at, i.due_at, i.due_at,
        %(calendar)s, NULL
    FROM qualification_reviewitem AS i
    WHERE NOT EXISTS (SELECT FROM qualification_slatimer AS t WHERE t.item_id = i.id)
"""
TABLES = ("crm_account", "crm_lead", "qualification_reviewitem", "qualification_slatimer")


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--leads", type=int, default=100_000, help="leads in all")
    parser.add_argument("--requests", type=int, default=200, help="measured requests of each size")
    chosen = parser.parse_args()
    if chosen.leads < 100 or chosen.requests < 20:
        parser.error("--leads is 100 or more, --requests 20 or more")
    return chosen


def fill(leads: int, now: datetime) -> None:
    """As many leads more, and open items up to what a queue of that size holds."""
    from django.db import connection

    from bench.ledger_page import ACCOUNTS, LEADS
    from crm.models import Lead, Source, Team
    from qualification.models import CalendarVersion, ReviewItem, ScoringModel

    team, _ = Team.objects.get_or_create(name="Bench")
    source, _ = Source.objects.get_or_create(
        name="bench", defaults={"kind": "file", "credential": "bench", "created_at": now}
    )
    before = Lead.objects.count()
    open_items = min(MOST_OPEN, leads // OPEN_EVERY)
    many = {"leads": leads - before, "now": now, "team": team.pk, "source": source.pk}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        # As many leads of a company in a large installation as in a small one.
        cursor.execute(ACCOUNTS, many)
        # Addresses are unique: the second filling counts on.
        numbered = LEADS.replace("'lead' || n", f"'lead' || (n + {before})")
        cursor.execute(numbered, many)
        ids = list(
            Lead.objects.filter(stage="new")
            .order_by("-pk")
            .values_list("pk", flat=True)[: open_items - ReviewItem.objects.count()]
        )
        rows = {
            "ids": ids,
            "now": now,
            "model": ScoringModel.objects.get(status="active").pk,
            "fallback": Team.objects.get(is_fallback=True).pk,
            "calendar": CalendarVersion.objects.order_by("pk").values_list("pk", flat=True)[0],
        }
        for statement in (QUEUED, SCORES, ITEMS, FOLLOW, TIMERS):
            cursor.execute(statement, rows)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("VACUUM ANALYZE")


def measured(client: Any, requests: int) -> list[tuple[float, float]]:
    """(milliseconds on the clock, of processor) of each request, after some that warm up."""
    from bench.ledger_page import timed

    for _ in range(10):
        timed(client, PAGE)
    return [timed(client, PAGE) for _ in range(requests)]


def queries_of(client: Any) -> int:
    """How many queries one page takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(PAGE)
    return len(queries)


def run(chosen: argparse.Namespace) -> tuple[str, bool]:
    """The whole run: its last line, and whether the promises hold."""
    from django.utils import timezone

    from bench.ledger_page import percentiles, visitor
    from qualification.demo.company import RULES
    from qualification.scoring import document, drafts, versions

    now = timezone.now()
    draft = drafts.load_draft(document.read_file(RULES), by=None, now=now)
    versions.activate_as_operator(model=draft, now=now)
    fill(min(FEW, chosen.leads), now)
    client = visitor()
    small = measured(client, chosen.requests)
    fill(chosen.leads, now)
    large = measured(client, chosen.requests)
    queries = queries_of(client)
    p50, p95, p99 = percentiles([taken for taken, _ in large])
    small_p95 = percentiles([taken for taken, _ in small])[1]
    cpu, small_cpu = (percentiles([cpu for _, cpu in found])[1] for found in (large, small))
    ratio = p95 / small_p95
    line = (
        f"ratio={ratio:.2f} queries={queries} p50={p50:.1f} p95={p95:.1f} p99={p99:.1f}"
        f" cpu_p95={cpu:.1f} cpu_ratio={cpu / small_cpu:.2f} small_p95={small_p95:.1f}"
    )
    return line, queries <= MAX_QUERIES and ratio <= MAX_RATIO and p95 <= MAX_P95_MS


def main() -> int:
    """Run the measurement; 1 when a promise does not hold."""
    chosen = arguments()
    os.environ["HASHED_STATIC_FILES"] = "0"
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        line, holds = run(chosen)
    print(line)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
