"""Reads the nurtured leads of the reader's teams, the soonest to wake first.

Called by the nurture page.
"""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from crm.models import Lead, User
from qualification.models import NurturePlan

PAGE_LENGTH = 100


def sleeping_leads(user: User | AnonymousUser) -> QuerySet[NurturePlan]:
    """Waiting plans of leads in the reader's sight; `wakes_on`: the day they come back by date."""
    in_sight = Lead.objects.visible_to(user).values("pk")
    return (
        NurturePlan.objects.filter(state=NurturePlan.State.WAITING, lead__in=in_sight)
        .select_related("lead__account", "lead__score", "decision__by", "decision__reason")
        .annotate(wakes_on=Coalesce("wake_on", "latest_on"))
        .order_by("wakes_on", "pk")
    )
