"""What a web process has ready before its first request."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def said_by_a_web_process(asks: str, **environment: str) -> str:
    """What a process prints that has imported the entry point."""
    done = subprocess.run(
        [sys.executable, "-c", f"import leadqual_site.wsgi, sys; {asks}"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_views_are_imported_before_the_first_request() -> None:
    assert said_by_a_web_process("print('qualification.views.queue' in sys.modules)") == "True"


@pytest.mark.parametrize(("environment", "said"), [({}, "15s"), ({"STATEMENT_SECONDS": "0"}, "0")])
def test_no_statement_of_a_page_takes_for_ever(environment: dict[str, str], said: str) -> None:
    asks = (
        "from django.db import connection as c; q = c.cursor();"
        " q.execute('SHOW statement_timeout'); print(q.fetchone()[0])"
    )
    assert said_by_a_web_process(asks, **environment) == said


@pytest.mark.django_db
def test_jobs_and_commands_take_their_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
