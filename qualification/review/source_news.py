"""Tells marketing what became of the leads of a source, without telling who they were.

Called by a rejection whose SDR asked for it, and by its undo.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from crm.models import Lead, User
from crm.roles import Role
from qualification.choices import DecisionKind, NoticeKind
from qualification.models import Decision
from qualification.notices.tell import take_back, tell
from qualification.review.items import undo_time


def rejected_this_month(source_id: int, *, now: datetime) -> int:
    """Standing rejections of leads of this source since the first of the month, on the clock of the
    current time zone."""
    local = timezone.localtime(now)
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    rejected = Decision.objects.standing().filter(kind=DecisionKind.REJECT, at__gte=first)
    return rejected.filter(lead__source=source_id).count()


def tell_marketing(*, decision: Decision, now: datetime) -> int:
    """Everybody in marketing hears of the source and the reason; mail and chat wait until the
    decision cannot be undone. Returns how many people."""
    lead: Lead = decision.lead
    people = User.objects.filter(is_active=True, groups__name=Role.MARKETING)
    return tell(
        kind=NoticeKind.SOURCE_REJECTED,
        people=people,
        key=_key(decision),
        words={
            "source": str(lead.source),
            "reason": str(decision.reason),
            "n": str(rejected_this_month(lead.source_id, now=now)),
        },
        now=now,
        holds=undo_time(),
    )


def unsay(*, decision: Decision) -> None:
    """The rejection was undone: nobody was told."""
    take_back(key=_key(decision))


def _key(decision: Decision) -> str:
    return f"decision:{decision.pk}:source"
