"""Practice changes nothing but its own two tables: every other table and every report is the same
to the byte before and after a round."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.demo.seed import seed
from qualification.feedback.labels import Label, labelled_decisions
from qualification.models import PracticeCase, PracticeRound
from qualification.review.tallies import _counts
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
# What the room may write; the session is the browser's.
MAY_WRITE = {"qualification_practiceround", "qualification_practicecase"}
SESSION = {"django_session"}
WRITES = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
REPORTS = {
    "kenji": (
        "/queue/",
        "/my-work/",
        "/nurture/",
        "/accounts/",
        "/rejected/",
        "/rejected/by-rules/",
        "/proposals/",
        "/models/",
        "/sources/",
        "/sources/sources.csv",
        "/sla/",
        "/sla/sla.csv",
        "/skips/",
        "/skips/skips.csv",
        "/deliveries/",
        "/outcomes/",
        "/routing/",
        "/desks/",
        "/notices/",
        "/self-check/",
        "/queue/views/counts/",
    ),
    "maya": ("/queue/", "/my-work/", "/notices/", "/queue/pulse/"),
    "elena": ("/handoffs/",),
}


def tables() -> dict[str, str]:
    """Every table but those of practice and sessions, as text."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table in MAY_WRITE | SESSION:
                continue
            cursor.execute(
                f"SELECT coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '')"
                f' FROM "{table}" AS r'
            )
            found[table] = cursor.fetchone()[0]
    return found


def reports(clients: dict[str, Client]) -> dict[str, bytes]:
    """Every report as its readers get it, without what changes with each visit."""
    found = {}
    for username, paths in REPORTS.items():
        for path in paths:
            response = clients[username].get(path)
            assert response.status_code == 200, path
            found[f"{username} {path}"] = re.sub(
                rb'(csrf\w*"[^>]*value="[^"]+"|X-CSRFToken": "[^"]+"|sample=\d+)',
                b"",
                response.content,
            )
    now = timezone.now()
    found["labels"] = repr(list(labelled_decisions(Label(), now=now))).encode()
    tallies, *totals = _counts(now)
    found["tallies"] = json.dumps([tallies, totals], sort_keys=True).encode()
    return found


def noting(statements: list[str]) -> Callable[..., Any]:
    """Keeps each statement that is sent."""

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    return note


def play(client: Client, size: int) -> PracticeRound:
    """A whole round in the browser, every kind of choice, with a look at all its pages."""
    assert client.get("/practice/").status_code == 200
    assert client.post("/practice/start/", {"size": size}).status_code == 302
    practice = PracticeRound.objects.get()
    for position in range(1, size + 1):
        url = f"/practice/{practice.pk}/{position}/"
        assert client.get(url).status_code == 200
        if position % 3 == 0:
            assert client.get(f"{url}reject/").status_code == 200
            sent = client.post(f"{url}reject/", {"reason": reason("too_small").pk})
        else:
            choice = "accept" if position % 3 == 1 else "nurture"
            sent = client.post(f"{url}judge/", {"choice": choice})
        assert sent["Location"] == url
        assert client.get(url).status_code == 200
    assert client.get(f"/practice/{practice.pk}/").status_code == 200
    return practice


def test_a_round_changes_no_table_and_no_report(login: Callable[[User], Client]) -> None:
    seed(leads=60, now=timezone.now(), on_progress=lambda done, whole: None)
    clients = {}
    for username in REPORTS:
        clients[username] = Client()
        user = User.objects.get(username=username)
        clients[username].force_login(user, backend="crm.log_in.PersonBackend")
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=1), tick=False):
        reports(clients)  # what is worked out on a first visit
        before = tables(), reports(clients)
        statements: list[str] = []
        with connection.execute_wrapper(noting(statements)):
            practice = play(clients["maya"], 5)
        after = tables(), reports(clients)
    assert PracticeCase.objects.filter(round=practice).exclude(choice="").count() == 5
    assert PracticeRound.objects.get().finished_at is not None
    for was, now in zip(before, after, strict=True):
        assert [name for name in was if was[name] != now[name]] == []
    written = {name for statement in statements for name in WRITES.findall(statement)}
    assert written >= MAY_WRITE
    assert written <= MAY_WRITE | SESSION
