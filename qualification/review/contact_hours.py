"""Counts how calls went by the hour of the lead's own clock, and says when calling is worth it.

The count is made anew once a day by the sweep; pages read its 24 rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from crm.models import Lead
from qualification.choices import TouchKind, TouchResult
from qualification.models import ContactHour, Touch
from qualification.review.contact import LeadZone, Windows, best_windows, windows_in, zone_of

# Calls older than this say little about how people answer now.
COUNTED = timedelta(days=365)
EVERY = timedelta(days=1)
HOURS = range(24)


@dataclass(frozen=True)
class Contact:
    """When to call one lead. `zone` is None when nothing says where they are."""

    found: LeadZone | None
    windows: Windows
    now: datetime

    @property
    def local(self) -> datetime | None:
        """The time on their clock."""
        return self.now.astimezone(self.found.zone) if self.found else None

    @property
    def local_text(self) -> str:
        """That time as `09:40`; templates would move it to the reader's clock."""
        return f"{self.local:%H:%M}" if self.local else ""

    @property
    def is_good(self) -> bool:
        """Whether this is a good time to call."""
        return self.local is not None and self.windows.holds(self.local)


def contact_of(lead: Lead, *, now: datetime) -> Contact:
    """When to call this lead, in one query."""
    return Contact(zone_of_lead(lead), windows_now(), now)


def zone_of_lead(lead: Lead) -> LeadZone | None:
    """The lead's time zone; the company's place counts where the person gave none."""
    account = lead.account
    country = lead.country or (account.country if account else "")
    city = lead.city or (account.city if account and not lead.country else "")
    return zone_of(country, city, lead.phone_key or "")


def windows_now() -> Windows:
    """The hours calling is worth it, from own calls once there are enough of them."""
    hours = {row.hour: (row.calls, row.answered) for row in ContactHour.objects.all()}
    return best_windows(
        hours,
        usual=windows_in(settings.CONTACT_WINDOWS),
        enough=settings.LEADQUAL["CONTACT_MIN_CALLS"],
    )


def count_due(*, now: datetime) -> int:
    """Counts anew when the last count is a day old; returns the calls counted, 0 when not due."""
    newest = ContactHour.objects.order_by("-counted_at").values_list("counted_at", flat=True)
    last = newest.first()
    if last is not None and last > now - EVERY:
        return 0
    return count_calls(now=now)


@transaction.atomic
def count_calls(*, now: datetime) -> int:
    """Counts the calls of the last year by the hour where the lead is; those to leads of whom no
    zone is known are left out."""
    made: Counter[int] = Counter()
    answered: Counter[int] = Counter()
    since = now - COUNTED
    calls = Touch.objects.standing().filter(kind=TouchKind.CALL, at__gt=since, at__lte=now)
    places = ("lead__country", "lead__city", "lead__phone_key")
    company = ("lead__account__country", "lead__account__city")
    rows = calls.order_by().values_list("at", "result", *places, *company)
    for at, result, country, city, phone, of_company, company_city in rows.iterator():
        place = country or of_company or ""
        found = zone_of(place, city or (company_city or "" if not country else ""), phone or "")
        if found is None:
            continue
        hour = at.astimezone(found.zone).hour
        made[hour] += 1
        answered[hour] += result == TouchResult.SPOKE
    ContactHour.objects.bulk_create(
        [ContactHour(hour=h, calls=made[h], answered=answered[h], counted_at=now) for h in HOURS],
        update_conflicts=True,
        unique_fields=["hour"],
        update_fields=["calls", "answered", "counted_at"],
    )
    return made.total()
