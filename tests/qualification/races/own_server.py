"""A PostgreSQL of a test's own, whose commits wait for the disk: to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from leadqual_site.embedded import locks, process
from leadqual_site.embedded.places import Place
from leadqual_site.embedded.postgres import Postgres

LOOKS = 1000


def children_of(pid: int) -> list[int]:
    """Processes that a process started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in task.read_text().split()]
    return found


class Telling(Postgres):
    """Tells of each transaction when it was committed, and is soon back after a crash."""

    def _command(self, folder: Path) -> list[str]:
        told = ["-c", "track_commit_timestamp=on", "-c", "recovery_init_sync_method=syncfs"]
        return [*super()._command(folder), *told]


class OwnServer:
    """Started the way the keeper does it, but nobody keeps it: what is killed stays dead."""

    def __init__(self, root: Path) -> None:
        self.place = Place(root, "postgres")
        self.place.prepare()
        self.postgres = Telling(root, throwaway=False)
        self.copies = 0
        self.start()

    def start(self) -> None:
        """Returns when the server answers. The one before is gone by then, with all it started."""
        guard = locks.wait_lock(self.place.lock("server"), seconds=60)
        with self.place.log_file.open("ab") as log:
            self.process, self.url = self.postgres.start(log=log, keep=guard)
        os.close(guard)

    def stop(self) -> None:
        """For good; nothing of it is wanted any more."""
        process.stop(self.process, ((signal.SIGQUIT, 20.0),))
        self.postgres.forget()

    def kill(self, *, whole: bool) -> None:
        """The postmaster, whose children notice; or all at once, so that none finishes a word."""
        if whole:
            self.process.send_signal(signal.SIGSTOP)
            for child in children_of(self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def url_of(self, database: str) -> str:
        """Where a database of this server is found."""
        return f"{self.url.rpartition('/')[0]}/{database}"

    def restore(self, url: str, database: str) -> None:
        """Makes a database that is a copy of one of another server."""
        programs = self.postgres.bin
        self._make(database, "template0")
        with subprocess.Popen(
            [programs / "pg_dump", "--no-owner", "--no-privileges", url], stdout=subprocess.PIPE
        ) as dump:
            psql = [programs / "psql", "-Xq1", "-v", "ON_ERROR_STOP=1", self.url_of(database)]
            subprocess.run(psql, stdin=dump.stdout, stdout=subprocess.DEVNULL, check=True)
        assert dump.returncode == 0

    def copied(self, template: str) -> str:
        """Where a copy of another database of this server is found."""
        self.copies += 1
        self._make(f"copy_{self.copies}", template)
        return self.url_of(f"copy_{self.copies}")

    def _make(self, database: str, template: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
            connection.execute("CHECKPOINT")  # what a crash repeats begins here


class Rows:
    """Plain statements on one database, over a connection that is made anew when it was lost."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection: psycopg.Connection[Any] | None = None

    def __call__(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """What a statement finds."""
        cursor = self._there().execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def many(self, statement: str, each: Sequence[Sequence[Any]]) -> None:
        """One statement with many parameters, all or nothing."""
        there = self._there()
        with there.transaction(), there.cursor() as cursor:
            cursor.executemany(statement, each)

    def _there(self) -> psycopg.Connection[Any]:
        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(self.url, autocommit=True)
        return self.connection

    def close(self) -> None:
        """Leaves the server."""
        if self.connection is not None:
            self.connection.close()

    def build_gates(self, tables: Sequence[str]) -> None:
        """Whoever writes to one of these tables passes a gate first, and keeps nothing of it: who
        is frozen behind it holds up nobody but by what it wrote."""
        self(
            "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " PERFORM pg_advisory_lock_shared(1, TG_RELID::int);"
            " PERFORM pg_advisory_unlock_shared(1, TG_RELID::int); RETURN NULL; END $$"
        )
        for table in tables:
            self(
                f"CREATE TRIGGER gate BEFORE INSERT ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION gate()"
            )

    @contextmanager
    def nobody_writes(self, table: str) -> Iterator[None]:
        """Whoever comes to write to the table waits there until this ends, or the server does."""
        with psycopg.connect(self.url, autocommit=True) as holder:
            holder.execute("SELECT pg_advisory_lock(1, %s::regclass::int)", [table])
            yield

    def who_hangs(self) -> set[str]:
        """The names under which connected who stands before a gate; looks a little later."""
        found = self(
            """
            SELECT a.application_name FROM pg_sleep(0.01), pg_locks AS l
            JOIN pg_stat_activity AS a USING (pid)
            WHERE l.locktype = 'advisory' AND l.classid = 1 AND NOT l.granted
            """
        )
        return {name for (name,) in found}
