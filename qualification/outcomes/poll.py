"""Reads outcomes from the CRMs that keep them, a few minutes apart. Called by the sweep.

A poll is taken by one conditional UPDATE, so that several sweepers ask once; HTTP happens outside
any transaction. The place in the CRM's history moves on only when everything up to it is kept.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from qualification.connectors.base import Changes, ToldOutcome
from qualification.connectors.registry import CONNECTORS, access_to, connector_of
from qualification.exceptions import OutcomeInvalid
from qualification.models import CrmConnection
from qualification.outbox.deliver import LaneDown
from qualification.outcomes.record import record_outcome

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=5)
# After a failure: long enough not to press a CRM that is down.
AFTER_FAILURE = timedelta(minutes=15)
ERROR_LENGTH = 300


def poll_due(*, now: datetime) -> int:
    """Asks every active CRM whose turn it is; how many outcomes were new."""
    readers = [kind for kind, connector in CONNECTORS.items() if connector.reads_outcomes]
    due = CrmConnection.objects.filter(is_active=True, kind__in=readers, poll_due_at__lte=now)
    return sum(poll(connection, now=now) for connection in due.select_related("source"))


def poll(connection: CrmConnection, *, now: datetime) -> int:
    """Asks one CRM, unless somebody else does; how many outcomes were new."""
    turn = CrmConnection.objects.filter(pk=connection.pk, poll_due_at=connection.poll_due_at)
    if not turn.update(poll_due_at=now + EVERY):
        return 0
    since = connection.polled_until or connection.created_at
    ours = CrmConnection.objects.filter(pk=connection.pk)
    try:
        changes = connector_of(connection).changes_since(access_to(connection), since)
    except Exception as error:  # noqa: BLE001 - whatever one CRM says, the others have their turn
        wait = max(AFTER_FAILURE, getattr(error, "retry_after", timedelta(0)))
        why = str(error) if isinstance(error, LaneDown) else f"{type(error).__name__}: {error}"
        ours.update(poll_error=why[:ERROR_LENGTH], poll_due_at=now + wait)
        logger.warning("crm.poll_failed connection=%s", connection.pk)
        return 0
    new = sum(_keep(told, connection, now=now) for told in changes.outcomes)
    ours.update(polled_until=changes.until, poll_error="", poll_due_at=_next(changes, now))
    return new


def _keep(told: ToldOutcome, connection: CrmConnection, *, now: datetime) -> int:
    """1 if it was new. What cannot be kept must not stop the rest, and is counted in the log."""
    try:
        return record_outcome(told=told, source=connection.source, now=now).is_new
    except OutcomeInvalid:
        logger.warning("crm.outcome_refused connection=%s", connection.pk)
        return 0


def _next(changes: Changes, now: datetime) -> datetime:
    return now + EVERY if changes.is_all else now
