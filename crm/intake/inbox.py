"""The inbox: keeps every message byte for byte before anybody tries to understand it.

Written by the intake views. The unique key (source, event) decides, never a look before the insert.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from crm.matching.no_contact import erased_key
from crm.models import InboxMessage, Source


def store_message(
    *, source: Source, event_key: str, body: bytes, content_type: str, now: datetime
) -> tuple[InboxMessage, bool]:
    """(the message, whether it is new); an event that was stored before is left as it is, also
    after its person was erased."""
    erased = erased_key(source.pk, event_key)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO crm_inboxmessage (
                source_id, event_key, received_at, content_type, body, state, due_at,
                attempts, error
            ) SELECT %s, %s, %s, %s, %s, %s, %s, 0, '' WHERE NOT EXISTS (
                SELECT FROM crm_inboxmessage WHERE source_id = %s AND event_key = %s)
            ON CONFLICT (source_id, event_key) DO NOTHING
            RETURNING id
            """,
            [
                *(source.pk, event_key, now, content_type[:120], body, InboxMessage.State.NEW, now),
                *(source.pk, erased),
            ],
        )
        is_new = cursor.fetchone() is not None
    known = InboxMessage.objects.filter(source=source, event_key__in=[event_key, erased])
    return known.get(), is_new


def take_back(messages: QuerySet[InboxMessage], *, now: datetime) -> int:
    """Messages that were set aside are due again, as if never tried; how many."""
    return messages.filter(state=InboxMessage.State.QUARANTINED).update(
        state=InboxMessage.State.NEW, attempts=0, due_at=now, error=""
    )
