"""Decides whether the company of a person goes with them: when nobody else belongs to it, and
nobody of ours ever named it. Called by the erasure and by the export.
"""

from __future__ import annotations

from crm.matching.locks import lock_keys
from crm.matching.resolve import CompanyKeys, account_locks
from crm.models import Account, Lead
from qualification.models import AccountOwner


def of_nobody_else(lead: Lead) -> int | None:
    """The locked account of a lead that is all there is to it; None for any other."""
    if lead.account_id is None:
        return None
    account = Account.objects.get(pk=lead.account_id)
    domains = tuple(account.domains.values_list("domain", flat=True))
    # Whoever would join it now waits; before the row, as intake does.
    lock_keys(account_locks(CompanyKeys(domains=domains, name_key=account.name_key)))
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    return account.pk if is_of_nobody_else(lead) else None


def is_of_nobody_else(lead: Lead) -> bool:
    """Whether the company says something about this person alone."""
    account = lead.account
    if account is None or account.is_target or account.is_competitor:
        return False
    # What was merged into the lead is this person.
    if Lead.objects.standing().filter(account=account).exclude(pk=lead.pk).exists():
        return False
    return not AccountOwner.objects.filter(account=account).exists()
