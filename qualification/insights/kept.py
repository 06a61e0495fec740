"""Keeps figures that take long to count: pages show the last ones, a worker counts new ones.

Called by `qualification/counting.py`, which knows how each is counted. In a small installation
nothing is kept: there the figures are counted as the page is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from qualification.enqueue import ring
from qualification.models import KeptFigures

# Older figures are counted anew while the page shows them.
FRESH = timedelta(minutes=15)
# Whoever counts longer than this counts as dead.
LEASE = timedelta(minutes=10)


@dataclass(frozen=True)
class Figures:
    """`answer` is None before the first count; `is_waiting` while new figures are counted aside
    (`is_kept`); `error` names why the last count came to nothing."""

    answer: dict[str, Any] | None
    counted_at: datetime | None
    is_kept: bool = False
    is_waiting: bool = False
    error: str = ""


def is_large() -> bool:
    """Whether there are so many leads that counting them takes longer than a page should: as
    PostgreSQL estimates it, which costs nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'crm_lead'::regclass")
        (estimate,) = cursor.fetchone()
    return bool(estimate >= settings.LEADQUAL["COUNT_ASIDE_FROM"])


def last_or_ask(
    what: str, name: str, question: Mapping[str, Any], *, now: datetime, anew: bool = False
) -> Figures:
    """The last figures; a count is asked for when there are none, they are no longer fresh, or
    `anew` wants later ones."""
    row, _made = KeptFigures.objects.get_or_create(
        name=name, defaults={"what": what, "question": dict(question)}
    )
    if row.question != question:  # such as a segment that was edited meanwhile
        row = _asked_otherwise(row, question)
    is_fresh = row.counted_at is not None and row.counted_at > now - FRESH
    if row.asked_at is None and (anew or not is_fresh):
        asked = KeptFigures.objects.filter(pk=row.pk, asked_at=None)
        if asked.update(asked_at=now, error=""):
            ring("count_figures", queue="bulk")
        row.refresh_from_db()
    return Figures(
        answer=row.answer,
        counted_at=row.counted_at,
        is_kept=True,
        is_waiting=row.asked_at is not None,
        error=row.error,
    )


def _asked_otherwise(row: KeptFigures, question: Mapping[str, Any]) -> KeptFigures:
    fields = {"asked_at": None, "taken_until": None, "counted_at": None, "answer": None}
    KeptFigures.objects.filter(pk=row.pk).update(question=dict(question), **fields)
    row.refresh_from_db()
    return row


def is_asked(name: str) -> bool:
    """Whether somebody waits for these figures."""
    return KeptFigures.objects.filter(name=name, asked_at__isnull=False).exists()


def take(*, now: datetime, asked_before: datetime | None = None) -> KeptFigures | None:
    """The next figures somebody waits for (since before that moment), held for LEASE; None when
    there are none."""
    found = KeptFigures.objects.raw(
        """
        WITH next AS (
            SELECT id FROM qualification_keptfigures
            WHERE asked_at <= %(before)s AND (taken_until IS NULL OR taken_until <= %(now)s)
            ORDER BY asked_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        UPDATE qualification_keptfigures AS k SET taken_until = %(until)s
        FROM next WHERE k.id = next.id RETURNING k.*
        """,
        {"now": now, "before": asked_before or now, "until": now + LEASE},
    )
    return next(iter(found), None)


def keep(row: KeptFigures, answer: dict[str, Any], *, now: datetime) -> bool:
    """Stores what was counted; False when somebody else took the figures meanwhile, or they are
    asked otherwise."""
    return bool(
        _held(row).update(answer=answer, counted_at=now, asked_at=None, taken_until=None, error="")
    )


def give_up(row: KeptFigures, why: str) -> None:
    """The count failed: the page says so and may be asked for again."""
    _held(row).update(asked_at=None, taken_until=None, error=why[:80])


def _held(row: KeptFigures) -> QuerySet[KeptFigures]:
    """The row while it is still the caller's, and asked the same."""
    return KeptFigures.objects.filter(pk=row.pk, taken_until=row.taken_until, question=row.question)
