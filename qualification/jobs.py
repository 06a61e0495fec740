"""Entry points of the workers: load by id, call the room, nothing else.

Safe to run twice or never.
"""

from __future__ import annotations

from django.utils import timezone

from qualification import counting, pipeline, runner, sweeps
from qualification.audit.verify import verify_and_keep
from qualification.enqueue import ring
from qualification.personal import retention
from qualification.review import tallies
from qualification.scoring.runs import is_work_left

# A worker looks for mail and other short work at least this often.
RUN_SECONDS = 2


def process_inbox(message_id: int) -> None:
    """One stored message on its way to a lead."""
    pipeline.process(message_id, now=timezone.now())


def work_runs() -> None:
    """Some ranges of the runs there are, then back to the end of the queue."""
    runner.work_runs(now=timezone.now(), seconds=RUN_SECONDS)
    if is_work_left(now=timezone.now()):
        ring("work_runs", queue="bulk")


def count_figures() -> None:
    """The figures that somebody waits for."""
    counting.count_asked(now=timezone.now())


def sweep() -> None:
    """One pass of every sweeper."""
    sweeps.run_all(now=timezone.now())


def learn_tallies() -> None:
    """Counts anew what past decisions say about each question."""
    tallies.learn_tallies(now=timezone.now())


def forget_old() -> None:
    """The nightly look at what nobody needs any more."""
    retention.forget_old(now=timezone.now())


def verify_chain() -> None:
    """The nightly look at what was decided and who changed what it rests on."""
    verify_and_keep(now=timezone.now())
