#!/usr/bin/env python3
"""What the chain costs: the commit of a decision with and without it, and how fast it is verified.

Rows are written by SQL into an installation of its own; what a decision freezes is of usual size.
See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

# About what a ledger of 30 lines, a checklist and the facts come to.
FROZEN = json.dumps({"ledger": {"lines": [{"name": "x" * 60, "fact": "y" * 60}] * 30}})
INSERT = """
    INSERT INTO qualification_decision (item_id, lead_id, kind, reason_id, note, override_reason,
        by_id, at, total_tenths, grade, fired, frozen)
    SELECT %(item)s, %(lead)s, 'reject', %(reason)s, 'note ' || n, '', %(by)s, now(), n %% 1000,
        'B2', '{"a": 10}', %(frozen)s
    FROM generate_series(1, %(rows)s) AS n
"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--decisions", type=int, default=100_000, help="rows to verify")
    parser.add_argument("--clients", type=int, default=4, help="who decide at once")
    parser.add_argument("--commits", type=int, default=500, help="decisions of each client")
    return parser.parse_args()


def subject() -> dict[str, object]:
    """One lead in the queue and somebody to decide it, as values of INSERT."""
    from django.utils import timezone

    from crm.models import Lead, Source, Team, User
    from qualification.choices import EntryReason
    from qualification.models import RejectionReason
    from qualification.review.queue import enter_queue

    now = timezone.now()
    team = Team.objects.create(name="Bench")
    source = Source.objects.create(
        name="bench", kind="file", credential="bench", team=team, created_at=now
    )
    lead = Lead.objects.create(
        team=team, source=source, stage_at=now, received_at=now, created_at=now, updated_at=now
    )
    (item,) = enter_queue([lead.pk], reason=EntryReason.EXPLORATION, now=now)
    by = User.objects.create(username="bench", team=team)
    reason = RejectionReason.objects.filter(is_active=True).first()
    assert reason is not None  # noqa: S101 - shipped
    return {
        "item": item,
        "lead": lead.pk,
        "by": by.pk,
        "reason": reason.pk,
        "frozen": FROZEN,
        "rows": 1,
    }


def commits(values: dict[str, object], clients: int, each: int) -> tuple[float, float, float]:
    """(p50 ms, p95 ms, per second) of single decisions, each in a transaction of its own."""
    import psycopg

    seconds: list[float] = []

    def decide() -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            for _ in range(each):
                began = time.perf_counter()
                connection.execute(INSERT, values)
                seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=decide) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - began
    seconds.sort()
    at = [seconds[int(len(seconds) * share)] * 1000 for share in (0.5, 0.95)]
    return at[0], at[1], len(seconds) / wall


def measure(chosen: argparse.Namespace) -> str:
    """The whole run; its last line."""
    from django.db import connection, transaction

    from qualification.audit.verify import verify

    values = subject()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE qualification_decision DISABLE TRIGGER leadqual_audit_insert")
        bare = commits(values, chosen.clients, chosen.commits)
        # What the chain does not know must not be there when it is verified.
        cursor.execute("TRUNCATE qualification_decision CASCADE")
        cursor.execute("ALTER TABLE qualification_decision ENABLE TRIGGER leadqual_audit_insert")
    chain = commits(values, chosen.clients, chosen.commits)
    began = time.perf_counter()
    for _ in range(0, chosen.decisions, 10_000):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(INSERT, {**values, "rows": 10_000})
    filled = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE qualification_decision, qualification_auditentry")
    began = time.perf_counter()
    hashes = verify(with_rows=False)
    hash_s = time.perf_counter() - began
    began = time.perf_counter()
    report = verify()
    whole_s = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"bare_p50={bare[0]:.2f} bare_p95={bare[1]:.2f} bare_per_s={bare[2]:.0f}")
    print(f"chain_p50={chain[0]:.2f} chain_p95={chain[1]:.2f} chain_per_s={chain[2]:.0f}")
    return (
        f"breaks={report.n_breaks} entries={report.entries} rows={report.rows}"
        f" hash_s={hash_s:.1f} hashes_per_s={hashes.entries / hash_s:.0f} whole_s={whole_s:.1f}"
        f" rows_per_s={report.rows / whole_s:.0f} fill_s={filled:.1f} rss_mb={megabytes:.0f}"
    )


def main() -> int:
    """Run the measurement."""
    chosen = arguments()
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(measure(chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
