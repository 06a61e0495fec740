"""Decides how long work over all leads is shared out: a run, its key ranges, who works on which.

The only writer of ScoringRun and ScoringChunk. What a kind of run does with a range stands in
`qualification/runner.py`; any number of workers take ranges at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet, Sum

from crm.models import User
from qualification.enqueue import ring
from qualification.models import RunKind, RunState, ScoringChunk, ScoringModel, ScoringRun

# Enough that what a range reads as a whole (accounts, verdicts) is read seldom, few enough that its
# scores are locked for a moment only.
CHUNK_KEYS = 50_000
# A range takes a second or so. Whoever holds it longer than this counts as dead.
LEASE = timedelta(minutes=2)
# A range that failed this often, or killed this many workers, is left; the others go on.
MAX_ATTEMPTS = 3
# Bells of a new run: so many workers start on it at once.
BELLS = 2


@dataclass(frozen=True)
class RangeResult:
    """What the work on one key range came to: leads scored, scores that differ, and what the kind
    of run wants to know of it in the end (JSON)."""

    scored: int
    changed: int
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """Key ranges done and in all, leads scored and scores that differ so far."""

    done: int
    total: int
    scored: int
    changed: int


@transaction.atomic
def start_run(
    *,
    kind: RunKind,
    model: ScoringModel,
    against: ScoringModel | None = None,
    by: User | None = None,
    now: datetime,
) -> ScoringRun:
    """A run over all leads there are, as of `now`; workers hear of it after the commit.

    One that runs already for this version is returned as it is. Scoring all leads anew begins
    again instead, and ends every other such run: one version is live.
    """
    # One at a time for a version: two would both find nothing running.
    ScoringModel.objects.select_for_update(no_key=True).values_list("pk").get(pk=model.pk)
    running = ScoringRun.objects.filter(kind=kind, state=RunState.RUNNING)
    if kind == RunKind.RESCORE:
        running.update(state=RunState.STOPPED, finished_at=now)
    else:
        found = running.filter(model=model).first()
        if found is not None:
            return found
    run = ScoringRun.objects.create(
        kind=kind, model=model, against=against, as_of=now, requested_by=by, requested_at=now
    )
    _split(run)
    for _ in range(BELLS):
        ring("work_runs", queue="bulk")
    return run


def _split(run: ScoringRun) -> None:
    """The key span of the leads as ranges; leads that come later are scored as they come."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO qualification_scoringchunk
                (run_id, first, last, token, attempts, scored, changed, result)
            SELECT %(run)s, first, least(first + %(keys)s - 1, span.highest), 0, 0, 0, 0, '{}'
            FROM (SELECT min(id) AS lowest, max(id) AS highest FROM crm_lead) AS span,
                generate_series(span.lowest, span.highest, %(keys)s) AS first
            """,
            {"run": run.pk, "keys": CHUNK_KEYS},
        )


def take_chunk(*, now: datetime, run: ScoringRun | None = None) -> ScoringChunk | None:
    """The next range nobody works on, held for LEASE; None when there is none (of `run`).

    Scoring goes before reports, a range that failed after those that did not.
    """
    taken = ScoringChunk.objects.raw(
        """
        WITH next AS (
            SELECT c.id FROM qualification_scoringchunk AS c
            JOIN qualification_scoringrun AS r ON r.id = c.run_id AND r.state = 'running'
            WHERE c.done_at IS NULL AND c.attempts < %(most)s
              AND (c.lease_until IS NULL OR c.lease_until <= %(now)s)
              AND (%(run)s::bigint IS NULL OR r.id = %(run)s)
            ORDER BY r.kind <> 'rescore', c.attempts, c.run_id, c.first
            LIMIT 1 FOR UPDATE OF c SKIP LOCKED
        )
        UPDATE qualification_scoringchunk AS c
        SET lease_until = %(until)s, token = c.token + 1, attempts = c.attempts + 1
        FROM next WHERE c.id = next.id RETURNING c.*
        """,
        {"now": now, "until": now + LEASE, "most": MAX_ATTEMPTS, "run": run.pk if run else None},
    )
    return next(iter(taken), None)


def finish_chunk(*, chunk: ScoringChunk, found: RangeResult, now: datetime) -> bool:
    """The range is done; False when the lease ran out and somebody else took it, or the run was
    stopped: then nothing is written."""
    return bool(
        _held(chunk)
        .filter(run__state=RunState.RUNNING)
        .update(
            done_at=now,
            lease_until=None,
            scored=found.scored,
            changed=found.changed,
            result=found.result,
        )
    )


def give_back_chunk(*, chunk: ScoringChunk, error: str) -> None:
    """The work failed: the range is free for another attempt, and the run keeps the last reason.

    `error` says kind and place, never what a person wrote.
    """
    if _held(chunk).update(lease_until=None):
        words = f"{error} in leads {chunk.first}–{chunk.last}"
        ScoringRun.objects.filter(pk=chunk.run_id).update(error=words[:300])


def _held(chunk: ScoringChunk) -> QuerySet[ScoringChunk]:
    """The row while it is still the caller's."""
    return ScoringChunk.objects.filter(pk=chunk.pk, token=chunk.token, done_at=None)


@transaction.atomic
def close_run(
    *,
    run: ScoringRun,
    finish: Callable[[ScoringRun, list[dict[str, Any]]], dict[str, Any]],
    now: datetime,
) -> ScoringRun | None:
    """End a run of which no range is left to do: done with what `finish` makes of the ranges'
    results, or failed when a range was given up. None while somebody works, or it ended before."""
    running = ScoringRun.objects.filter(pk=run.pk, state=RunState.RUNNING)
    found = running.select_for_update().first()
    if found is None or _to_do(now).filter(run=found).exists():
        return None
    chunks = found.chunks.order_by("first")
    if chunks.filter(done_at=None).exists():
        found.state = RunState.FAILED
        found.error = found.error or "a worker ended in the midst of a range, again and again"
    else:
        found.state, found.error = RunState.DONE, ""
        found.result = finish(found, list(chunks.values_list("result", flat=True)))
    found.finished_at = now
    found.save(update_fields=["state", "error", "result", "finished_at"])
    return found


def _to_do(now: datetime) -> QuerySet[ScoringChunk]:
    """Ranges that are worked on or may be taken."""
    open_ranges = ScoringChunk.objects.filter(done_at=None)
    return open_ranges.filter(Q(attempts__lt=MAX_ATTEMPTS) | Q(lease_until__gt=now))


def running_runs() -> list[ScoringRun]:
    """Runs that are not over, oldest first."""
    return list(
        ScoringRun.objects.filter(state=RunState.RUNNING).select_related("model").order_by("pk")
    )


def is_work_left(*, now: datetime) -> bool:
    """Whether there is a range to take."""
    free = _to_do(now).exclude(lease_until__gt=now).filter(attempts__lt=MAX_ATTEMPTS)
    return free.filter(run__state=RunState.RUNNING).exists()


def is_anybody_at_it(*, now: datetime) -> bool:
    """Whether a range is held by a worker, as far as its lease tells."""
    held = ScoringChunk.objects.filter(done_at=None, lease_until__gt=now)
    return held.filter(run__state=RunState.RUNNING).exists()


def stop_run(*, run: ScoringRun, now: datetime) -> ScoringRun:
    """Nobody goes on with it; what its ranges wrote stays. One that is over stays as it is."""
    going = ScoringRun.objects.filter(pk=run.pk, state=RunState.RUNNING)
    going.update(state=RunState.STOPPED, finished_at=now)
    run.refresh_from_db()
    return run


def progress_of(run: ScoringRun) -> Progress:
    """How far a run is, by its ranges."""
    figures = run.chunks.aggregate(
        done=Count("pk", filter=~Q(done_at=None)),
        total=Count("pk"),
        scored=Sum("scored"),
        changed=Sum("changed"),
    )
    return Progress(
        figures["done"], figures["total"], figures["scored"] or 0, figures["changed"] or 0
    )
