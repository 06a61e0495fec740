"""`rescore [--model N]`: score every lead, or count what another version would change."""

from __future__ import annotations

import multiprocessing
import time
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import django
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils import timezone

from qualification import runner
from qualification.exceptions import ModelInvalid
from qualification.models import RunKind, RunState, ScoringModel, ScoringRun
from qualification.scoring.rescore import count_changes, is_live
from qualification.scoring.runs import progress_of, start_run
from qualification.scoring.versions import chosen_or_live

# While the last ranges are in the hands of other workers.
WAIT_SECONDS = 0.2


class Command(BaseCommand):
    """Scores under the active model are stored and the queue follows; under another version the
    differences are only counted."""

    help = "Score every lead; last line scored=N changed=N seconds=S"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which version, by number, and with how many processes."""
        parser.add_argument(
            "--model", metavar="N", type=int, help="version (default: the live one)"
        )
        parser.add_argument(
            "--workers", metavar="N", type=int, default=1, help="processes at work (default: 1)"
        )

    def handle(self, *args: Any, model: int | None, workers: int, **options: Any) -> None:
        """Run, with progress on stderr."""
        if workers < 1:
            raise CommandError("--workers is 1 or more", returncode=2)
        try:
            chosen = chosen_or_live(model)
        except ModelInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        started = time.monotonic()
        if is_live(chosen):
            scored, changed = self._rescore(chosen, workers)
        else:
            scored, changed = count_changes(
                chosen, now=timezone.now(), on_progress=self._say_progress
            )
        if self.stderr.isatty():
            self.stderr.write("")
        seconds = time.monotonic() - started
        self.stdout.write(f"scored={scored} changed={changed} seconds={seconds:.1f}")

    def _rescore(self, model: ScoringModel, workers: int) -> tuple[int, int]:
        """(scored, changed) of a run of all leads; workers of the installation may join in."""
        run = start_run(kind=RunKind.RESCORE, model=model, now=timezone.now())
        if workers == 1:
            self._work(run)
        else:
            connections.close_all()
            with ProcessPoolExecutor(
                workers, mp_context=multiprocessing.get_context("spawn"), initializer=django.setup
            ) as pool:
                others = [pool.submit(work_on, run.pk) for _ in range(workers - 1)]
                self._work(run)
                for other in others:
                    other.result()
        while ScoringRun.objects.filter(pk=run.pk, state=RunState.RUNNING).exists():
            time.sleep(WAIT_SECONDS)
            self._work(run)
        run.refresh_from_db()
        if run.state != RunState.DONE:
            raise CommandError(
                f"the run ended as {run.state}: {run.error or 'replaced by another'}"
            )
        found = progress_of(run)
        return found.scored, found.changed

    def _work(self, run: ScoringRun) -> None:
        def say() -> None:
            found = progress_of(run)
            self._say_progress(found.done, found.total)

        runner.work_runs(now=timezone.now(), run=run, on_range=say)

    def _say_progress(self, done: int, whole: int) -> None:
        is_terminal = self.stderr.isatty()
        filled = "█" * (30 * done // max(whole, 1))
        line = (
            f"\r{filled:<30} {done:,}/{whole:,}" if is_terminal else f"done {done:,} of {whole:,}"
        )
        self.stderr.write(line, ending="" if is_terminal else None)
        self.stderr.flush()


def work_on(run_id: int) -> None:
    """What a further process does."""
    runner.work_runs(now=timezone.now(), run=ScoringRun.objects.get(pk=run_id))
