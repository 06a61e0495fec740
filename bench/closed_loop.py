#!/usr/bin/env python3
"""Replays leads with known outcomes through the whole loop, in an installation of its own.

Import → score → queue → claim → accept or reject → propose → approve → publish → re-score, batch by
batch, all through the product's own doors. The last line says how well re-weighted points order
leads they have not seen, against the points the loop began with. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

# Nobody listens here: rings are lost, which loses nothing (the loop runs its jobs itself).
NO_BELL = "redis://127.0.0.1:1/0"


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, help="CSV of leads with outcomes")
    parser.add_argument("--mapping", type=Path, help="mapping with an outcome")
    parser.add_argument("--rules", type=Path, help="scoring model to begin with")
    parser.add_argument("--batch", type=int, default=500, help="leads a batch")
    parser.add_argument("--drop", default="", help="fields or attributes to leave out: a,b")
    parser.add_argument(
        "--review-share", type=float, default=1.0, help="part of a batch decided, best scores first"
    )
    parser.add_argument("--order", choices=["given", "shuffle"], default="given")
    parser.add_argument("--seed", type=int, default=0, help="of every draw")
    parser.add_argument(
        "--shuffle-outcomes", action="store_true", help="control: outcomes at random"
    )
    parser.add_argument("--batches", type=int, default=0, help="stop after this many")
    chosen = parser.parse_args()
    if chosen.batch < 2 or chosen.batches < 0:
        parser.error("--batch is 2 or more, --batches 0 or more")
    if not 0 < chosen.review_share <= 1:
        parser.error("--review-share is above 0 and at most 1")
    files = (chosen.data, chosen.mapping, chosen.rules)
    if any(files) and not all(files):
        parser.error(
            "--data, --mapping and --rules go together; without any a made-up file is used"
        )
    for path in filter(None, files):
        if not path.is_file():
            parser.error(f"{path}: no such file")
    return chosen


@contextlib.contextmanager
def files_of(chosen: argparse.Namespace) -> Iterator[None]:
    """The files named, else made-up ones of four batches."""
    from bench.replay import made_up

    with tempfile.TemporaryDirectory(prefix="leadqual-replay-") as folder:
        if chosen.data is None:
            made = made_up.write(Path(folder), leads=4 * chosen.batch, seed=chosen.seed)
            chosen.data, chosen.mapping, chosen.rules = made.data, made.mapping, made.rules
        yield


@contextlib.contextmanager
def own_installation(*, durable: bool = False) -> Iterator[None]:
    """An empty database: on the server DATABASE_URL names, else embedded in a temporary folder.

    durable: commits wait for the disk, as they do in production. MIGRATED_DATABASE may name a
    database of the same server that is copied, so that nothing is left to migrate.
    """
    os.environ |= {"REDIS_URL": NO_BELL, "SECRET_KEY": "only-for-a-replay", "HTTPS": "0"}
    # Batches arrive at once: nobody comes while a version stands in shadow.
    os.environ |= {"SHADOW_MIN_LEADS": "0", "SHADOW_MIN_HOURS": "0"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "leadqual_site.settings"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    with contextlib.ExitStack() as stack:
        url = os.environ.get("DATABASE_URL") or stack.enter_context(_embedded_url(durable=durable))
        os.environ["DATABASE_URL"] = stack.enter_context(_database_on(url, durable=durable))
        yield


@contextlib.contextmanager
def _embedded_url(*, durable: bool) -> Iterator[str]:
    from leadqual_site.embedded import session

    with tempfile.TemporaryDirectory(prefix="leadqual-replay-", dir="/tmp") as folder:
        # Root's PostgreSQL runs as another user, who must be able to enter.
        Path(folder).chmod(0o755)
        with session.servers(Path(folder), ["postgres"], throwaway=not durable) as urls:
            yield urls["postgres"]


@contextlib.contextmanager
def _database_on(url: str, *, durable: bool) -> Iterator[str]:
    """A database of our own on the server of `url`, dropped afterwards."""
    import psycopg
    from psycopg import sql

    base, _, query = url.partition("?")
    name = f"leadqual_replay_{os.getpid()}"
    own = f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")

    def run(statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

    migrated = os.environ.get("MIGRATED_DATABASE", "template1")
    with psycopg.connect(url, autocommit=True) as connection:
        copied = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copied.format(sql.Identifier(name), sql.Identifier(migrated)))
    try:
        if not durable:  # nobody misses a replay after a power cut
            run("ALTER DATABASE {} SET synchronous_commit = off")
        yield own
    finally:
        from django.db import connections

        connections.close_all()
        run("DROP DATABASE {} WITH (FORCE)")


def main() -> int:
    """Run the replay; 2 with one line on stderr when a file or an argument is not usable."""
    chosen = arguments()
    # A terminated replay cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with files_of(chosen), own_installation():
        import django
        from django.core.management import CommandError, call_command

        django.setup()
        from bench.replay.loop import Replay, ReplayError

        call_command("migrate", verbosity=0)
        try:
            for line in Replay(chosen).run():
                print(line, flush=True)
        except (CommandError, ReplayError) as error:
            print(error, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
