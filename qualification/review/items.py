"""What the verbs on an item share beside `guard`: locks, events, the refusal of the wrong hands.

Called inside `qualification/review/` and `handoff/` only. Lock order: lead, item, timers, outbox.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import ItemState
from qualification.exceptions import AlreadyDecided, NotHolder, QualificationError, UndoExpired
from qualification.models import ItemEvent, ReviewItem
from qualification.review import guard

NOTE_LENGTH = 300


def lock_leads(lead_ids: Collection[int]) -> list[int]:
    """Locks leads until the end of the transaction, in order of id; the ids that exist."""
    rows = Lead.objects.select_for_update(no_key=True).filter(pk__in=lead_ids).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def log_event(
    *, item: ReviewItem, verb: str, by: User | None, now: datetime, note: str = ""
) -> None:
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


def kept_moment(text: str | None) -> datetime | None:
    """A moment as a row keeps it in its JSON, for an undo to write back."""
    return None if text is None else parse_datetime(text)


def undo_time() -> timedelta:
    """For how long one takes back what one just did; so long nothing about it leaves by mail."""
    return timedelta(seconds=settings.LEADQUAL["UNDO_SECONDS"])


def refuse_too_late(at: datetime, *, now: datetime) -> None:
    """Raises UndoExpired when what was done at `at` cannot be taken back any more."""
    if now >= at + undo_time():
        seconds = settings.LEADQUAL["UNDO_SECONDS"]
        raise UndoExpired(_("The %(n)s seconds to undo are over.") % {"n": seconds})


def news_key(item_id: int, what: str, *, at: datetime) -> str:
    """What names the news that `what` (assigned, held) happened to this item then, or to it first
    of several."""
    return f"item:{item_id}:{what}:{at:%Y%m%dT%H%M%S.%f}"


def short_reason(reason: str, *, most: int, blank: str, refused: type[QualificationError]) -> str:
    """The reason without spaces around it. Raises `refused`: saying `blank` when there is none, or
    that it has more than `most` characters."""
    text = reason.strip()
    if not text:
        raise refused(blank)
    if len(text) > most:
        raise refused(_("At most %(n)s characters for the reason, please.") % {"n": most})
    return text


def refuse_closed(item: ReviewItem, *, by: User, now: datetime) -> None:
    """Raises AlreadyDecided, saying who decided what and when, if the item is closed."""
    if item.state == ItemState.CLOSED:
        raise AlreadyDecided(guard.closed_sentence(item, by, now))


def refuse_unless_holder(item: ReviewItem, *, by: User, now: datetime) -> None:
    """Raises AlreadyDecided or NotHolder unless `by` owns the item or holds a claim not run out."""
    refuse_closed(item, by=by, now=now)
    if item.holder_id != by.pk or guard.has_lapsed(item, now):
        raise NotHolder(guard.holder_sentence(item, by, now))


def ago(length: timedelta) -> str:
    """A length of time in words: `4 s`, `12 m`, `1 h 20 m`, `3 d`."""
    seconds = max(int(length.total_seconds()), 0)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{minutes} m"
    return f"{hours} h {minutes:02} m" if hours < 24 else f"{hours // 24} d"
