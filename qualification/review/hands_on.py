"""Decides who may write something about a lead: answers, facts, buying roles, which checklist.

Called by those rooms, under their lock of the lead.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import ItemState
from qualification.exceptions import LeadErased, NotHolder
from qualification.models import ReviewItem
from qualification.permissions import Right, has_right
from qualification.review import guard
from qualification.review.claims import renew_lease


def require_hands_on(*, lead: Lead, item: ReviewItem | None, by: User, now: datetime) -> None:
    """Somebody who works the queue, sees the lead, and takes nothing out of another's hands. Of who
    was erased nothing is written down any more, whatever page is still open."""
    guard.require_right(by, Right.WORK_QUEUE)
    if not guard.is_visible(lead, by):
        raise NotHolder(_("This lead is not yours to work on."))
    if lead.erased_at is not None:
        raise LeadErased(_("The personal data of this lead were erased."))
    if lead.merged_into_id is not None:
        raise NotHolder(guard.merged_sentence(lead, by, now))
    is_held = item is not None and item.holder_id not in (None, by.pk)
    if item is not None and is_held and not has_right(by, Right.REASSIGN):
        raise NotHolder(guard.holder_sentence(item, by, now))


def renew_claim(item: ReviewItem, *, by: User, now: datetime) -> None:
    """An edit by the holder keeps a running claim alive."""
    is_claimed = item.state == ItemState.CLAIMED and item.holder_id == by.pk
    if is_claimed and not guard.has_lapsed(item, now):
        renew_lease(item=item, by=by, now=now)
