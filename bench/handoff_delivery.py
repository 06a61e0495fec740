#!/usr/bin/env python3
"""Accepts many leads while the CRM fails and the senders are killed; counts what arrived.

In an installation of its own, against a HubSpot on this machine that counts by external id. The
senders are real processes. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

if TYPE_CHECKING:
    from tests.fakes.hubspot import HubSpot

SECRET_NAME, TOKEN = "CRM_SECRET_BENCH", "pat-bench"
# How often a message meets a fault on its way; one message takes so many requests.
FAULTS = {"500": 0.20, "reset_after": 0.10, "429": 0.10, "hang_after": 0.05}
REQUESTS = 4
SENDERS = 3
# A lead with this in its address is refused by the CRM for good.
POISON = "poison@bench.example"
# A transaction that stands idle for longer waits for something outside.
IDLE_SECONDS = 0.5
LEADS = """
    INSERT INTO crm_lead (team_id, first_name, last_name, company_name, email, email_key,
        email_kind, phone, title, seniority, department, country, city, channel, campaign, topic,
        source_id, opted_out, attributes, stage, stage_at, disqualified_by, received_at, created_at,
        updated_at, version)
    SELECT %(team)s, 'Ana', 'Lund ' || n, 'Company ' || n, address, address,
        'corporate', '', '', '', '', '', '', 'web', '', '',
        %(source)s, false, '{}', 'new', %(now)s, '', %(now)s, %(now)s, %(now)s, 1
    FROM (SELECT n, CASE n WHEN 1 THEN %(poison)s ELSE 'lead' || n || '@bench.example' END
          FROM generate_series(1, %(leads)s) AS n) AS made (n, address)
"""


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--leads", type=int, default=2000, help="accepted leads, one is poison")
    parser.add_argument("--kills", type=int, default=10, help="senders killed meanwhile")
    parser.add_argument("--haste", type=float, default=15, help="by this all waits are shorter")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--control", action="store_true", help="a CRM without a unique property: doubles must show"
    )
    parser.add_argument("--sender", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.leads < 2 or chosen.kills < 0 or chosen.haste < 1:
        parser.error("--leads is 2 or more, --kills 0 or more, --haste 1 or more")
    return chosen


def hurry(haste: float) -> None:
    """Every wait of the outbox, and every limit of time, shorter by the same factor."""
    from qualification.connectors import hubspot_calls
    from qualification.outbox import deliver, http

    for module, names in (
        (deliver, ("LEASE", "FIRST_PAUSE", "LONGEST_PAUSE")),
        (hubspot_calls, ("ANSWER_SECONDS", "BUDGET_SECONDS")),
        (http, ("ANSWER_SECONDS",)),
    ):
        for name in names:
            setattr(module, name, getattr(module, name) / haste)


# --- the sender, a process of its own -------------------------------------------------------------


def send_for_ever(haste: float) -> None:
    """What a worker does for the outbox, one pass after the other."""
    from django.utils import timezone

    from qualification.sweeps import deliver_due

    hurry(haste)
    while True:
        if not deliver_due(now=timezone.now()):
            time.sleep(0.1)


class Senders:
    """Some senders; one can be killed, another one then takes its place."""

    def __init__(self, haste: float, seed: int) -> None:
        self._haste, self._draw = haste, random.Random(seed)
        self._running = [self._start() for _ in range(SENDERS)]
        self.kills = 0

    def _start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, __file__, "--sender", "--haste", str(self._haste)]
        return subprocess.Popen(words, cwd=PROJECT_ROOT)

    def kill_one(self) -> None:
        """SIGKILL: whatever it was doing is left as it is."""
        victim = self._running.pop(self._draw.randrange(len(self._running)))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        self.kills += 1
        self._running.append(self._start())

    def stop(self) -> None:
        """All of them, for good."""
        for running in self._running:
            running.kill()
            running.wait()


# --- the world ------------------------------------------------------------------------------------


def accept_all(leads: int, url: str, now: datetime) -> None:
    """So many leads enter the queue, are claimed and accepted, through the doors of the product."""
    from django.contrib.auth.models import Group
    from django.db import connection

    from crm.models import Lead, Source, Team, User
    from qualification.choices import EntryReason
    from qualification.connectors.connections import set_up
    from qualification.models import CrmConnection, ReviewItem
    from qualification.review.claims import claim_item
    from qualification.review.decisions import accept_lead
    from qualification.review.queue import enter_queue

    team = Team.objects.create(name="Bench")
    people = {}
    for role in ("manager", "ae"):
        person = User.objects.create(username=role, email=f"{role}@bench.example", team=team)
        person.groups.add(Group.objects.get_or_create(name=role)[0])
        people[role] = person
    source = Source.objects.create(
        name="bench", kind="file", credential="bench", team=team, created_at=now
    )
    crm = CrmConnection(name="Bench", kind="hubspot", url=url, secret_name=SECRET_NAME)
    set_up(crm, now=now)
    crm.save()
    values = {"leads": leads, "team": team.pk, "source": source.pk, "now": now, "poison": POISON}
    with connection.cursor() as cursor:
        cursor.execute(LEADS, values)
    ids = list(Lead.objects.order_by("pk").values_list("pk", flat=True))
    enter_queue(ids, reason=EntryReason.THRESHOLD, now=now)
    for item in ReviewItem.objects.order_by("pk"):
        held = claim_item(item=item, by=people["manager"], now=now)
        accept_lead(
            item=held,
            token=held.token,
            by=people["manager"],
            to=people["ae"],
            override_reason="bench",
            now=now,
        )


class Watch:
    """Looks for transactions that stand idle while the CRM is asked."""

    def __init__(self) -> None:
        self.idle = 0
        self._seen = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._seen += 1
            if self._seen % 25 == 0:
                self.idle += self._look()

    def _look(self) -> int:
        from django.db import connection

        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND state LIKE 'idle in transaction%%' AND now() - state_change > %s",
                    [timedelta(seconds=IDLE_SECONDS)],
                )
                return int(cursor.fetchone()[0])
        finally:
            connection.close()


@contextlib.contextmanager
def failing_crm(chosen: argparse.Namespace) -> Iterator[HubSpot]:
    """The CRM with its faults."""
    from tests.fakes.hubspot import hubspot

    answer_seconds = 15 / chosen.haste
    with hubspot(
        token=TOKEN,
        seed=chosen.seed,
        is_naive=chosen.control,
        hang_seconds=2 * answer_seconds,
        chances={name: chance / REQUESTS for name, chance in FAULTS.items()},
    ) as crm:
        crm.on_request = Watch()
        yield crm


def states() -> dict[str, int]:
    """Messages to the CRM by their state."""
    from django.db.models import Count

    from qualification.models import OutboxMessage

    rows = OutboxMessage.objects.filter(kind="crm-handoff").values_list("state")
    return dict(rows.annotate(n=Count("pk")))


def drain(leads: int, senders: Senders, kills: int) -> None:
    """Until nothing waits; a sender dies each time another part has gone."""
    while True:
        counted = states()
        gone = leads - counted.get("waiting", 0)
        if senders.kills < kills and gone >= (senders.kills + 0.5) * leads / (kills + 1):
            senders.kill_one()
        if not counted.get("waiting", 0):
            return
        time.sleep(0.05)


def replay(crm: HubSpot) -> int:
    """Everything given up is sent again, to a CRM that is well; distinct external ids there."""
    from django.utils import timezone

    from qualification.models import OutboxMessage
    from qualification.outbox.deliver import send_again
    from qualification.sweeps import deliver_due

    crm.chances = {}
    dead = OutboxMessage.objects.filter(kind="crm-handoff", state="dead")
    send_again(dead, now=timezone.now())
    while OutboxMessage.objects.filter(kind="crm-handoff", state="waiting").exists():
        deliver_due(now=timezone.now())
    return len(crm.keys())


def measure(chosen: argparse.Namespace) -> tuple[str, bool]:
    """The whole run: its last line, and whether it shows what it should."""
    from django.db.models import Sum
    from django.utils import timezone

    from qualification.models import OutboxMessage

    hurry(chosen.haste)
    with failing_crm(chosen) as crm:
        accept_all(chosen.leads, crm.url, timezone.now() - timedelta(minutes=1))
        began = time.perf_counter()
        senders = Senders(chosen.haste, chosen.seed)
        try:
            drain(chosen.leads, senders, chosen.kills)
        finally:
            senders.stop()
        seconds = time.perf_counter() - began
        counted, keys = states(), crm.keys()
        to_crm = OutboxMessage.objects.filter(kind="crm-handoff")
        sent = {
            key.rpartition(":crm:")[0]
            for key in to_crm.filter(state="sent").values_list("key", flat=True)
        }
        attempts = to_crm.aggregate(n=Sum("attempts"))["n"]
        figures: dict[str, Any] = {
            "accepted": chosen.leads,
            "delivered": counted.get("sent", 0),
            "dead": counted.get("dead", 0),
            "doubled": sum(n - 1 for n in keys.values()),
            "lost": len(sent - set(keys)) + chosen.leads - sum(counted.values()),
            "kills": senders.kills,
            "attempts": attempts,
            "open_transactions": crm.on_request.idle,  # type: ignore[attr-defined]
            "seconds": round(seconds),
            "after_replay": replay(crm),
        }
    return " ".join(f"{name}={value}" for name, value in figures.items()), judge(chosen, figures)


def judge(chosen: argparse.Namespace, figures: dict[str, Any]) -> bool:
    """Each once or visible as given up; after a replay all but the poison. A control doubles."""
    if chosen.control:
        return bool(figures["doubled"] > 0)
    return bool(
        figures["doubled"] == figures["lost"] == figures["open_transactions"] == 0
        and figures["delivered"] + figures["dead"] == chosen.leads
        and figures["kills"] == chosen.kills
        and figures["after_replay"] == chosen.leads - 1
    )


def main() -> int:
    """Run the measurement; 1 when it does not show what it should."""
    chosen = arguments()
    os.environ |= {SECRET_NAME: TOKEN, "WEBHOOKS_TO_LOOPBACK": "1", "UNDO_SECONDS": "30"}
    os.environ["EMAIL_BACKEND"] = "django.core.mail.backends.dummy.EmailBackend"
    if chosen.sender:
        import django

        django.setup()
        send_for_ever(chosen.haste)
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        line, is_good = measure(chosen)
    print(line)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
