"""Forgets what nobody needs any more: read notices, messages about no decision that were sent, the
bytes of messages that became leads. Once a night, in batches; settings.KEEP_DAYS says after how
many days, 0: never.

What was not read, not sent or not understood stays however old it is, and so does what tells that
an AE or a CRM was told of a decision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from crm.models import InboxMessage
from qualification.models import Notice, OutboxMessage

logger = logging.getLogger(__name__)

BATCH = 1000
# So many batches of each kind in one night; what is left waits for the next.
BATCHES = 200


def forget_old(*, now: datetime) -> dict[str, int]:
    """How many rows of each kind were forgotten."""
    handled = {}
    for name, forget in KINDS.items():
        days = settings.KEEP_DAYS[name]
        handled[name] = forget(now - timedelta(days=days)) if days else 0
    logger.info("retention.done %s", " ".join(f"{name}={n}" for name, n in handled.items()))
    return handled


def _read_notices(before: datetime) -> int:
    # Mail and chat about it are planned from the row.
    return _delete(Notice.objects.filter(read_at__lt=before, due_at=None))


def _sent_messages(before: datetime) -> int:
    sent = OutboxMessage.objects.filter(state=OutboxMessage.State.SENT, sent_at__lt=before)
    return _delete(sent.filter(decision=None))


def _message_bodies(before: datetime) -> int:
    """The rows stay: by their keys a repeat is known."""
    done = InboxMessage.objects.filter(state=InboxMessage.State.DONE, processed_at__lt=before)
    forgotten, last = 0, 0
    for _ in range(BATCHES):
        ids = _ids(done.exclude(body=b"").filter(pk__gt=last))
        if not ids:
            break
        forgotten += done.filter(pk__in=ids).update(body=b"")
        last = ids[-1]
    return forgotten


def _delete(old: QuerySet[Notice] | QuerySet[OutboxMessage]) -> int:
    deleted = 0
    for _ in range(BATCHES):
        ids = _ids(old)
        if not ids:
            break
        # Asked again: it may have been taken up between the two.
        deleted += old.filter(pk__in=ids).delete()[0]
    return deleted


def _ids(rows: QuerySet[Notice] | QuerySet[OutboxMessage] | QuerySet[InboxMessage]) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])


KINDS: dict[str, Callable[[datetime], int]] = {
    "READ_NOTICES": _read_notices,
    "SENT_MESSAGES": _sent_messages,
    "MESSAGE_BODIES": _message_bodies,
}
