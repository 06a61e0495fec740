#!/usr/bin/env python3
"""How long after an activity the score and the queue say so, among many leads.

In the database: the statements that score one lead and let the queue follow. From outside: a signed
message posted to the web server until a fresh GET of the queue shows the lead at its new place,
through inbox, bell and worker. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

ACTIVITIES_OF_LEAD = 5
SECRET = "secret-of-the-bench"  # noqa: S105
GIVEN_UP_SECONDS = 30.0
LIMIT_DATABASE_MS, LIMIT_QUEUE_S = 10.0, 1.0


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--singles", type=int, default=500, help="leads scored one by one")
    parser.add_argument("--messages", type=int, default=60, help="posted to the web server")
    chosen = parser.parse_args()
    if min(chosen.leads, chosen.singles, chosen.messages) < 1:
        parser.error("--leads, --singles and --messages are 1 or more")
    return chosen


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def quantile(seconds: list[float], share: float) -> float:
    """Of the sorted figures, nearest rank."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def prepare(leads: int, now: datetime) -> None:
    """Leads with activities, a live version, first scores, a queue."""
    import yaml

    from bench.rescoring.storage import fill
    from qualification import runner
    from qualification.scoring import drafts, versions
    from qualification.scoring.document import checked_document

    say(f"filling {leads:,} leads ...")
    fill(leads, leads * ACTIVITIES_OF_LEAD, as_of=now)
    raw = yaml.safe_load((PROJECT_ROOT / "bench/rescoring/rules.yaml").read_bytes())
    # A line few are above, and a sign strong enough to carry others over it to the top.
    raw["limits"]["total"] = [0, 300]
    raw["thresholds"] |= {"mql": 120, "accept": 200}
    when = {"activity": "raised_hand", "within_days": 90, "at_least_times": 1}
    raw["rules"].append({"name": "Raised hand", "dimension": "intent", "points": 110, "when": when})
    draft = drafts.load_draft(checked_document(raw), by=None, now=now)
    versions.activate_as_operator(model=draft, now=now)
    runner.work_runs(now=now)


def candidates(count: int) -> list[int]:
    """Leads below the line whom the sign carries over it, best first."""
    from crm.models import Lead

    below = Lead.objects.filter(stage="new", score__total_tenths__gte=100)
    return list(below.order_by("-score__total_tenths", "pk").values_list("pk", flat=True)[:count])


class Clock:
    """Adds up the time spent in the database, in milliseconds."""

    def __init__(self) -> None:
        self.ms = 0.0

    def __call__(self, execute: Any, *statement: Any) -> Any:
        """A wrapper around one statement."""
        started = time.perf_counter()
        try:
            return execute(*statement)
        finally:
            self.ms += (time.perf_counter() - started) * 1000


def score_singles(leads: int, count: int) -> list[float]:
    """Milliseconds in the database to score one lead after an activity, the queue included."""
    from django.db import connection
    from django.utils import timezone

    from crm.models import Activity, Lead
    from qualification import pipeline

    draw = random.Random(1)
    ids = list(Lead.objects.order_by("pk").values_list("pk", flat=True)[:leads])
    spent = []
    for number in range(count):
        lead_id, now = draw.choice(ids), timezone.now()
        Activity.objects.create(
            lead_id=lead_id, type="pricing_view", occurred_at=now, recorded_at=now
        )
        pipeline.facts_changed([lead_id], now=now)
        clock = Clock()
        with connection.execute_wrapper(clock):
            pipeline.score_and_queue([lead_id], now=now)
        if number:  # the first one compiles the version
            spent.append(clock.ms)
    return spent or [clock.ms]


@contextlib.contextmanager
def product(port: int) -> Iterator[None]:
    """The whole product on our database: web server, worker, scheduler, a Redis of its own."""
    with tempfile.TemporaryDirectory(prefix="leadqual-bench-") as folder:
        environment = os.environ | {"DATA_DIR": folder, "PORT": str(port), "WORKERS": "1"}
        for name in ("REDIS_URL", "SHADOW_MIN_LEADS", "SHADOW_MIN_HOURS"):
            environment.pop(name, None)
        with subprocess.Popen(
            [sys.executable, "-m", "leadqual_site.embedded.supervisor"],
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                wait_for(port)
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)


def wait_for(port: int) -> None:
    """Returns when the web server answers."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if request(port, "GET", "/healthz").status == 200:
                return
        time.sleep(0.2)
    raise SystemExit("the web server did not start")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def request(port: int, method: str, path: str, **more: Any) -> Any:
    """One request over a connection of its own; the answer, read whole (`.text`)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, **more)
    answer: Any = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def log_in() -> dict[str, str]:
    """Headers of an SDR who is logged in."""
    from django.conf import settings
    from django.contrib.auth.models import Group
    from django.test import Client

    from crm.intake.upsert import fallback_team
    from crm.models import User

    sdr = User.objects.create(username="bench", team=fallback_team())
    sdr.groups.add(Group.objects.get(name="sdr"))
    client = Client()
    client.force_login(sdr, backend="crm.log_in.PersonBackend")
    name = settings.SESSION_COOKIE_NAME
    return {"Cookie": f"{name}={client.cookies[name].value}"}


def post_and_look(port: int, lead_ids: list[int]) -> list[float]:
    """Seconds from posting a message to a queue that shows its lead, one after the other."""
    from crm.models import Lead, Source

    source = Source.objects.create(
        name="hook", kind="json", credential="bench-hook", secret=SECRET, created_at=now_()
    )
    path = f"/intake/{source.name}/{source.credential}/"
    headers, spent = log_in(), []
    request(port, "GET", "/queue/", headers=headers)
    for lead in Lead.objects.filter(pk__in=lead_ids):
        body = json.dumps(
            {"external_id": str(lead.pk), "email": lead.email, "type": "raised_hand"}
        ).encode()
        signed = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        row = f'id="lead-{lead.pk}"'
        # By its address: among many leads, those whose clocks warn fill the first page.
        page = f"/queue/?{urlencode({'q': lead.email})}"
        if row in request(port, "GET", page, headers=headers).text:
            raise SystemExit("the lead is in the queue already")
        started = time.perf_counter()
        answer = request(port, "POST", path, body=body, headers={"X-Signature": signed})
        if answer.status != 202:
            raise SystemExit(f"the message was refused: {answer.status} {answer.text}")
        while row not in request(port, "GET", page, headers=headers).text:
            if time.perf_counter() - started > GIVEN_UP_SECONDS:
                raise SystemExit("the queue never showed the lead")
        spent.append(time.perf_counter() - started)
    return spent


def now_() -> datetime:
    """The present, aware."""
    from django.utils import timezone

    return timezone.now()


def measure(chosen: argparse.Namespace) -> tuple[float, float, str]:
    """p95 in the database (ms), p95 from outside (s), and the last line."""
    prepare(chosen.leads, now_())
    singles = score_singles(chosen.leads, chosen.singles)
    lead_ids = candidates(chosen.messages)
    if not lead_ids:
        raise SystemExit("too few leads: none is near the line")
    port = free_port()
    with product(port):
        seconds = post_and_look(port, lead_ids)
    database, whole = quantile(singles, 0.95), quantile(seconds, 0.95)
    line = (
        f"database_p50_ms={quantile(singles, 0.5):.1f} database_p95_ms={database:.1f}"
        f" queue_p50_s={quantile(seconds, 0.5):.2f} queue_p95_s={whole:.2f}"
        f" queue_max_s={max(seconds):.2f} messages={len(seconds)}"
    )
    return database, whole, line


def main() -> int:
    """Run the measurement; 1 when a limit is missed."""
    chosen = arguments()
    from bench.closed_loop import own_installation

    with own_installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        database, whole, line = measure(chosen)
    print(line)
    return int(database > LIMIT_DATABASE_MS or whole > LIMIT_QUEUE_S)


if __name__ == "__main__":
    sys.exit(main())
