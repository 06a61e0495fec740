"""Decides which moment history rows carry: that of the door that writes, not of the database.

Called by whoever writes leads or accounts, at the beginning of its transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection

from crm.models import Lead

_INSTANT = timedelta(microseconds=1)
# The same as `stamp_history`, for the head of a message of several statements.
STAMP = "SELECT set_config('leadqual.now', %(now)s::text, true)"


def stamp_history(now: datetime) -> None:
    """History written from here to the end of the transaction is of `now` (`crm_now()`).

    The same `now` stands in the score, the answer or the decision, so a look back to that very
    moment finds what they were based on, whatever the clock of the database says.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('leadqual.now', %s, true)", [now.isoformat()])


def after_waiting(now: datetime, locked: Iterable[Lead]) -> datetime:
    """The moment of what is told about these locked leads: `now`, unless somebody wrote them at a
    later one while we waited for the lock; what they did then did not know of this."""
    latest = max((lead.updated_at for lead in locked), default=now)
    return now if latest <= now else latest + _INSTANT
