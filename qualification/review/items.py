"""What every verb on an item shares: its locks, its events, the check for the holder.

Called inside `qualification/review/` and `handoff/`. Lock order: lead, item, timers, outbox.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import ItemState
from qualification.exceptions import AlreadyDecided, NotHolder
from qualification.models import Decision, ItemEvent, ReviewItem
from qualification.permissions import Right, has_right

NOTE_LENGTH = 300


def demand(right: Right, *, by: User) -> None:
    """Raises PermissionDenied when none of the person's roles carries the right."""
    if not has_right(by, right):
        raise PermissionDenied


def lock_leads(lead_ids: Collection[int]) -> list[int]:
    """Locks leads until the end of the transaction, in the order of their ids; the ids that exist."""
    rows = Lead.objects.select_for_update(no_key=True).filter(pk__in=lead_ids).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def lock_item(item: ReviewItem) -> ReviewItem:
    """Locks the lead, then the item, and returns the item as it is now, with lead and holder."""
    lock_leads([item.lead_id])
    rows = ReviewItem.objects.select_related("lead", "holder")
    return rows.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)


def log_event(*, item: ReviewItem, verb: str, by: User | None, now: datetime, note: str = "") -> None:
    """Appends one event, `noun:past-verb`, to the item's history."""
    log_events(item_ids=[item.pk], verb=verb, by=by, now=now, note=note)


def log_events(
    *, item_ids: Collection[int], verb: str, by: User | None, now: datetime, note: str = ""
) -> None:
    """Appends the same event to the history of many items."""
    ItemEvent.objects.bulk_create(
        ItemEvent(item_id=pk, verb=verb, by=by, at=now, note=note[:NOTE_LENGTH]) for pk in item_ids
    )


def lease_end(now: datetime) -> datetime:
    """When a claim made or renewed now runs out."""
    return now + timedelta(minutes=settings.LEADQUAL["CLAIM_MINUTES"])


def refuse_closed(item: ReviewItem, *, now: datetime) -> None:
    """Raises AlreadyDecided, saying who decided what and when, if the item is closed."""
    if item.state != ItemState.CLOSED:
        return
    decision = Decision.objects.filter(item=item).select_related("by").first()
    if decision is None:
        raise AlreadyDecided(
            _("This lead left the queue: %(reason)s.") % {"reason": item.get_close_reason_display()}
        )
    raise AlreadyDecided(
        _("%(name)s decided this lead %(ago)s ago: %(kind)s.")
        % {
            "name": short_name(decision.by),
            "ago": ago(now - decision.at),
            "kind": decision.get_kind_display(),
        }
    )


def refuse_unless_holder(item: ReviewItem, *, by: User, now: datetime) -> None:
    """Raises AlreadyDecided or NotHolder unless `by` owns the item or holds a claim not run out."""
    refuse_closed(item, now=now)
    if item.state == ItemState.WAITING or item.holder is None:
        raise NotHolder(_("Nobody holds this lead now. Claim it first."))
    if item.holder_id != by.pk:
        raise NotHolder(
            _("%(name)s holds this lead now. Open the next one.")
            % {"name": short_name(item.holder)}
        )
    if has_lapsed(item, now=now):
        raise NotHolder(_("Your claim has run out. Claim the lead again."))


def has_lapsed(item: ReviewItem, *, now: datetime) -> bool:
    """Whether the claim on the item ran out, swept up or not."""
    return item.lease_until is not None and item.lease_until <= now


def short_name(user: User) -> str:
    """First name, as colleagues say it."""
    return user.first_name or str(user)


def ago(length: timedelta) -> str:
    """A length of time in words: `4 s`, `12 m`, `1 h 20 m`, `3 d`."""
    seconds = max(int(length.total_seconds()), 0)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{minutes} m"
    return f"{hours} h {minutes:02} m" if hours < 24 else f"{hours // 24} d"
