"""Leads and accounts as records of keys: what they hold, what sources said, and set-based writing.

Used by `upsert.py` only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from django.db import connection

from crm.intake.payload import ACCOUNT_FIELDS, PARENT
from crm.matching import normalize
from crm.models import Account, Lead, LeadIdentity

ATTRIBUTE = "attributes."
# Keys that are said of the company.
OF_ACCOUNT = (*ACCOUNT_FIELDS, PARENT)


def instant(moment: datetime | None) -> str:
    """UTC in a form that sorts as text; "" for none."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else ""


class Record(Protocol):
    """A row seen through the keys of statements."""

    row: Any

    def read(self, key: str) -> Any: ...

    def write(self, key: str, value: Any) -> bool: ...


class LeadRecord:
    """A lead by the keys of statements; None blanks a value."""

    def __init__(self, row: Lead) -> None:
        self.row = row

    def read(self, key: str) -> Any:
        """Current value, None or "" when blank."""
        if key.startswith(ATTRIBUTE):
            return self.row.attributes.get(key.removeprefix(ATTRIBUTE))
        if key == "opted_out":
            return self.row.opted_out or None
        return getattr(self.row, "company_name" if key == "company" else key)

    def write(self, key: str, value: Any) -> bool:
        """Set it with what follows from it; whether the row changed."""
        if self.read(key) == value and isinstance(self.read(key), bool) == isinstance(value, bool):
            return False
        lead = self.row
        if key.startswith(ATTRIBUTE):
            self._write_attribute(key.removeprefix(ATTRIBUTE), value)
        elif key == "email":
            lead.email = value or ""
            lead.email_key = normalize.normal_email(lead.email) or None
            lead.email_kind = normalize.email_kind(lead.email)
        elif key == "phone":
            lead.phone = value or ""
        elif key == "company":
            lead.company_name = value or ""
        elif key == "opted_out":
            lead.opted_out = bool(value)
        else:
            setattr(lead, key, value or "")
        if key in ("phone", "country"):
            lead.phone_key = normalize.normal_phone(lead.phone, lead.country) or None
        return True

    def _write_attribute(self, name: str, value: Any) -> None:
        others = {key: held for key, held in self.row.attributes.items() if key != name}
        self.row.attributes = others if value is None else {**others, name: value}


class AccountRecord:
    """An account by the keys of statements; None blanks a value."""

    def __init__(self, row: Account) -> None:
        self.row = row

    def read(self, key: str) -> Any:
        """Current value, None or "" when blank."""
        return getattr(self.row, ACCOUNT_FIELDS[key])

    def write(self, key: str, value: Any) -> bool:
        """Set it; whether the row changed."""
        if self.read(key) == value:
            return False
        blank = None if key in ("employees", "revenue") else ""
        setattr(self.row, ACCOUNT_FIELDS[key], blank if value is None else value)
        return True


class StatedValues:
    """What sources stated last, by record and key: tells a machine's value from a person's."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, str], set[Any]] = defaultdict(set)

    def learn(self, identity: LeadIdentity, news: Mapping[str, Any]) -> None:
        """These were just stated about the identity's lead and its account."""
        lead = identity.lead
        for key, value in news.items():
            row = lead.account if key in OF_ACCOUNT else lead
            if row is not None:
                self._of[(id(row), key)].add(_hashable(value))

    def add(self, row: Lead | Account, key: str, value: Any) -> None:
        """A source stated this earlier."""
        self._of[(id(row), key)].add(_hashable(value))

    def of(self, record: Record, key: str) -> frozenset[Any]:
        """All values that sources stated last for this key of this record."""
        return frozenset(self._of.get((id(record.row), key), ()))


def _hashable(value: Any) -> Any:
    return value if not isinstance(value, list | dict) else json.dumps(value)


def stated_values(leads: Mapping[int, Lead], accounts: Mapping[int, Account]) -> StatedValues:
    """Everything that sources stated last about these leads and accounts."""
    stated = StatedValues()
    if leads:
        held = LeadIdentity.objects.filter(lead_id__in=leads).values_list("lead_id", "imported")
        for lead_id, imported in held:
            for key, value in imported.items():
                if key not in OF_ACCOUNT:
                    stated.add(leads[lead_id], key, value)
    if accounts:
        for account_id, key, value in _about_accounts(list(accounts)):
            stated.add(accounts[account_id], key, json.loads(value))
    for lead in leads.values():
        # One object a row, so that a change seen through the lead is the change that is written.
        if lead.account_id is not None and lead.account_id in accounts:
            lead.account = accounts[lead.account_id]
    return stated


def _about_accounts(account_ids: list[int]) -> list[tuple[int, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT l.account_id, said.key, said.value::text
            FROM crm_lead AS l
            JOIN crm_leadidentity AS i ON i.lead_id = l.id
            CROSS JOIN LATERAL jsonb_each(i.imported) AS said
            WHERE l.account_id = ANY(%s) AND said.key = ANY(%s)
            """,
            [account_ids, list(OF_ACCOUNT)],
        )
        return list(cursor.fetchall())


_LEAD_COLUMNS = {
    **dict.fromkeys(
        [
            "first_name",
            "last_name",
            "company_name",
            "email",
            "email_key",
            "email_kind",
            "phone",
            "phone_key",
            "title",
            "seniority",
            "department",
            "country",
            "city",
            "channel",
            "campaign",
            "topic",
        ],
        "text",
    ),
    "account_id": "bigint",
    "opted_out": "boolean",
    "attributes": "jsonb",
    "updated_at": "timestamptz",
}
_ACCOUNT_COLUMNS = {
    **dict.fromkeys(["name", "name_key", "website", "industry", "country", "city"], "text"),
    "employees": "integer",
    "revenue": "bigint",
    "updated_at": "timestamptz",
}
_PARENT_COLUMNS = {"parent_id": "bigint", "updated_at": "timestamptz"}
_IDENTITY_COLUMNS = {"imported": "jsonb"}
_LEAD_BIRTH_COLUMNS = {
    **_LEAD_COLUMNS,
    **dict.fromkeys(("stage", "disqualified_by"), "text"),
    **dict.fromkeys(("stage_at", "received_at", "created_at"), "timestamptz"),
    **dict.fromkeys(("team_id", "source_id"), "bigint"),
    "version": "integer",
}
_IDENTITY_BIRTH_COLUMNS = {
    **_IDENTITY_COLUMNS,
    **dict.fromkeys(("first_seen_at", "last_seen_at"), "timestamptz"),
    **dict.fromkeys(("lead_id", "source_id", "came_by_id"), "bigint"),
    "external_id": "text",
}


def insert_leads(leads: list[Lead]) -> None:
    """Insert and number them; their accounts are saved before."""
    for lead in leads:
        lead.account = lead.account  # takes over the number of an account just inserted
    _insert("crm_lead", _LEAD_BIRTH_COLUMNS, leads)


def insert_identities(identities: list[LeadIdentity]) -> None:
    """Insert and number them; their leads are saved before."""
    for identity in identities:
        identity.lead = identity.lead
    _insert("crm_leadidentity", _IDENTITY_BIRTH_COLUMNS, identities)


def _insert(table: str, columns: Mapping[str, str], rows: list[Any]) -> None:
    """One statement for all, at a third of what `bulk_create` costs."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [table, len(rows)],
        )
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number
        names = ", ".join(["id", *columns])
        # Only names from the tables above are put into the text.
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} "  # noqa: S608  # nosec
            f"FROM jsonb_to_recordset(%s::jsonb) AS new({_types(columns)})",
            [_as_json(rows, columns)],
        )


def update_leads(leads: Iterable[Lead], *, held: Mapping[int, str | None]) -> None:
    """Write the columns a source may change, one statement for all; `held` are the addresses
    before."""
    rows = list(leads)
    for lead in rows:
        lead.account = lead.account  # takes over the number of an account just inserted
    _give_up_addresses(rows, held)
    _update("crm_lead", _LEAD_COLUMNS, rows)


def _give_up_addresses(leads: list[Lead], held: Mapping[int, str | None]) -> None:
    """One that goes from lead to lead is nobody's in between: PostgreSQL refuses a second owner
    row by row, in an order of its own."""
    taken = {lead.email_key for lead in leads if lead.email_key not in (None, held[lead.pk])}
    givers = [lead.pk for lead in leads if held[lead.pk] in taken]
    if givers:
        Lead.objects.filter(pk__in=givers).update(email_key=None)
    if taken:
        # A lead that was merged into one of these only kept it for them.
        merged = Lead.objects.filter(email_key__in=taken, merged_into__in=[row.pk for row in leads])
        merged.update(email_key=None)


def update_accounts(accounts: Iterable[Account]) -> None:
    """Write the columns a source may change, one statement for all."""
    _update("crm_account", _ACCOUNT_COLUMNS, list(accounts))


def update_parents(accounts: list[Account]) -> None:
    """Write whom they belong to, one statement for all; IntegrityError when one would be above
    itself."""
    _update("crm_account", _PARENT_COLUMNS, accounts)


def update_identities(identities: Iterable[LeadIdentity]) -> None:
    """Write what was stated last, one statement for all."""
    _update("crm_leadidentity", _IDENTITY_COLUMNS, list(identities))


def _update(table: str, columns: Mapping[str, str], rows: list[Any]) -> None:
    if not rows:
        return
    assignments = ", ".join(f"{column} = new.{column}" for column in columns)
    with connection.cursor() as cursor:
        # Only names from the tables above are put into the text.
        cursor.execute(
            f"UPDATE {table} AS old SET {assignments} "  # noqa: S608  # nosec
            f"FROM jsonb_to_recordset(%s::jsonb) AS new({_types(columns)}) WHERE old.id = new.id",
            [_as_json(rows, columns)],
        )


def _types(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{column} {type_}" for column, type_ in {"id": "bigint", **columns}.items())


def _as_json(rows: list[Any], columns: Mapping[str, str]) -> str:
    return json.dumps(
        [
            {"id": row.pk, **{column: _plain(getattr(row, column)) for column in columns}}
            for row in rows
        ]
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
