"""Decides who is looking at a lead: whoever has its page open, as the page says every half minute.

Called by the page's poll and by the sweep. It stops nobody; it tells that somebody else is there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from crm.models import Lead, User
from qualification.models import Presence

# A page says so every half minute; one missed word is forgiven.
GONE_AFTER = timedelta(seconds=75)
KEPT = timedelta(hours=1)


def look(*, lead: Lead, by: User, now: datetime) -> list[User]:
    """This person is looking; returns who else is, who came last first."""
    Presence.objects.bulk_create(
        [Presence(lead=lead, person=by, seen_at=now)],
        update_conflicts=True,
        unique_fields=["lead", "person"],
        update_fields=["seen_at"],
    )
    others = Presence.objects.filter(lead=lead, seen_at__gt=now - GONE_AFTER).exclude(person=by)
    return [row.person for row in others.select_related("person").order_by("-seen_at", "-pk")]


def forget_old(*, now: datetime) -> int:
    """Removes what nobody asks for any more; returns how many."""
    removed, _by_model = Presence.objects.filter(seen_at__lt=now - KEPT).delete()
    return removed
