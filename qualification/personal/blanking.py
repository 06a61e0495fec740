"""Blanks what the inventory names, row by row of its list. Called by `erase.py` with the door open.

The SQL is made of names from `inventory.py` alone.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from crm.models import InboxMessage, Lead
from qualification.audit.tables import ERASABLE
from qualification.models import AuditEntry
from qualification.personal import inventory
from qualification.personal.inventory import Held
from qualification.personal.known_by import KnownBy, messages_without_lead
from qualification.personal.scrub import scrub_event_key

# The type number of jsonb in PostgreSQL.
JSONB = 3802


def blank_everything(lead: Lead, *, company: int | None, keys: KnownBy, at: datetime) -> None:
    """Every table in the order of the list, messages that never became a lead, and the salts of
    the seals over what was there."""
    parameters = {"lead": lead.pk, "company": company}
    for message in messages_without_lead(keys):
        _forget_message(message, at=at)
    for held in inventory.HELD:
        _blank(held, parameters, at=at.isoformat())
    _lose_salts(lead)


def _blank(held: Held, parameters: dict[str, Any], *, at: str) -> None:
    if held.goes:
        _execute(f"DELETE FROM {held.table} WHERE {held.of}", parameters)  # noqa: S608
    elif held.scrub:
        for row in rows_of(held, parameters):
            _scrub(held, row, at=at)
    elif held.blank:
        _execute(
            f"UPDATE {held.table} SET {_assignments(held)} WHERE {held.of}",  # noqa: S608
            parameters,
        )


def rows_of(held: Held, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows about the person, JSON read."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM {held.table} WHERE {held.of}",  # noqa: S608
            parameters,
        )
        names = [column.name for column in cursor.description or ()]
        json_columns = {c.name for c in cursor.description or () if c.type_code == JSONB}
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    # Django has the driver leave JSON as text.
    for row in rows:
        row.update({name: json.loads(row[name]) for name in json_columns if row[name] is not None})
    return rows


def _scrub(held: Held, row: dict[str, Any], *, at: str) -> None:
    values = {name: scrub(row[name], row, at) for name, scrub in held.scrub.items()}
    scrubbed = [f"{name} = %({name})s" for name in values]
    parts = [part for part in [_assignments(held), *scrubbed] if part]
    _execute(
        f"UPDATE {held.table} SET {', '.join(parts)} WHERE id = %(id)s",  # noqa: S608
        {"id": row["id"], **{name: _plain(value) for name, value in values.items()}},
    )


def _assignments(held: Held) -> str:
    return ", ".join(f"{name} = {value}" for name, value in held.blank.items())


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _forget_message(message: InboxMessage, *, at: datetime) -> None:
    """Nobody tries it again."""
    row = {"source_id": message.source_id}
    InboxMessage.objects.filter(pk=message.pk).update(
        body=b"",
        error=_("Its person was erased"),
        event_key=scrub_event_key(message.event_key, row, at.isoformat()),
        state=InboxMessage.State.QUARANTINED,
        processed_at=at,
    )


def _lose_salts(lead: Lead) -> None:
    """Old seals say nothing any more; the entry this transaction appends gets a seal of its own."""
    for chained in ERASABLE:
        _execute(
            f"""
            UPDATE {AuditEntry._meta.db_table} SET salt = NULL
            WHERE subject_table = %(table)s AND salt IS NOT NULL
              AND subject IN (SELECT id FROM {chained.table} WHERE lead_id = %(lead)s)
            """,  # noqa: S608
            {"table": chained.table, "lead": lead.pk},
        )


def _execute(statement: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
