#!/usr/bin/env python3
"""Opens the page of leads with a long history, in an installation of its own with many leads.

Requests go through Django's test client with every middleware; the same page of leads with five
activities is opened in turn, so that `ratio` says what a long history costs. See README.md beside
this file.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

FEW = 5
# Leads of each kind that are opened, in turn.
OPENED = 20
MOST_IN_QUEUE = 2000
# One in so many activities was a machine's.
MACHINE_EVERY = 20
# Triggers write history and check stages; here millions of rows are made up at once.
TABLES = ("crm_account", "crm_lead", "crm_activity", "crm_activityverdict")

ACCOUNTS = """
    INSERT INTO crm_account (name, name_key, website, industry, employees, revenue, country, city,
        is_target, is_competitor, created_at, updated_at)
    SELECT 'Company ' || n, 'company ' || n, '',
        (ARRAY['Logistics', 'Retail', 'Software', ''])[1 + n %% 4], 10 + n %% 3000, NULL,
        (ARRAY['DE', 'US', 'FR', ''])[1 + n %% 4], '', n %% 50 = 0, false, %(now)s, %(now)s
    FROM generate_series(1, greatest(%(leads)s / 10, 1)) AS n
"""
LEADS = """
    INSERT INTO crm_lead (account_id, team_id, first_name, last_name, company_name, email,
        email_key, email_kind, phone, title, seniority, department, country, city, channel,
        campaign, topic,
        source_id, opted_out, attributes, stage, stage_at, disqualified_by, received_at,
        created_at, updated_at, version)
    SELECT a.first + n %% a.many, %(team)s, 'Ana', 'Lund ' || n, '',
        'lead' || n || '@bench.example', 'lead' || n || '@bench.example', 'corporate', '',
        'Head of Operations',
        (ARRAY['VP', 'Manager', 'Director', ''])[1 + n %% 4], 'Operations',
        (ARRAY['DE', 'US', 'FR', ''])[1 + n %% 4], '', 'web', '', 'demo', %(source)s, false,
        jsonb_build_object('sites', n %% 9), 'new', %(now)s, '', %(now)s, %(now)s, %(now)s, 1
    FROM generate_series(1, %(leads)s) AS n,
        (SELECT min(id) AS first, count(*) AS many FROM crm_account) AS a
"""
ACTIVITIES = """
    INSERT INTO crm_activity (lead_id, type, occurred_at, recorded_at, properties)
    SELECT l.id, (ARRAY['page_view', 'email_click', 'form_submit', 'webinar'])[1 + (l.id + n) %% 4],
        %(now)s - make_interval(mins => ((l.id * 7 + n * 113) %% 100000)::int),
        %(now)s - make_interval(mins => ((l.id * 7 + n * 113) %% 100000)::int),
        jsonb_build_object('path', (ARRAY['/pricing', '/plans', '/', '/docs'])[1 + n %% 4])
    FROM crm_lead AS l, generate_series(1, %(each)s) AS n
    WHERE %(ids)s::bigint[] IS NULL OR l.id = ANY(%(ids)s)
"""
VERDICTS = """
    INSERT INTO crm_activityverdict (activity_id, is_machine, reason, recorded_at)
    SELECT id, true, 'mail scanner', recorded_at FROM crm_activity
    WHERE abs(hashint8(id)) %% %(every)s = 0
"""


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--leads", type=int, default=100_000, help="leads in all")
    parser.add_argument(
        "--activities-on-lead", type=int, default=500, help="activities of a long history"
    )
    parser.add_argument("--requests", type=int, default=200, help="measured requests of each kind")
    chosen = parser.parse_args()
    if chosen.leads < 2 * OPENED or chosen.activities_on_lead < FEW or chosen.requests < 20:
        parser.error(
            f"--leads is {2 * OPENED} or more, --activities-on-lead {FEW} or more,"
            " --requests 20 or more"
        )
    return chosen


def fill(chosen: argparse.Namespace, now: datetime) -> tuple[list[int], list[int]]:
    """Accounts, leads, activities; ids of the leads with a long and with a short history."""
    from django.db import connection

    from crm.models import Lead, Source, Team

    team = Team.objects.create(name="Bench")
    source = Source.objects.create(
        name="bench", kind="file", credential="bench", team=team, created_at=now
    )
    many = {"leads": chosen.leads, "now": now, "team": team.pk, "source": source.pk}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(ACCOUNTS, many)
        cursor.execute(LEADS, many)
        cursor.execute(ACTIVITIES, {"now": now, "each": FEW, "ids": None})
        step = max(chosen.leads // (2 * OPENED), 1)
        opened = list(Lead.objects.order_by("pk").values_list("pk", flat=True)[::step])
        long, short = opened[:OPENED], opened[OPENED : 2 * OPENED]
        more = {"now": now, "each": chosen.activities_on_lead - FEW, "ids": long}
        cursor.execute(ACTIVITIES, more)
        cursor.execute(VERDICTS, {"every": MACHINE_EVERY})
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("ANALYZE")
    return long, short


def queue_up(lead_ids: list[int], now: datetime) -> None:
    """The opened leads and others, scored and in the queue."""
    from django.db import connection

    from crm.models import Lead
    from qualification.choices import EntryReason
    from qualification.review.queue import enter_queue
    from qualification.scoring.rescore import score_leads

    others = Lead.objects.exclude(pk__in=lead_ids).order_by("pk")
    queued = [*lead_ids, *others.values_list("pk", flat=True)[:MOST_IN_QUEUE]]
    for first in range(0, len(queued), 500):
        score_leads(queued[first : first + 500], now=now)
        enter_queue(queued[first : first + 500], reason=EntryReason.EXPLORATION, now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def visitor() -> Any:
    """The browser of an SDR of the team."""
    from django.contrib.auth.models import Group
    from django.test import Client

    from crm.models import Team, User

    person = User.objects.create(username="visitor", team=Team.objects.get(name="Bench"))
    person.groups.add(Group.objects.get(name="sdr"))
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(person, backend="crm.log_in.PersonBackend")
    return client


def database_cpu() -> float:
    """Milliseconds of processor our connection's PostgreSQL process has had; 0 where not told."""
    from django.db import connection

    connection.ensure_connection()
    told = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return int(told.read_text().split()[0]) / 1e6 if told.exists() else 0.0


def timed(client: Any, path: str) -> tuple[float, float]:
    """Milliseconds of one page: on the clock, and of processor (ours and the database's)."""
    before = database_cpu()
    began, worked = time.perf_counter(), time.process_time()
    response = client.get(path)
    taken = (time.perf_counter() - began) * 1000
    cpu = (time.process_time() - worked) * 1000 + database_cpu() - before
    if response.status_code != 200:
        raise SystemExit(f"{path} answered {response.status_code}")
    return taken, cpu


def percentiles(taken: list[float]) -> tuple[float, float, float]:
    """p50, p95, p99."""
    ordered = sorted(taken)
    p50, p95, p99 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.95, 0.99))
    return p50, p95, p99


def measure(client: Any, page: str, long: list[int], short: list[int], requests: int) -> str:
    """Figures of one page (`{}` stands for the lead): of long histories, and against short ones."""
    found: dict[str, list[tuple[float, float]]] = {"long": [], "short": []}
    for number in range(-OPENED, requests):
        for kind, ids in (("long", long), ("short", short)):
            taken = timed(client, page.format(ids[number % len(ids)]))
            if number >= 0:  # the first round warms what a running server has warm
                found[kind].append(taken)
    p50, p95, p99 = percentiles([taken for taken, _ in found["long"]])
    cpu = percentiles([cpu for _, cpu in found["long"]])
    short_cpu = percentiles([cpu for _, cpu in found["short"]])
    return (
        f"cpu_p50={cpu[0]:.1f} cpu_p95={cpu[1]:.1f}"
        f" p50={p50:.1f} p95={p95:.1f} p99={p99:.1f} ratio={cpu[0] / short_cpu[0]:.2f}"
    )


def run(chosen: argparse.Namespace) -> None:
    """The whole run; its last line."""
    from django.utils import timezone

    from qualification.demo.company import RULES
    from qualification.scoring import document, drafts, versions

    now = timezone.now()
    draft = drafts.load_draft(document.read_file(RULES), by=None, now=now)
    versions.activate_as_operator(model=draft, now=now)
    began = time.perf_counter()
    long, short = fill(chosen, now)
    queue_up([*long, *short], now)
    print(f"filled_s={time.perf_counter() - began:.0f}", flush=True)
    client = visitor()
    figures = (long, short, chosen.requests)
    print("changers", measure(client, "/leads/{}/changers/", *figures), flush=True)
    print(measure(client, "/leads/{}/", *figures))


def main() -> int:
    """Run the measurement."""
    chosen = arguments()
    os.environ["HASHED_STATIC_FILES"] = "0"
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        run(chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
