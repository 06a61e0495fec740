#!/usr/bin/env python3
"""Scores many leads by the product and by hand-written SQL of the same rules, in turns.

The same storage, the same moment, the same rounding; equal totals or exit 1. Reading all totals and
rewriting all stored scores are timed apart. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_ROOT))

MEMORY_LIMIT_MB = 200
MOVED_LINES = (
    ("fit: {A: 40, B: 25, C: 10}", "fit: {A: 30, B: 15, C: 5}"),
    ("intent: {1: 45, 2: 30, 3: 15}", "intent: {1: 30, 2: 15, 3: 5}"),
)
# For both sides alike.
DATABASE = {"work_mem": "256MB", "jit": "off", "max_parallel_workers_per_gather": "0"}


def arguments() -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--activities", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5, help="of each, in turns; medians count")
    parser.add_argument("--workers", type=int, default=2, help="processes that rewrite scores")
    parser.add_argument(
        "--limit-sql",
        type=Path,
        default=PROJECT_ROOT.parent / "shared" / "bench" / "limit.sql",
        help="the reference limit with tables of its own; skipped when absent",
    )
    chosen = parser.parse_args()
    if min(chosen.leads, chosen.activities, chosen.runs, chosen.workers) < 1:
        parser.error("--leads, --activities, --runs and --workers are 1 or more")
    return chosen


@contextlib.contextmanager
def installation() -> Iterator[None]:
    """A database of our own, dropped afterwards, with the same planner settings for both sides."""
    from bench.closed_loop import own_installation

    with own_installation():
        url = os.environ["DATABASE_URL"]
        name = url.partition("?")[0].rpartition("/")[2]
        run_sql(url, [f"ALTER DATABASE {name} SET {key} = '{v}'" for key, v in DATABASE.items()])
        yield


def run_sql(url: str, statements: list[str]) -> None:
    """Statements outside of any transaction."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds and the answer."""
    gc.collect()
    started = time.perf_counter()
    answer = action()
    return time.perf_counter() - started, answer


def work(_: int) -> int:
    """One worker: ranges of the run there is until none is left; peak memory in kB so far."""
    from bench.rescoring.storage import AS_OF
    from qualification import runner

    runner.work_runs(now=AS_OF)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def start_worker(barrier: Any) -> None:
    """A worker process, warm before anything is timed: it finds no work yet."""
    import django
    from django.utils import timezone

    django.setup()
    from qualification import runner

    runner.work_runs(now=timezone.now())
    barrier.wait()


class Bench:
    """The rows, the two versions of one rule set, and the timings."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen = chosen
        self.seconds: dict[str, list[float]] = {}
        self.memory_mb = 0.0
        self.moved = 0
        self.limit = self._limit()

    def _limit(self) -> Any:
        from bench.rescoring.limit_file import LimitFile

        path = self.chosen.limit_sql
        if not path.is_file():
            say(f"{path}: no such file, compared with hand-written SQL over our own tables only")
            return None
        return LimitFile(path, leads=self.chosen.leads, activities=self.chosen.activities)

    def prepare(self) -> None:
        """Rows, versions, first scores."""
        from bench.rescoring.storage import AS_OF, fill
        from qualification import runner
        from qualification.scoring import drafts, versions
        from qualification.scoring.document import read_document

        say(f"filling {self.chosen.leads:,} leads, {self.chosen.activities:,} activities ...")
        spent, _ = timed(lambda: fill(self.chosen.leads, self.chosen.activities))
        say(f"filled in {spent:.0f} s")
        rules = (PROJECT_ROOT / "bench/rescoring/rules.yaml").read_text()
        document = read_document(rules.encode())
        self.models = [drafts.load_draft(document, by=None, now=AS_OF) for _ in range(2)]
        # The same points, other lines between the grades.
        for grades, others in MOVED_LINES:
            rules = rules.replace(grades, others)
        self.moving = drafts.load_draft(read_document(rules.encode()), by=None, now=AS_OF)
        for model in self.models:
            versions.activate_as_operator(model=model, now=AS_OF)
        spent, _ = timed(lambda: runner.work_runs(now=AS_OF))
        say(f"first scores in {spent:.1f} s")
        if self.limit is not None:
            spent, _ = timed(self.limit.build)
            say(f"tables of the reference limit in {spent:.0f} s")
        self.vacuum()

    def vacuum(self) -> None:
        """Both sides begin each run with clean tables."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) qualification_leadscore")
            if self.limit is not None:
                cursor.execute("VACUUM (ANALYZE) leads")
            cursor.execute("CHECKPOINT")

    def measure(self) -> None:
        """All runs, in turns."""
        context = multiprocessing.get_context("spawn")
        barrier = context.Barrier(self.chosen.workers + 1)
        with context.Pool(self.chosen.workers, start_worker, (barrier,)) as pool:
            barrier.wait()
            for _ in range(self.chosen.runs):
                totals = self._time("product select", self.select)
                if totals != self._time("limit select", self.select_by_hand):
                    raise SystemExit("the totals differ")
                if self.limit is not None:
                    self._time("reference select", lambda: self.limit.run("select"))
            for number in range(self.chosen.runs):
                self._time("product rewrite", lambda n=number: self.rewrite(pool, n % 2))
                self.vacuum()
                self._time("limit rewrite", self.rewrite_by_hand)
                self.vacuum()
                if self.limit is not None:
                    self._time("reference rewrite", lambda: self.limit.run("full_update"))
                    self.vacuum()
            self._time("moving rewrite", lambda: self.move(pool))

    def _time(self, name: str, action: Callable[[], Any]) -> Any:
        spent, answer = timed(action)
        self.seconds.setdefault(name, []).append(spent)
        say(f"{name:18} {spent:8.2f} s")
        return answer

    def select(self) -> tuple[int, ...]:
        """Totals of all leads by the compiled expression, range by range as a run reads them."""
        from bench.rescoring.storage import AS_OF
        from qualification.scoring.compile import compile_model, leads_between
        from qualification.scoring.rescore import key_ranges

        compiled = compile_model(self.models[1])
        sums = [0, 0, 0, 0]
        for first, last, _ in key_ranges():
            sql, parameters = compiled.totals(leads_between(first, last, as_of=AS_OF))
            columns = "count(*), sum(total), sum(fit), sum(intent)"
            row = one_row(f"SELECT {columns} FROM ({sql}) AS s", parameters)
            sums = [whole + part for whole, part in zip(sums, row, strict=True)]
        return tuple(sums)

    def select_by_hand(self) -> tuple[int, ...]:
        """The same by one hand-written statement."""
        from bench.rescoring.by_hand import SELECT
        from bench.rescoring.storage import AS_OF

        return tuple(one_row(SELECT, {"as_of": AS_OF}))

    def rewrite(self, pool: Any, number: int) -> None:
        """The other version goes live: every stored score is written anew by the workers."""
        from bench.rescoring.storage import AS_OF
        from qualification.scoring import versions

        versions.rollback(model=self.models[number], by=None, now=AS_OF)
        peaks = pool.map(work, range(self.chosen.workers), chunksize=1)
        self.memory_mb = max(self.memory_mb, max(peaks) / 1024)

    def move(self, pool: Any) -> None:
        """A version goes live that gives most leads another grade: a line of the journey each."""
        from bench.rescoring.storage import AS_OF
        from qualification.scoring import versions

        before = self.moves()
        versions.activate_as_operator(model=self.moving, now=AS_OF)
        pool.map(work, range(self.chosen.workers), chunksize=1)
        self.moved = self.moves() - before

    def moves(self) -> int:
        """Lines of scores in all journeys."""
        return int(one_row("SELECT count(*) FROM qualification_scoremove", {})[0])

    def rewrite_by_hand(self) -> None:
        """Every stored score by one UPDATE."""
        from django.db import connection

        from bench.rescoring.by_hand import UPDATE
        from bench.rescoring.storage import AS_OF
        from qualification.scoring.versions import active_model

        model = active_model()
        with connection.cursor() as cursor:
            cursor.execute(UPDATE, {"as_of": AS_OF, "model": model and model.pk})

    def mismatches(self) -> int:
        """Stored scores of the product that differ from those by hand."""
        from bench.rescoring.by_hand import MISMATCHES
        from bench.rescoring.storage import AS_OF
        from qualification import runner
        from qualification.scoring import versions

        # The last writer was the hand: let the product write once more.
        versions.rollback(
            model=next(m for m in self.models if m != versions.active_model()), by=None, now=AS_OF
        )
        runner.work_runs(now=AS_OF)
        return int(one_row(MISMATCHES, {"as_of": AS_OF})[0])

    def median(self, name: str) -> float:
        """Of the runs of that name, seconds."""
        return statistics.median(self.seconds[name])


def one_row(sql: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
    """The only row of a statement."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row: tuple[Any, ...] = cursor.fetchone()
        return row


def main() -> int:
    """Run the measurement; 1 when a total differs or a worker needs too much memory."""
    chosen = arguments()
    with installation():
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        bench = Bench(chosen)
        bench.prepare()
        bench.measure()
        mismatches = bench.mismatches()
    for name in ("select", "rewrite"):
        if bench.limit is not None:
            ratio = bench.median(f"product {name}") / bench.median(f"reference {name}")
            print(f"reference_{name}_ratio={ratio:.2f}")
    moving = bench.median("moving rewrite") / bench.median("product rewrite")
    print(f"moved={bench.moved} moving_ratio={moving:.2f}")
    print(f"worker_memory_mb={bench.memory_mb:.0f}")
    product, limit = bench.median("product select"), bench.median("limit select")
    rewrite = bench.median("product rewrite") / bench.median("limit rewrite")
    print(
        f"select_ratio={product / limit:.2f} rewrite_ratio={rewrite:.2f} mismatches={mismatches}"
        f" product_s={product:.2f} limit_s={limit:.2f}"
    )
    is_big = bench.memory_mb > MEMORY_LIMIT_MB
    if is_big:
        say(f"a worker took {bench.memory_mb:.0f} MB, {MEMORY_LIMIT_MB} are allowed")
    return int(mismatches > 0 or is_big)


if __name__ == "__main__":
    sys.exit(main())
