"""The SDRs of a replay: each is a process that claims leads and decides them as the file says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A lead in the queue. `reason` is the key of the reject reason, blank for an accept."""

    item_id: int
    reason: str


def open_desk() -> None:
    """Called once in every process, before its first task."""
    import django

    django.setup()


def work(sdr: str, ae: str, tasks: Sequence[Task]) -> int:
    """Claim and decide every lead, each in transactions of its own; how many."""
    from django.utils import timezone

    from crm.models import User
    from qualification.models import RejectionReason, ReviewItem
    from qualification.review.claims import claim_item
    from qualification.review.decisions import accept_lead, reject_lead

    by, executive = User.objects.get(username=sdr), User.objects.get(username=ae)
    reasons = {reason.key: reason for reason in RejectionReason.objects.all()}
    items = ReviewItem.objects.in_bulk([task.item_id for task in tasks])
    for task in tasks:
        now = timezone.now()
        held = claim_item(item=items[task.item_id], by=by, now=now)
        if task.reason:
            reason = reasons[task.reason]
            reject_lead(item=held, token=held.token, by=by, reason=reason, now=now)
        else:
            accept_lead(item=held, token=held.token, by=by, to=executive, now=now)
    return len(tasks)
