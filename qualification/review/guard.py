"""Decides whether a person may still act on an item, and says what changed when not.

Called by the verbs of this room, inside their transaction, before anything is written.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Lead, LeadMerge, User
from qualification.choices import DecisionKind, ItemState
from qualification.exceptions import AlreadyDecided, NotHolder, StaleForm
from qualification.models import Decision, ReviewItem
from qualification.permissions import Right, has_right

VERBS = {
    DecisionKind.ACCEPT: gettext_lazy("accepted"),
    DecisionKind.REJECT: gettext_lazy("rejected"),
    DecisionKind.NURTURE: gettext_lazy("nurtured"),
}


# Events that end a claim or an ownership.
ENDS = (
    "item:lapsed",
    "item:released",
    "item:reassigned",
    "item:taken_back",
    "item:skipped",
    "item:undone",
)


def require_right(user: User, right: Right) -> None:
    """Raises PermissionDenied unless one of the user's roles carries the right."""
    if not has_right(user, right):
        raise PermissionDenied


def lock_item(item: ReviewItem) -> ReviewItem:
    """Locks the lead, then the item, and returns the item as it is now, with lead and holder."""
    lead = Lead.objects.select_for_update(no_key=True).get(pk=item.lead_id)
    rows = ReviewItem.objects.select_related("holder", "assignee")
    locked = rows.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
    locked.lead = lead
    return locked


def hold_item(*, item: ReviewItem, token: int, by: User, now: datetime) -> ReviewItem:
    """The locked item, which `by` holds right now with this token.

    Raises PermissionDenied, NotHolder, AlreadyDecided, StaleForm.
    """
    require_right(by, Right.WORK_QUEUE)
    locked = lock_item(item)
    if not is_visible(locked.lead, by):
        raise NotHolder(_("This lead is not yours to work on."))
    if locked.state == ItemState.CLOSED:
        raise AlreadyDecided(closed_sentence(locked, by, now))
    if locked.holder_id != by.pk:
        raise NotHolder(holder_sentence(locked, by, now))
    if locked.token != token:
        merged = _merge_since(locked)
        if merged is not None:
            raise StaleForm(_absorbed_sentence(merged, by, now))
        raise StaleForm(
            _("This lead changed hands since you opened the page and is yours again. Reload it.")
        )
    if has_lapsed(locked, now):
        raise NotHolder(holder_sentence(locked, by, now))
    return locked


def is_visible(lead: Lead, user: User) -> bool:
    """Whether the lead is in this user's sight."""
    return Lead.objects.visible_to(user).filter(pk=lead.pk).exists()


def has_lapsed(item: ReviewItem, now: datetime) -> bool:
    """Whether the claim on the item ran out, swept up or not."""
    return item.lease_until is not None and item.lease_until <= now


def closed_sentence(item: ReviewItem, reader: User, now: datetime) -> str:
    """How the item was closed, such as “Aisha rejected this lead at 14:02.”"""
    if item.lead.merged_into_id is not None:
        return merged_sentence(item.lead, reader, now)
    decision = item.decisions.filter(kind__in=VERBS).order_by("-id").select_related("by").first()
    if decision is not None:
        return decision_sentence(decision, reader, now)
    closed_at = item.closed_at or now
    return _("This lead left the queue at %(time)s: %(why)s.") % {
        "time": time_text(closed_at, now),
        "why": item.get_close_reason_display(),
    }


def merged_sentence(lead: Lead, reader: User, now: datetime) -> str:
    """That the lead is part of another one, such as “Maya merged this lead into Hanna Vogel at
    14:02.”"""
    merge = LeadMerge.objects.standing().select_related("by", "survivor").get(loser=lead)
    return _("%(who)s merged this lead into %(lead)s at %(time)s. Open that one.") % {
        "who": _("You") if merge.by_id == reader.pk else person_text(merge.by),
        "lead": merge.survivor.name,
        "time": time_text(merge.at, now),
    }


def _merge_since(item: ReviewItem) -> LeadMerge | None:
    """The merge into the lead of an item, made or undone since its holder has it."""
    since = item.claimed_at or item.entered_at
    merges = LeadMerge.objects.filter(survivor=item.lead_id).filter(
        Q(at__gte=since) | Q(undone_at__gte=since)
    )
    return merges.select_related("by", "undone_by", "loser").order_by("-pk").first()


def _absorbed_sentence(merge: LeadMerge, reader: User, now: datetime) -> str:
    who = merge.undone_by or merge.by
    words = {
        "who": _("You") if who == reader else person_text(who),
        "lead": merge.loser.name,
        "time": time_text(merge.undone_at or merge.at, now),
    }
    if merge.undone_at is not None:
        return _("%(who)s took %(lead)s out of this lead at %(time)s. Reload it.") % words
    return _("%(who)s merged %(lead)s into this lead at %(time)s. Reload it.") % words


def decision_sentence(decision: Decision, reader: User, now: datetime) -> str:
    """Who decided what and when, such as “You accepted this lead at 14:02.”"""
    words = {
        "who": _("You") if decision.by_id == reader.pk else person_text(decision.by),
        "did": VERBS[DecisionKind(decision.kind)],
        "time": time_text(decision.at, now),
    }
    if Decision.objects.filter(reverses=decision).exists():
        return _("%(who)s %(did)s this lead at %(time)s and it was taken back. Reload it.") % words
    return _("%(who)s %(did)s this lead at %(time)s.") % words


def holder_sentence(item: ReviewItem, reader: User, now: datetime) -> str:
    """Who holds the item instead of the reader, and when the reader's own claim ended."""
    ended_at = _claim_end(item, reader, now)
    is_free = item.holder is None or item.holder_id == reader.pk
    words = {
        "time": time_text(ended_at, now) if ended_at else "",
        "holder": "" if item.holder is None else person_text(item.holder),
    }
    if ended_at and is_free:
        return _("Your claim ended at %(time)s; nobody holds this lead now.") % words
    if ended_at:
        return _("Your claim ended at %(time)s; %(holder)s holds it.") % words
    if is_free:
        return _("Nobody holds this lead. Claim it first.")
    return _("%(holder)s holds this lead.") % words


def hands_sentence(item: ReviewItem, reader: User, now: datetime) -> str:
    """Who has the item now, for somebody who reads along: such as “Aisha holds this lead.”"""
    if item.state == ItemState.CLOSED:
        return closed_sentence(item, reader, now)
    if item.holder is not None and not has_lapsed(item, now):
        if item.holder_id == reader.pk:
            return _("This lead is yours now.")
        return _("%(holder)s holds this lead.") % {"holder": person_text(item.holder)}
    if item.assignee is not None and item.assignee_id != reader.pk:
        return _("This lead is for %(name)s now.") % {"name": person_text(item.assignee)}
    return _("Nobody holds this lead now: it waits in the queue.")


def _claim_end(item: ReviewItem, reader: User, now: datetime) -> datetime | None:
    """When the reader stopped holding the item; None if they never held it."""
    if item.holder_id == reader.pk:
        return item.lease_until if has_lapsed(item, now) else None
    claims = item.events.filter(by=reader, verb="item:claimed")
    last = claims.order_by("-id").values_list("pk", flat=True).first()
    if last is None:
        return None
    ends = item.events.filter(pk__gt=last, verb__in=ENDS).order_by("id")
    return ends.values_list("at", flat=True).first()


def person_text(person: User) -> str:
    """First name, as colleagues say it; else the whole name."""
    return person.first_name or str(person)


def time_text(at: datetime, now: datetime) -> str:
    """The reader's wall clock, such as `14:02`; with the day when it was not today."""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localtime(now).date()
    return formats.date_format(local, "H:i" if is_today else "j M H:i")
