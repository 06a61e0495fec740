"""Decides who may change what is known of a lead and its company, and what follows: new scores;
and reads each fact with what says so.

Called by the page of a lead, where facts are edited in place. What may be written, and how it is
read, is `crm.facts`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import facts
from crm.facts import ACCOUNT_KEYS, Stated, Written
from crm.models import Account, Lead, User
from qualification.exceptions import FactsChanged
from qualification.models import ReviewItem
from qualification.review.hands_on import renew_claim, require_hands_on
from qualification.review.items import lock_leads, log_event
from qualification.scoring.rescore import mark_due

LABELS = {
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "title": gettext_lazy("Title"),
    "seniority": gettext_lazy("Seniority"),
    "department": gettext_lazy("Department"),
    "city": gettext_lazy("City"),
    "country": gettext_lazy("Country"),
    "website": gettext_lazy("Website"),
    "industry": gettext_lazy("Industry"),
    "employees": gettext_lazy("Employees"),
    "revenue": gettext_lazy("Revenue, yearly, in euros"),
    "account_city": gettext_lazy("City of the company"),
    "account_country": gettext_lazy("Country of the company"),
}
# Where the heading says already whose they are, and the value in which unit.
SHORT_LABELS = {
    "revenue": gettext_lazy("Revenue"),
    "account_city": gettext_lazy("City"),
    "account_country": gettext_lazy("Country"),
}


@dataclass(frozen=True)
class Fact:
    """A value of a lead or its company, blank as "". `source` is who says the same; `others` say
    something else; `is_ours`: no source of this lead says it, so that somebody of us wrote it."""

    key: str
    label: str
    value: Any
    is_of_company: bool
    source: Stated | None
    others: tuple[Stated, ...]

    @property
    def short_label(self) -> str:
        """The label under a heading that names the company."""
        return str(SHORT_LABELS.get(self.key, self.label))

    @property
    def text(self) -> str:
        """The value as it stands in a form."""
        return str(self.value)

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return bool(self.text)

    @property
    def is_ours(self) -> bool:
        """Of a company the sources of its other leads are not asked."""
        return self.is_known and self.source is None and not self.is_of_company


def facts_shown(lead: Lead) -> tuple[Fact, ...]:
    """Every fact of the lead, then of its company, with what its sources say; one query."""
    said, known = facts.stated_about(lead), facts.facts_of(lead)
    return tuple(_fact(key, value, said.get(key, ())) for key, value in known.items())


def fact_of(lead: Lead, key: str) -> Fact | None:
    """One of them; None for a key that the lead has not."""
    return next((fact for fact in facts_shown(lead) if fact.key == key), None)


def _fact(key: str, value: Any, said: tuple[Stated, ...]) -> Fact:
    same = [told for told in said if str(told.value) == str(value)]
    return Fact(
        key=key,
        label=str(LABELS[key]),
        value=value,
        is_of_company=key in ACCOUNT_KEYS,
        source=same[0] if same else None,
        others=tuple(told for told in said if told not in same),
    )


@transaction.atomic
def edit_facts(
    *,
    lead: Lead,
    texts: Mapping[str, str],
    seen: Mapping[str, str] | None = None,
    by: User,
    now: datetime,
) -> Written:
    """Writes what somebody of ours knows better than the sources; a change of the company reaches
    the scores of all its leads. `seen` is what they had before them, by key.

    Raises PermissionDenied, NotHolder (somebody else holds the lead), FactsChanged (it says neither
    what they saw nor what they write), FactsInvalid.
    """
    facts.lock_address(texts)
    lock_leads([lead.pk])
    locked = Lead.objects.select_related("account").get(pk=lead.pk)
    item = ReviewItem.objects.open().select_for_update(no_key=True).filter(lead=locked).first()
    require_hands_on(lead=locked, item=item, by=by, now=now)
    _refuse_changed(locked, texts, seen or {})
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


def _refuse_changed(lead: Lead, texts: Mapping[str, str], seen: Mapping[str, str]) -> None:
    if lead.account_id is not None and not seen.keys().isdisjoint(ACCOUNT_KEYS):
        # Colleagues of the lead have holders of their own, who may write at the same time.
        lead.account = Account.objects.select_for_update(no_key=True).get(pk=lead.account_id)
    found = {
        key: str(value)
        for key, value in facts.facts_of(lead).items()
        if key in seen and str(value) not in (seen[key], texts.get(key, "").strip())
    }
    if found:
        said = ", ".join(f"“{value}”" if value else _("nothing") for value in found.values())
        raise FactsChanged(
            _("Meanwhile it says %(what)s. Save again to put yours in its place.") % {"what": said},
            found,
        )
