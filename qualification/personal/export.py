"""Gives out everything held about one person, by the inventory: as JSON or as one CSV a table.

What stands in columns of other people (colleagues by their number, figures of their turn) is left
out or a number; no other lead is in it.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import zipfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from crm.imports.errors import shielded
from crm.models import Lead, PersonalExport, User
from qualification.permissions import Right
from qualification.personal import inventory
from qualification.personal.blanking import rows_of
from qualification.personal.company import is_of_nobody_else
from qualification.personal.inventory import Held
from qualification.review import guard

logger = logging.getLogger(__name__)

JSON, CSV = "json", "zip"
# Folded copies of columns beside them.
_COPY = "_folded"


@transaction.atomic
def record_export(*, lead: Lead, form: str, by: User | None, now: datetime) -> PersonalExport:
    """That the data go to this person now, in the chain. `by` None: the operator.

    Raises PermissionDenied.
    """
    if by is not None:
        guard.require_right(by, Right.AUDIT)
    row = PersonalExport.objects.create(lead=lead, at=now, by=by, form=form)
    who = "operator" if by is None else by.pk
    logger.info("person.exported lead=%s form=%s by=%s", lead.pk, form, who)
    return row


def as_json(lead: Lead, *, now: datetime) -> Iterator[str]:
    """Pieces of one JSON object: the number of the lead and, for each table with rows, its name
    and the rows."""
    yield f'{{"lead": {lead.pk}, "exported_at": {json.dumps(now.isoformat())}, "held": ['
    separator = ""
    for held, rows in _held(lead):
        head = {"name": str(held.name), "table": held.table}
        yield f'{separator}{json.dumps(head, ensure_ascii=False)[:-1]}, "rows": ['
        for number, row in enumerate(rows):
            yield (", " if number else "") + json.dumps(row, ensure_ascii=False, default=_plain)
        yield "]}"
        separator = ", "
    yield "]}\n"


def as_zip(lead: Lead) -> bytes:
    """One CSV for each table with rows, safe to open in a spreadsheet."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for held, rows in _held(lead):
            archive.writestr(f"{held.table}.csv", _csv(rows))
    return file.getvalue()


def counted(lead: Lead) -> list[tuple[Held, int]]:
    """How many rows each table holds about the person, those with any; one query."""
    statement = " UNION ALL ".join(
        f"SELECT '{held.table}', count(*) FROM {held.table} WHERE {held.of}"  # noqa: S608 - ours
        for held in inventory.HELD
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, _parameters(lead))
        counts = dict(cursor.fetchall())
    return [(held, counts[held.table]) for held in inventory.HELD if counts[held.table]]


def _held(lead: Lead) -> Iterator[tuple[Held, list[dict[str, Any]]]]:
    parameters = _parameters(lead)
    for held in inventory.HELD:
        rows = [_given(held, row) for row in rows_of(held, parameters)]
        if rows:
            yield held, rows


def _parameters(lead: Lead) -> dict[str, Any]:
    return {"lead": lead.pk, "company": lead.account_id if is_of_nobody_else(lead) else None}


def _given(held: Held, row: dict[str, Any]) -> dict[str, Any]:
    others = held.others.split()
    return {
        name: value
        for name, value in row.items()
        if not name.endswith(_COPY) and name not in others
    }


def _csv(rows: list[dict[str, Any]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([shielded(_text(value)) for value in row.values()])
    return file.getvalue()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", errors="replace")
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
