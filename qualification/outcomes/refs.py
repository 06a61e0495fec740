"""Decides which lead somebody outside means. Called by the door for outcomes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from crm.models import Lead, LeadIdentity, Source, User
from qualification.models import CrmLink, Handoff

OURS = re.compile(r"lead:(\d{1,18})(?::handoff:(\d{1,6}))?")


@dataclass(frozen=True)
class Reference:
    """Whom they mean. `handoff_number` counts the handoffs of the lead, if they said which."""

    lead_id: int | None
    handoff_number: int | None = None
    why_none: str = ""


def find_lead(ref: str, *, source: Source, by: User | None) -> Reference:
    """The lead they mean: by our id, by theirs, or by what their CRM calls lead or deal. With `by`
    only what this person may know of."""
    found = _ours(ref) or _identity(ref, source) or _linked(ref, source)
    leads = Lead.objects.all() if by is None else Lead.objects.visible_to(by)
    known = leads.filter(pk__in=[] if found is None else [found.lead_id])
    row = known.values_list("pk", "merged_into_id").first()
    if found is None or row is None:
        return Reference(None, why_none=_("No lead is known as “%(ref)s”.") % {"ref": ref[:100]})
    pk, merged_into = row
    # A handoff stays with the lead it was made of.
    return found if found.handoff_number is not None else Reference(merged_into or pk)


def _ours(ref: str) -> Reference | None:
    parts = OURS.fullmatch(ref)
    if parts is None:
        return None
    number = parts.group(2)
    return Reference(int(parts.group(1)), None if number is None else int(number))


def _identity(ref: str, source: Source) -> Reference | None:
    identities = LeadIdentity.objects.filter(source=source, external_id=ref)
    lead_id = identities.values_list("lead_id", flat=True).first()
    return None if lead_id is None else Reference(lead_id)


def _linked(ref: str, source: Source) -> Reference | None:
    """By an id of the CRM whose source this is."""
    links = CrmLink.objects.filter(connection__source=source, vendor_id=ref)
    theirs = dict(links.values_list("kind", "our_id"))
    if CrmLink.Kind.HANDOFF in theirs:
        handoff = Handoff.objects.filter(pk=theirs[CrmLink.Kind.HANDOFF]).first()
        if handoff is not None:
            n = Handoff.objects.filter(lead_id=handoff.lead_id, pk__lte=handoff.pk).count()
            return Reference(handoff.lead_id, n)
    lead_id = theirs.get(CrmLink.Kind.LEAD)
    return None if lead_id is None else Reference(lead_id)
