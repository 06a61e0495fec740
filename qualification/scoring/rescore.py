"""Decides when a stored score is replaced: a few leads at once, or all of them in chunks.
Called by the pipeline; answers mark their lead as due."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Min

from crm.models import Lead
from qualification.choices import ModelStatus
from qualification.models import ScoringDue, ScoringModel
from qualification.scoring import shadow
from qualification.scoring.compile import (
    CompiledModel,
    Source,
    compile_model,
    leads_between,
    leads_now,
)
from qualification.scoring.points import tenths_of
from qualification.scoring.versions import active_model, hold_versions

CHUNK = 20_000

# Columns of the stored score, of the fresh one (expression) in the same order.
_VALUES = ("fit_tenths", "intent_tenths", "total_tenths", "grade", "tier", "disqualified")
_FRESH = ("fit", "intent", "total", "grade", "tier", "disqualified")


@dataclass(frozen=True)
class Rescored:
    """How many leads were scored, how many scores differ from the stored ones, how long it took.

    `lined`: leads that may cross the line. `is_whole` is False when another version went live
    meanwhile, which scores all leads itself.
    """

    scored: int
    changed: int
    seconds: float
    lined: list[int] = field(default_factory=list)
    is_whole: bool = True


@dataclass(frozen=True)
class _Found:
    """Of one statement: leads scored, ids with another score, ids that may cross the line."""

    scored: int
    changed: list[int]
    lined: list[int]


def mark_due(lead_ids: Collection[int], *, now: datetime) -> None:
    """These leads need a new score. Call in the transaction that changed what is known of them."""
    # An update, not DO NOTHING: it waits for a scoring that is clearing the row and writes it anew.
    ScoringDue.objects.bulk_create(
        [ScoringDue(lead_id=lead_id, since=now) for lead_id in sorted(set(lead_ids))],
        update_conflicts=True,
        unique_fields=["lead"],
        update_fields=["since"],
    )


@transaction.atomic
def score_leads(
    lead_ids: Collection[int], *, now: datetime, model: ScoringModel | None = None
) -> list[int]:
    """Score these leads under the active model (or `model`), with their facts as they stand.

    Returns the ids whose score differs from the stored one; what was due for them is done. Scores
    under a version that is not live are compared, not stored. Nothing without a model: the first
    activation scores every lead.
    """
    hold_versions()
    # Locked first, then read: whoever scores a lead later sees facts at least as new.
    ids = list(
        Lead.objects.select_for_update(no_key=True)
        .filter(pk__in=lead_ids)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    model = model or active_model()
    if model is None or is_live(model):
        ScoringDue.objects.filter(lead_id__in=ids).delete()
    if model is None or not ids:
        return []
    compiled, source = compile_model(model), leads_now(ids, as_of=now)
    if is_live(model):
        changed = sorted(_write(compiled, source, now, is_bulk=False).changed)
        shadow.score_beside(ids, now=now)
        return changed
    return sorted(_compare(compiled, source).changed)


def rescore_all(
    *,
    now: datetime,
    model: ScoringModel | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Rescored:
    """Score every lead as of `now`, a key range and a transaction at a time.

    Under the active model the scores are stored; under another version the differences are only
    counted. `on_progress` gets keys done and keys in all. `pipeline.rescore_all` lets the queue
    follow.
    """
    started = time.monotonic()
    chosen = model or active_model()
    if chosen is None:
        return Rescored(0, 0, time.monotonic() - started)
    compiled = compile_model(chosen)
    scored, changed, is_whole = 0, 0, True
    lined: list[int] = []
    for first, last, end in key_ranges():
        found = _score_range(compiled, first, last, now)
        if found is None:
            is_whole = False
            break
        scored += found.scored
        changed += len(found.changed)
        lined += found.lined
        if on_progress:
            on_progress(last, end)
    return Rescored(scored, changed, time.monotonic() - started, lined, is_whole)


def key_ranges() -> Iterator[tuple[int, int, int]]:
    """(first, last, highest of all) key of each chunk of leads."""
    ends = Lead.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["last"] is None:
        return
    for first in range(ends["first"], ends["last"] + 1, CHUNK):
        yield first, min(first + CHUNK - 1, ends["last"]), ends["last"]


def is_live(model: ScoringModel) -> bool:
    """Whether the version was the active one when it was read."""
    return model.status == ModelStatus.ACTIVE


@transaction.atomic
def _score_range(compiled: CompiledModel, first: int, last: int, now: datetime) -> _Found | None:
    """One chunk; None when another version went live meanwhile, which scores all leads itself."""
    source = leads_between(first, last, as_of=now)
    if not is_live(compiled.model):
        return _compare(compiled, source)
    hold_versions()
    if active_model() != compiled.model:
        return None
    in_range = ScoringDue.objects.filter(lead_id__gte=first, lead_id__lte=last)
    due = list(in_range.values_list("lead_id", "since"))
    found = _write(compiled, source, now, is_bulk=True)
    _clear_due(due)
    return found


def _clear_due(due: Sequence[tuple[int, datetime]]) -> None:
    """These are done, unless facts changed again meanwhile. Rows somebody holds are left to the
    sweep: waiting for them while holding scores could be waiting for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM qualification_scoringdue WHERE lead_id IN (
                SELECT d.lead_id FROM qualification_scoringdue AS d
                JOIN unnest(%s::bigint[], %s::timestamptz[]) AS k (lead_id, since)
                    ON (k.lead_id, k.since) = (d.lead_id, d.since)
                FOR UPDATE OF d SKIP LOCKED
            )
            """,
            [[lead_id for lead_id, _ in due], [since for _, since in due]],
        )


def _compared(totals: str) -> str:
    """Fresh totals beside the stored ones."""
    stored = ", ".join(f"s.{column}" for column in _VALUES)
    fresh = ", ".join(f"f.{column}" for column in _FRESH)
    return f"""
        WITH fresh AS MATERIALIZED ({totals}), compared AS (
            SELECT f.*, s.model_id AS old_model_id,
                s.lead_id IS NULL OR ({stored}) IS DISTINCT FROM ({fresh}) AS is_changed
            FROM fresh AS f LEFT JOIN qualification_leadscore AS s ON s.lead_id = f.row_id
        )"""  # noqa: S608 - compiled text; values are parameters  # nosec


def _compare(compiled: CompiledModel, source: Source) -> _Found:
    totals, params = compiled.totals(source)
    changed = "coalesce(array_agg(row_id) FILTER (WHERE is_changed), '{}')"
    sql = f"{_compared(totals)} SELECT count(*), {changed} FROM compared"  # noqa: S608  # nosec
    scored, ids = _row(sql, params)
    return _Found(scored, ids, [])


def _write(compiled: CompiledModel, source: Source, now: datetime, *, is_bulk: bool) -> _Found:
    """Store what differs, in key order, so that two runs never wait for each other crosswise.

    A bulk run leaves a score of a later moment alone: its facts are the newer ones.
    """
    totals, params = compiled.totals(source)
    sql = f"""
        {_compared(totals)}, written AS (
            INSERT INTO qualification_leadscore AS s
                (lead_id, model_id, as_of, {", ".join(_VALUES)})
            SELECT row_id, %(model_id)s, %(scored_at)s, {", ".join(_FRESH)} FROM compared
            WHERE is_changed OR old_model_id <> %(model_id)s OR NOT %(is_bulk)s
            ORDER BY row_id
            ON CONFLICT (lead_id) DO UPDATE SET
                ({", ".join(("model_id", "as_of", *_VALUES))})
                = ({", ".join(f"excluded.{name}" for name in ("model_id", "as_of", *_VALUES))})
            WHERE NOT %(is_bulk)s OR s.as_of <= excluded.as_of OR s.model_id <> excluded.model_id
            RETURNING lead_id
        )
        SELECT count(*),
            coalesce(array_agg(w.lead_id) FILTER (WHERE c.is_changed AND w.lead_id > 0), '{{}}'),
            coalesce(array_agg(c.row_id) FILTER (WHERE c.is_changed OR l.stage = 'mql'
                OR (l.stage = 'new' AND (c.disqualified <> '' OR c.total >= %(mql_tenths)s))
                OR (l.stage = 'disqualified' AND l.disqualified_by = 'rule')), '{{}}')
        FROM compared AS c JOIN crm_lead AS l ON l.id = c.row_id
        LEFT JOIN written AS w ON w.lead_id = c.row_id
    """  # noqa: S608 - compiled text; values are parameters  # nosec
    params |= {
        "model_id": compiled.model.pk,
        "scored_at": now,
        "is_bulk": is_bulk,
        "mql_tenths": tenths_of(compiled.model.mql),
    }
    return _Found(*_row(sql, params))


def _row(sql: str, params: dict[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
