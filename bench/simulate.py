#!/usr/bin/env python3
"""Simulates a draft against the live version over made-up leads, in an installation of its own.

The demo company's rules are live; the draft gives its decision makers fewer points. Measured is the
whole run as a worker does it: every key range under both versions, then the figures. See README.md
beside this file.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from decimal import Decimal
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

ACTIVITIES_A_LEAD = 5
SENIORITIES = ("C-level", "VP", "Director", "Manager", "")
INDUSTRIES = ("Logistics", "Wholesale", "Software", "Education")
ACTIVITIES = (
    ("page_view", {"path": "/pricing"}),
    ("page_view", {"path": "/docs/integrations"}),
    ("page_view", {"path": "/careers"}),
    ("download", {}),
    ("webinar", {}),
    ("email_reply", {}),
)


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--leads", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3, help="the median of so many counts")
    parser.add_argument("--seed", type=int, default=0, help="of every draw")
    chosen = parser.parse_args()
    if chosen.leads < 1 or chosen.runs < 1:
        parser.error("--leads and --runs are 1 or more")
    return chosen


def fill(leads: int, draw: random.Random) -> None:
    """Leads of some companies, each with a few activities of the last weeks."""
    from datetime import timedelta

    from django.db import connection
    from django.utils import timezone

    from crm.models import Account, Activity, Lead, Source, Team

    now = timezone.now()
    team = Team.objects.get(is_fallback=True)
    source = Source.objects.create(
        name="bench", kind="file", credential="bench", team=team, created_at=now
    )
    stamps = {"created_at": now, "updated_at": now}
    accounts = Account.objects.bulk_create(
        Account(
            name=f"Company {number}",
            industry=draw.choice(INDUSTRIES),
            employees=draw.randint(5, 6000),
            **stamps,
        )
        for number in range(max(1, leads // 10))
    )
    made = Lead.objects.bulk_create(
        [
            Lead(
                team=team,
                source=source,
                account=draw.choice(accounts),
                seniority=draw.choice(SENIORITIES),
                attributes={"sites": draw.randint(1, 4)},
                email_key=f"lead{number}@bench.example",
                stage_at=now,
                received_at=now,
                **stamps,
            )
            for number in range(leads)
        ],
        batch_size=5000,
    )
    Activity.objects.bulk_create(
        [
            Activity(
                lead=lead,
                type=kind,
                properties=properties,
                occurred_at=now - timedelta(hours=draw.randint(1, 1500)),
                recorded_at=now,
            )
            for lead in made
            for kind, properties in draw.choices(ACTIVITIES, k=ACTIVITIES_A_LEAD)
        ],
        batch_size=5000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def measure(chosen: argparse.Namespace) -> str:
    """The whole measurement; its last line."""
    from statistics import median

    from django.contrib.auth.models import Group
    from django.utils import timezone

    from crm.models import User
    from qualification import runner
    from qualification.demo.company import RULES
    from qualification.models import RunState
    from qualification.scoring import document, drafts, simulate, versions
    from qualification.scoring.simulation import simulation_of

    fill(chosen.leads, random.Random(chosen.seed))
    now = timezone.now()
    admin = User.objects.create(username="bench-admin")
    admin.groups.add(Group.objects.get(name="admin"))
    live = drafts.load_draft(document.read_file(RULES), by=None, now=now)
    versions.activate_as_operator(model=live, now=now)
    runner.work_runs(now=now)
    draft = drafts.copy_to_draft(model=live, by=admin, now=now)
    drafts.change_points(
        draft=draft, rule_key="decision-maker", points=Decimal(4), by=admin, now=now
    )
    seconds = []
    for _ in range(chosen.runs):
        began = time.perf_counter()
        run = simulate.start_simulation(model=draft, by=admin, now=timezone.now())
        runner.work_runs(now=timezone.now(), run=run)
        run.refresh_from_db()
        if run.state != RunState.DONE:
            raise SystemExit(f"the simulation ended as {run.state}: {run.error}")
        seconds.append(time.perf_counter() - began)
    found = simulation_of(draft)
    assert found is not None  # noqa: S101
    moved = sum(part.grades.moved for part in found.parts)
    return f"leads={found.progress.scored} moved={moved} seconds={median(seconds):.2f}"


def main() -> int:
    """Run the measurement in a database of its own."""
    chosen = arguments()
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(measure(chosen), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
