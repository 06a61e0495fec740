"""What people write about a lead and its company, by the keys that sources use.

The other door to these columns is the intake; both write through the same records and read values
by the same rules. A value that no source stated is a person's, and intake keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.clock import stamp_history
from crm.exceptions import FactsInvalid, PayloadInvalid
from crm.intake.changes import AccountRecord, LeadRecord, update_accounts, update_leads
from crm.intake.payload import ACCOUNT_FIELDS, read_field
from crm.matching import normalize
from crm.matching.locks import lock_keys
from crm.models import Account, Lead, LeadIdentity

LEAD_KEYS = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "title",
    "seniority",
    "department",
    "city",
    "country",
)
ACCOUNT_KEYS = tuple(ACCOUNT_FIELDS)


@dataclass(frozen=True)
class Stated:
    """What a source said last about a key, and when."""

    source: str
    value: Any
    at: datetime


@dataclass(frozen=True)
class Written:
    """Keys that changed, of the lead and of its account."""

    lead: tuple[str, ...]
    account: tuple[str, ...]


def facts_of(lead: Lead) -> dict[str, Any]:
    """The values as they stand, blank as ""; those of the account only where there is one."""
    records: dict[str, LeadRecord | AccountRecord] = dict.fromkeys(LEAD_KEYS, LeadRecord(lead))
    if lead.account is not None:
        records |= dict.fromkeys(ACCOUNT_KEYS, AccountRecord(lead.account))
    return {
        key: "" if (value := record.read(key)) is None else value for key, record in records.items()
    }


def stated_about(lead: Lead) -> dict[str, tuple[Stated, ...]]:
    """What each source said last about the lead, by key; one query."""
    found: dict[str, tuple[Stated, ...]] = {}
    identities = LeadIdentity.objects.filter(lead=lead).select_related("source")
    for identity in identities.order_by("-last_seen_at", "-pk"):
        for key, value in identity.imported.items():
            told = Stated(str(identity.source), value, identity.last_seen_at)
            found[key] = (*found.get(key, ()), told)
    return found


def lock_address(texts: Mapping[str, str]) -> None:
    """Whoever resolves the address in these texts waits until the transaction ends. Before any
    lock of a lead, as the intake does."""
    key = normalize.normal_email(texts.get("email", ""))
    if key:
        lock_keys([f"email:{key}"])


@transaction.atomic
def write_facts(*, lead: Lead, texts: Mapping[str, str], now: datetime) -> Written:
    """Sets these values, as somebody wrote them; "" blanks one. Facts that are so already change
    nothing. Under the caller's `lock_address` and lock of the lead.

    Raises FactsInvalid, with what is wrong by key.
    """
    values = _read(texts)
    _refuse_taken_address(lead, str(values.get("email") or ""))
    stamp_history(now)
    record, held = LeadRecord(lead), {lead.pk: lead.email_key}
    of_lead = [key for key in LEAD_KEYS if key in values and _wrote(record, key, values[key])]
    if of_lead:
        lead.updated_at = now
        update_leads([lead], held=held)
    return Written(lead=tuple(of_lead), account=tuple(_write_account(lead, values, now)))


def _write_account(lead: Lead, values: Mapping[str, Any], now: datetime) -> list[str]:
    if lead.account_id is None:
        return []
    account = Account.objects.select_for_update(no_key=True).get(pk=lead.account_id)
    record = AccountRecord(account)
    changed = [key for key in ACCOUNT_KEYS if key in values and _wrote(record, key, values[key])]
    if changed:
        account.updated_at = now
        update_accounts([account])
    return changed


def _wrote(record: LeadRecord | AccountRecord, key: str, value: Any) -> bool:
    """Whether it changed; what is blank and blanked did not."""
    is_blank = value is None and record.read(key) in (None, "")
    return not is_blank and record.write(key, value)


def _read(texts: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for key, text in texts.items():
        try:
            values[key] = read_field(key, text) if text.strip() else None
        except PayloadInvalid as error:
            wrong[key] = str(error)
    if wrong:
        raise FactsInvalid(wrong)
    return values


def _refuse_taken_address(lead: Lead, address: str) -> None:
    """An address is one person's."""
    key = normalize.normal_email(address) if address else ""
    if not key or key == lead.email_key:
        return
    others = Lead.objects.filter(email_key=key).exclude(pk=lead.pk)
    if others.exclude(pk__in=lead.absorbed.values("pk")).exists():
        raise FactsInvalid({"email": _("another lead has this address")})
