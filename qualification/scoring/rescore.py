"""Decides when a stored score is replaced: a few leads at once, or all of them in chunks.
Called by the pipeline, the sweep, the job after a publish and the command."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from crm.models import Lead
from qualification.models import ScoringDue, ScoringModel
from qualification.review import queue
from qualification.scoring.compile import (
    CompiledModel,
    Source,
    compile_model,
    leads_between,
    leads_now,
)
from qualification.scoring.versions import active_model, hold_versions

CHUNK = 20_000

_VALUES = "fit_tenths, intent_tenths, total_tenths, grade, tier, disqualified"
_FRESH = "fit, intent, total, grade, tier, disqualified"


def _prefixed(columns: str, alias: str) -> str:
    return ", ".join(f"{alias}.{column}" for column in columns.split(", "))


_COMPARED = f"""
    WITH fresh AS MATERIALIZED ({{totals}}),
    compared AS (
        SELECT f.*, s.model_id AS old_model_id, s.as_of AS old_as_of,
            s.lead_id IS NULL OR ({_prefixed(_VALUES, "s")})
                IS DISTINCT FROM ({_prefixed(_FRESH, "f")}) AS is_changed
        FROM fresh AS f LEFT JOIN qualification_leadscore AS s ON s.lead_id = f.row_id
    )
"""
# In key order, so that two runs never wait for each other crosswise. A score of a later moment
# stays: its facts are the newer ones. `lined` are the leads whose place at the line may move.
_WRITE = f"""
    {_COMPARED}, written AS (
        INSERT INTO qualification_leadscore (lead_id, model_id, as_of, {_VALUES})
        SELECT row_id, %(model_id)s, %(scored_at)s, {_FRESH} FROM compared
        WHERE is_changed OR old_model_id <> %(model_id)s OR %(keep_stamp)s
        ORDER BY row_id
        ON CONFLICT (lead_id) DO UPDATE SET
            model_id = excluded.model_id, as_of = excluded.as_of,
            fit_tenths = excluded.fit_tenths, intent_tenths = excluded.intent_tenths,
            total_tenths = excluded.total_tenths, grade = excluded.grade, tier = excluded.tier,
            disqualified = excluded.disqualified
        WHERE qualification_leadscore.as_of <= excluded.as_of
            OR qualification_leadscore.model_id <> excluded.model_id
        RETURNING lead_id
    )
    SELECT count(*),
        coalesce(array_agg(c.row_id) FILTER (WHERE c.is_changed AND w.lead_id IS NOT NULL), '{{{{}}}}'),
        coalesce(array_agg(c.row_id) FILTER (WHERE c.is_changed OR l.stage = 'mql'
            OR (l.stage = 'new' AND (c.disqualified <> '' OR c.total >= %(mql_tenths)s))
            OR (l.stage = 'disqualified' AND l.disqualified_by = 'rule')), '{{{{}}}}')
    FROM compared AS c JOIN crm_lead AS l ON l.id = c.row_id
    LEFT JOIN written AS w ON w.lead_id = c.row_id
"""
_COUNT = f"{_COMPARED} SELECT count(*), count(*) FILTER (WHERE is_changed) FROM compared"


@dataclass(frozen=True)
class Rescored:
    """How many leads were scored, how many scores differ from the stored ones, how long it took."""

    scored: int
    changed: int
    seconds: float


@dataclass(frozen=True)
class _Written:
    scored: int
    changed: list[int]
    lined: list[int]


@transaction.atomic
def score_leads(
    lead_ids: Collection[int], *, now: datetime, model: ScoringModel | None = None
) -> list[int]:
    """Score these leads under `model` (default: the active one), with their facts as they stand.

    Returns the ids whose score changed; what was due for them is done. Nothing without a model: an
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
    ScoringDue.objects.filter(lead_id__in=ids).delete()
    model = model or active_model()
    if model is None or not ids:
        return []
    source = leads_now(ids, as_of=now)
    return sorted(_write(compile_model(model), source, now, keep_stamp=True).changed)


def rescore_all(
    *,
    now: datetime,
    model: ScoringModel | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Rescored:
    """Score every lead as of `now`, a key range and a transaction at a time.

    Under the active model the scores are stored and the queue follows; under another version the
    differences are only counted. `on_progress` gets keys done and keys in all.
    """
    started = time.monotonic()
    chosen = model or active_model()
    scored = changed = 0
    lined: list[int] = []
    for first, last, top in key_ranges() if chosen else ():
        is_live = model is None or model.status == "active"
        found = _chunk(chosen, first, last, now) if is_live else None
        scored += found.scored if found else 0
    return Rescored(scored, changed, time.monotonic() - started)
