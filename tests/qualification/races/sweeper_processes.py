"""Sweepers as real processes, held up at a table so that something can happen to them there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection, transaction

ROOT = Path(__file__).resolve().parents[3]
TRIES = 1000


def sweeper() -> subprocess.Popen[bytes]:
    """`manage.py sweep` in a process of its own, on the database of this test."""
    name = str(connection.settings_dict["NAME"])
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    return subprocess.Popen(
        [sys.executable, "manage.py", "sweep"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def nobody_writes(table: str) -> Iterator[None]:
    """Whoever comes to write to the table waits there until this ends."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield


def wait_until_one_hangs(table: str) -> None:
    """A process stands before the lock; each look waits a little inside PostgreSQL."""
    with connection.cursor() as cursor:
        for _ in range(TRIES):
            cursor.execute(
                """
                SELECT count(*), pg_sleep(0.02) FROM pg_locks
                WHERE relation = %s::regclass AND NOT granted
                """,
                [table],
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError(f"no sweeper came to write to {table}")


def connections_there() -> list[int]:
    """Server processes that serve this database; some may be of other tests."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]


def wait_until_it_is_gone(before: list[int]) -> None:
    """The server noticed that the process died, and took back what it had begun: none is left but
    those that were there before it."""
    with connection.cursor() as cursor:
        for _ in range(TRIES):
            cursor.execute(
                """
                SELECT count(*), pg_sleep(0.02) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> ALL(%s)
                """,
                [before],
            )
            if not cursor.fetchone()[0]:
                return
    raise AssertionError("the connection of a dead process stays")
