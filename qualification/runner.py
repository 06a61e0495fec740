"""What each kind of run does with a range of leads, and the loop of a worker over them.

Called by the workers' job, the sweep and `manage.py rescore`. Every step may be repeated: a range
is scored in one transaction, the queue follows in a second (it locks leads, which a scoring must
not wait for while it holds scores), the range is marked done last. A worker killed anywhere between
leaves a range that the next one does again, to the same end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError

from qualification.models import RunKind, ScoringChunk, ScoringRun
from qualification.pipeline import without_values
from qualification.review import queue as review_queue
from qualification.scoring import rescore, runs, simulate, usage
from qualification.scoring.runs import RangeResult

logger = logging.getLogger(__name__)


class RunOutdated(Exception):
    """The run lost its point: another version went live. It is stopped, not failed."""


@dataclass(frozen=True)
class Kind:
    """`work` on a key range, both ends included, safe to repeat; `finish` makes the run's result of
    those of its ranges, in key order."""

    work: Callable[[ScoringRun, int, int], RangeResult]
    finish: Callable[[ScoringRun, list[dict[str, Any]]], dict[str, Any]]


def _rescore(run: ScoringRun, first: int, last: int) -> RangeResult:
    """Store the scores of the range under the live version, then let the queue follow."""
    found = rescore.score_range(run.model, first, last, as_of=run.as_of)
    if found is None:
        raise RunOutdated
    review_queue.apply_line(found.lined, model=run.model, now=run.as_of)
    return RangeResult(found.scored, found.changed)


# THE table of what runs do.
KINDS: dict[str, Kind] = {
    RunKind.RESCORE: Kind(work=_rescore, finish=lambda run, results: {}),
    RunKind.SIMULATE: Kind(work=simulate.work, finish=simulate.finish),
    RunKind.USAGE: Kind(work=usage.usage_range, finish=usage.usage_finish),
}


# So long a sweep goes on with a run whose workers are gone; the next sweep comes at once.
RESUME_SECONDS = 10


def resume_runs(*, now: datetime) -> int:
    """Begin what is due by the clock and go on with what nobody works on, because a bell was lost
    or a worker died; how many ranges were done."""
    rescore.start_when_due(now=now)
    if runs.is_anybody_at_it(now=now):
        return 0
    return work_runs(now=now, seconds=RESUME_SECONDS)


def work_runs(
    *,
    now: datetime,
    run: ScoringRun | None = None,
    seconds: float | None = None,
    on_range: Callable[[], None] | None = None,
) -> int:
    """Work on range after range (of `run`, else of any) until none is free or `seconds` are over;
    how many were done. Runs with nothing left are closed."""
    started = time.monotonic()
    done = 0

    def moment() -> datetime:
        return now + timedelta(seconds=time.monotonic() - started)

    while seconds is None or time.monotonic() - started < seconds:
        chunk = runs.take_chunk(now=moment(), run=run)
        if chunk is None:
            break
        done += _work_on(chunk, moment)
        if on_range:
            on_range()
    for each in runs.running_runs():
        if each.kind in KINDS:
            runs.close_run(run=each, finish=KINDS[each.kind].finish, now=moment())
    return done


def _work_on(chunk: ScoringChunk, moment: Callable[[], datetime]) -> int:
    """One range; 1 when it is done, 0 when it was given back, lost or pointless."""
    run = chunk.run
    try:
        found = KINDS[run.kind].work(run, chunk.first, chunk.last)
    except RunOutdated:
        runs.stop_run(run=run, now=moment())
        return 0
    except InterfaceError:
        raise  # the connection is gone: nothing can be given back, the lease ends by itself
    except Exception as error:  # noqa: BLE001 - whatever it is, the other ranges go on
        why = without_values(error)
        logger.error("run.range_failed run=%s range=%s error=%s", run.pk, chunk.pk, why)
        runs.give_back_chunk(chunk=chunk, error=type(error).__name__)
        return 0
    return int(runs.finish_chunk(chunk=chunk, found=found, now=moment()))
