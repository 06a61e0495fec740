"""Decides when a stored score is replaced: a few leads at once, or all of them in chunks.
Called by the pipeline; answers mark their lead as due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Min

from crm.models import Lead
from qualification.choices import ModelStatus, MoveCause
from qualification.models import (
    LeadScore,
    RunKind,
    RunState,
    ScoringDue,
    ScoringModel,
    ScoringRun,
)
from qualification.scoring import shadow
from qualification.scoring.compile import (
    CompiledModel,
    Source,
    compile_model,
    leads_between,
    leads_now,
)
from qualification.scoring.points import tenths_of
from qualification.scoring.runs import CHUNK_KEYS, start_run
from qualification.scoring.versions import active_model, hold_versions

# Clocks of hosts, and the moments a transaction waits, differ by less.
CLOCK_SKEW = timedelta(minutes=1)
# After a run over all leads failed the next one begins so much later.
TRY_AGAIN = timedelta(minutes=10)

# Columns of the stored score, of the fresh one (expression) in the same order.
_VALUES = ("fit_tenths", "intent_tenths", "total_tenths", "grade", "tier", "disqualified")
_FRESH = ("fit", "intent", "total", "grade", "tier", "disqualified")


@dataclass(frozen=True)
class Found:
    """Of one key range: leads scored, how many scores differ from the stored ones, and the ids of
    leads that may have to enter the queue, leave it or move in it."""

    scored: int
    changed: int
    lined: list[int]


def mark_due(lead_ids: Collection[int], *, now: datetime) -> None:
    """These leads need a new score, and their colleagues where the live version looks at who else
    is at the company. Call in the transaction that changed what is known of them."""
    # An update, not DO NOTHING: it waits for a scoring that is clearing the row and writes it anew.
    ScoringDue.objects.bulk_create(
        [ScoringDue(lead_id=lead_id, since=now) for lead_id in sorted(_concerned(lead_ids))],
        update_conflicts=True,
        unique_fields=["lead"],
        update_fields=["since"],
    )


def _concerned(lead_ids: Collection[int]) -> set[int]:
    ids = set(lead_ids)
    model = active_model() if ids else None
    if model is not None and compile_model(model).facts.needs_committee:
        ids.update(Lead.objects.filter(account__leads__in=ids).values_list("pk", flat=True))
    return ids


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
    if model is not None and not is_live(model):
        return sorted(_compare(compile_model(model), leads_now(ids, as_of=now))[1])
    as_of = now if model is None else _not_before_stored(ids, model, now)
    # What changed after the moment of this score stays due.
    ScoringDue.objects.filter(lead_id__in=ids, since__lte=as_of).delete()
    if model is None or not ids:
        return []
    changed = _write(compile_model(model), ids, as_of)
    shadow.score_beside(ids, now=as_of)
    return changed


def _not_before_stored(lead_ids: list[int], model: ScoringModel, now: datetime) -> datetime:
    """`now`, or the newest moment these leads were scored at: a worker that took its time, or a
    clock that is a little slow, must not forget what was recorded since."""
    known = LeadScore.objects.filter(
        lead_id__in=lead_ids, model=model, as_of__range=(now, now + CLOCK_SKEW)
    )
    return known.aggregate(newest=Max("as_of"))["newest"] or now


@transaction.atomic
def score_range(model: ScoringModel, first: int, last: int, *, as_of: datetime) -> Found | None:
    """Store the scores of a key range, both ends included, under the live version.

    Leads are not locked: a score of a later moment stays, and whoever changes a lead meanwhile
    marks it as due. None when another version went live, which scores all leads itself.
    """
    hold_versions()
    if active_model() != model:
        return None
    in_range = ScoringDue.objects.filter(lead_id__gte=first, lead_id__lte=last, since__lte=as_of)
    due = list(in_range.values_list("lead_id", "since"))
    source = leads_between(first, last, as_of=as_of)
    found = _write_range(compile_model(model), source, as_of)
    _clear_due(due)
    return found


def count_changes(
    model: ScoringModel, *, now: datetime, on_progress: Callable[[int, int], None] | None = None
) -> tuple[int, int]:
    """(leads, leads whose stored score differs from the one under `model`); nothing is stored.

    `on_progress` gets keys done and keys in all.
    """
    scored, changed = 0, 0
    compiled = compile_model(model)
    for first, last, end in key_ranges():
        found = _compare(compiled, leads_between(first, last, as_of=now))
        scored += found[0]
        changed += len(found[1])
        if on_progress:
            on_progress(last, end)
    return scored, changed


def start_when_due(*, now: datetime) -> ScoringRun | None:
    """Begin to score all leads again when the last time is too long ago: interest decays and
    windows close without anything happening.

    Also when a live version has never been applied to all leads, and soon after a run of it failed.
    """
    model = active_model()
    if model is None:
        return None
    every = timedelta(hours=settings.LEADQUAL["RESCORE_EVERY_HOURS"])
    last = ScoringRun.objects.filter(kind=RunKind.RESCORE, model=model).first()
    if last is not None:
        is_fresh = last.as_of > now - every
        if last.state == RunState.FAILED:
            is_fresh = (last.finished_at or last.as_of) > now - TRY_AGAIN
        if is_fresh or (last.state == RunState.DONE and not depends_on_time(model)):
            return None
    return start_run(kind=RunKind.RESCORE, model=model, now=now)


def depends_on_time(model: ScoringModel) -> bool:
    """Whether a score under this version may change though nothing happens."""
    compiled = compile_model(model)
    # Also without a window: what a source dates ahead of our clock counts only later. And people
    # leave an account without a word.
    if compiled.activities.columns or compiled.facts.needs_committee:
        return True
    return any(leaf.op == "days_since_at_most" for rule in compiled.rules for leaf in rule.leaves)


def key_ranges() -> Iterator[tuple[int, int, int]]:
    """(first, last, highest of all) key of each chunk of leads."""
    ends = Lead.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["last"] is None:
        return
    for first in range(ends["first"], ends["last"] + 1, CHUNK_KEYS):
        yield first, min(first + CHUNK_KEYS - 1, ends["last"]), ends["last"]


def is_live(model: ScoringModel) -> bool:
    """Whether the version was the active one when it was read."""
    return model.status == ModelStatus.ACTIVE


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


_TABLE = "qualification_leadscore"
_IN_RANGE = "AND s.lead_id BETWEEN %(first)s AND %(last)s"
# In key order, as everybody writes scores, and each as it stands once it is ours: a run over all
# leads may have written it since this statement began, for it locks no leads.
_LOCKED = f"""
    SELECT s.* FROM {_TABLE} AS s WHERE s.lead_id = ANY(%(lead_ids)s)
    ORDER BY s.lead_id FOR NO KEY UPDATE
"""  # noqa: S608 - a constant of this module  # nosec
# A line of the journey, told apart from scores that move without an effect on what people see.
_BAND = ("grade", "tier", "disqualified")


def _compared(totals: str, *, stored: str = _TABLE, place: str = "", within: str = "") -> str:
    """Fresh totals beside the `stored` ones; `within` says again where those are to be found,
    `place` adds where the row is."""
    before = ", ".join(f"s.{column}" for column in _VALUES)
    fresh = ", ".join(f"f.{column}" for column in _FRESH)
    band = ", ".join(f"s.{column}" for column in _BAND)
    fresh_band = ", ".join(f"f.{column}" for column in _BAND)
    return f"""
        fresh AS MATERIALIZED ({totals}), compared AS (
            SELECT f.*, {place} s.lead_id IS NULL AS is_first, s.model_id AS was_model_id,
                s.total_tenths AS was_total, s.grade AS was_grade, s.tier AS was_tier,
                s.as_of AS was_as_of,
                s.lead_id IS NULL OR ({before}) IS DISTINCT FROM ({fresh}) AS is_changed,
                s.lead_id IS NULL OR ({band}) IS DISTINCT FROM ({fresh_band}) AS is_moved
            FROM fresh AS f
            LEFT JOIN {stored} AS s ON s.lead_id = f.row_id {within}
        )"""  # noqa: S608 - compiled text; values are parameters  # nosec


def _moved(rows: str, *, cause: MoveCause) -> str:
    """Keeps of these compared rows how the band moved; `cause` where neither version nor lead is
    new. Never before the move it follows, whatever the clocks of two hosts say."""
    return f"""
        INSERT INTO qualification_scoremove (lead_id, at, model_id, cause, total_tenths, grade,
            tier, disqualified, was_at, was_model_id, was_total_tenths, was_grade, was_tier)
        SELECT row_id, greatest(%(scored_at)s, was_as_of), %(model_id)s,
            CASE WHEN is_first THEN '{MoveCause.FIRST.value}'
                WHEN was_model_id <> %(model_id)s THEN '{MoveCause.VERSION.value}'
                ELSE '{cause.value}' END,
            total, grade, tier, disqualified, was_as_of, was_model_id, was_total,
            coalesce(was_grade, ''), coalesce(was_tier, '')
        FROM ({rows}) AS m WHERE is_moved ORDER BY row_id
    """  # noqa: S608 - compiled text; values are parameters  # nosec


def _compare(compiled: CompiledModel, source: Source) -> tuple[int, list[int]]:
    """Leads scored, and the ids whose stored score differs."""
    totals, params = compiled.totals(source)
    changed = "coalesce(array_agg(row_id) FILTER (WHERE is_changed), '{}')"
    sql = f"WITH {_compared(totals)} SELECT count(*), {changed} FROM compared"  # noqa: S608  # nosec
    scored, ids = _row(sql, params)
    return scored, ids


def _write(compiled: CompiledModel, lead_ids: Sequence[int], now: datetime) -> list[int]:
    """Store the scores of a few locked leads, in key order; the ids of those that differ."""
    totals, params = compiled.totals(leads_now(lead_ids, as_of=now))
    names = ("model_id", "as_of", *_VALUES)
    sql = f"""
        WITH stored AS MATERIALIZED ({_LOCKED}), {_compared(totals, stored="stored")}, written AS (
            INSERT INTO {_TABLE} AS s (lead_id, {", ".join(names)})
            SELECT row_id, %(model_id)s, %(scored_at)s, {", ".join(_FRESH)} FROM compared
            ORDER BY row_id
            ON CONFLICT (lead_id) DO UPDATE SET ({", ".join(names)})
                = ({", ".join(f"excluded.{name}" for name in names)})
        ), moved AS ({_moved("SELECT * FROM compared", cause=MoveCause.FACTS)})
        SELECT coalesce(array_agg(row_id ORDER BY row_id) FILTER (WHERE is_changed), '{{}}')
        FROM compared
    """  # noqa: S608 - compiled text; values are parameters  # nosec
    params |= {"model_id": compiled.model.pk, "scored_at": now, "lead_ids": list(lead_ids)}
    changed: list[int] = _row(sql, params)[0]
    return changed


def _write_range(compiled: CompiledModel, source: Source, as_of: datetime) -> Found:
    """Store what differs in a key range.

    A score of a later moment stays: its facts are the newer ones. Rows are found by their place and
    written in key order, as everybody writes scores, so that nobody waits crosswise.
    """
    totals, params = compiled.totals(source, carried=("stage", "disqualified_by"))
    names = ("model_id", "as_of", *_VALUES)
    values = f"%(model_id)s, %(scored_at)s, {', '.join(f'k.{name}' for name in _FRESH)}"
    written = "SELECT k.* FROM updated AS k UNION ALL SELECT k.* FROM compared AS k"
    written += " JOIN inserted AS i ON i.lead_id = k.row_id WHERE k.is_first"
    sql = f"""
        WITH {_compared(totals, place="s.ctid AS place,", within=_IN_RANGE)}, updated AS (
            UPDATE {_TABLE} AS s SET ({", ".join(names)}) = ROW({values})
            FROM (
                SELECT * FROM compared WHERE NOT is_first
                AND (is_changed OR was_model_id <> %(model_id)s) ORDER BY row_id
            ) AS k
            WHERE s.ctid = k.place AND (s.as_of <= %(scored_at)s OR s.model_id <> %(model_id)s)
            RETURNING k.*
        ), inserted AS (
            INSERT INTO {_TABLE} (lead_id, {", ".join(names)})
            SELECT k.row_id, {values} FROM compared AS k WHERE k.is_first ORDER BY k.row_id
            ON CONFLICT (lead_id) DO NOTHING RETURNING lead_id
        ), moved AS ({_moved(written, cause=MoveCause.CHECK)})
        SELECT count(*),
            (SELECT count(*) FROM updated WHERE is_changed) + (SELECT count(*) FROM inserted),
            coalesce(array_agg(row_id) FILTER (WHERE stage IN ('mql', 'working')
                OR (stage = 'new' AND (disqualified <> '' OR total >= %(mql_tenths)s))
                OR (stage = 'disqualified' AND disqualified_by = 'rule')), '{{}}')
        FROM compared
    """  # noqa: S608 - compiled text; values are parameters  # nosec
    params |= {
        "model_id": compiled.model.pk,
        "scored_at": as_of,
        "mql_tenths": tenths_of(compiled.model.mql),
    }
    return Found(*_row(sql, params))


def _row(sql: str, params: dict[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
