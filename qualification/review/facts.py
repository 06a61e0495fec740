"""Decides who may change what is known of a lead and its company, and what follows: new scores.

Called by the facts dialog. What may be written, and how it is read, is `crm.facts`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from crm import facts
from crm.facts import Written
from crm.models import Lead, User
from qualification.models import ReviewItem
from qualification.review.checklists import renew_claim, require_hands_on
from qualification.review.items import lock_leads, log_event
from qualification.scoring.rescore import mark_due

LABELS = {
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "title": _("Title"),
    "seniority": _("Seniority"),
    "department": _("Department"),
    "city": _("City"),
    "country": _("Country"),
    "website": _("Website"),
    "industry": _("Industry"),
    "employees": _("Employees"),
    "revenue": _("Revenue, yearly, in euros"),
    "account_city": _("City of the company"),
    "account_country": _("Country of the company"),
}


@transaction.atomic
def edit_facts(*, lead: Lead, texts: Mapping[str, str], by: User, now: datetime) -> Written:
    """Writes what somebody of ours knows better than the sources; a change of the company reaches
    the scores of all its leads.

    Raises PermissionDenied, NotHolder (somebody else holds the lead), FactsInvalid.
    """
    facts.lock_address(texts)
    lock_leads([lead.pk])
    locked = Lead.objects.select_related("account").get(pk=lead.pk)
    item = ReviewItem.objects.open().select_for_update(no_key=True).filter(lead=locked).first()
    require_hands_on(lead=locked, item=item, by=by, now=now)
    written = facts.write_facts(lead=locked, texts=texts, now=now)
    changed = [*written.lead, *written.account]
    if item is not None and changed:
        names = ", ".join(str(LABELS[key]) for key in changed)
        log_event(item=item, verb="facts:changed", by=by, now=now, note=names[:300])
    if item is not None:
        renew_claim(item, by=by, now=now)
    if written.account:
        of_account = Lead.objects.filter(account=locked.account_id)
        mark_due(list(of_account.values_list("pk", flat=True)), now=now)
    elif written.lead:
        mark_due([locked.pk], now=now)
    return written
