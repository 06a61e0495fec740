"""Writes down warnings, breaches and escalations and moves the buckets of the rank. Called by
`sweeps.py` only.

Any number may run at once: rows are taken with SKIP LOCKED, none waits, none is counted twice.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction

from qualification.models import SLATimer
from qualification.neighbours import ALL_FAIL
from qualification.sla.levels import NEXT_AT_SQL, record_events, show_clocks

logger = logging.getLogger(__name__)

POISON_PAUSE = timedelta(hours=1)
# Nobody is asked anything in the midst of this: a process that stands still for so long is frozen,
# and PostgreSQL gives its clocks to the next pass.
FROZEN_AFTER = "3s"


def record_due(*, now: datetime, limit: int = 5000) -> int:
    """Records what fell due by `now`, `limit` clocks in one transaction; returns the number of
    clocks looked at.

    A row that cannot be recorded is put off by an hour and logged; its neighbours go on. Raises
    DatabaseError when several are due and none can be: they stay due, and the pass counts as one
    that did not end, which managers are told of. So it is after one, when PostgreSQL itself is
    what fails (OperationalError).
    """
    looked_at = 0
    while True:
        batch = _record_batch(now=now, limit=limit)
        looked_at += batch
        if batch < limit:
            return looked_at


def _record_batch(*, now: datetime, limit: int) -> int:
    try:
        with transaction.atomic():
            return _record(_take(now=now, limit=limit), now=now)
    except DatabaseError:
        logger.exception("sla.batch_failed")
    return _record_one_by_one(now=now, limit=limit)


def _take(*, now: datetime, limit: int) -> list[tuple[int, int]]:
    """(timer, item) of clocks to look at, both rows locked; those in other hands are left out."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{FROZEN_AFTER}'")
        cursor.execute(
            """
            SELECT t.id, i.id
            FROM qualification_slatimer AS t
            JOIN qualification_reviewitem AS i ON i.id = t.item_id
            WHERE t.state = 'running' AND t.next_at <= %(now)s
            ORDER BY t.next_at, t.id
            LIMIT %(limit)s
            FOR NO KEY UPDATE OF t, i SKIP LOCKED
            """,
            {"now": now, "limit": limit},
        )
        taken: list[tuple[int, int]] = cursor.fetchall()
    return taken


def _record(taken: list[tuple[int, int]], *, now: datetime) -> int:
    if not taken:
        return 0
    timer_ids = [timer for timer, _ in taken]
    record_events(timer_ids, now=now)
    show_clocks([item for _, item in taken], now=now)
    parameters: dict[str, Any] = {"ids": timer_ids, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE qualification_slatimer AS t SET next_at = {NEXT_AT_SQL}"  # noqa: S608
            " WHERE t.id = ANY(%(ids)s)",
            parameters,
        )
    return len(taken)


def _record_one_by_one(*, now: datetime, limit: int) -> int:
    done, failed = 0, []
    with transaction.atomic():
        for timer, item in (taken := _take(now=now, limit=limit)):
            try:
                with transaction.atomic():
                    done += _record([(timer, item)], now=now)
            except OperationalError:  # a lock, a full disk: nothing is wrong with this clock
                raise
            except DatabaseError:
                logger.exception("sla.timer_failed timer=%s", timer)
                failed.append(timer)
                if not done and 1 < len(failed) >= min(ALL_FAIL, len(taken)):
                    raise
        SLATimer.objects.filter(pk__in=failed).update(next_at=now + POISON_PAUSE)
    return done
