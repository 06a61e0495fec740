"""What the queue page and My work show, in a fixed number of queries however many leads there are.

Called by views. The order is the rank of the queue; a page begins behind or ends before a rank.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from crm.models import Lead, Source, User
from qualification.choices import Bucket, ItemState
from qualification.models import LeadScore, ReviewItem
from qualification.models.review import RANK, free_for
from qualification.permissions import Right, has_right
from qualification.review import keyset
from qualification.review.claims import live_claims, may_take
from qualification.scoring.compile import compile_model, leads_now
from qualification.scoring.ledger import RULE, LedgerLine, ledgers
from qualification.scoring.versions import active_model
from qualification.sla.faces import Face, faces_of, with_calendars

PAGE_LENGTH = 25
# What a row is drawn from beside the item.
ROW = ("lead__account", "lead__source", "lead__score", "holder", "assignee")
# The clock of a row warns this long before it is due, as it does in the browser.
WARN_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True)
class QueueRow:
    """One row of the queue, with everything it needs already fetched."""

    item: ReviewItem
    why: tuple[LedgerLine, ...]
    is_mine: bool
    # By routing: theirs or anybody's of the team; managers may take any.
    can_take: bool
    face: Face | None = None

    @property
    def lead(self) -> Lead:
        return self.item.lead

    @property
    def holder(self) -> User | None:
        return self.item.holder

    @property
    def score(self) -> LeadScore | None:
        return getattr(self.item.lead, "score", None)

    @property
    def account_line(self) -> str:
        """Industry, size and country of the account, as far as known."""
        account = self.item.lead.account
        if account is None:
            return ""
        size = f"{account.employees:,}" if account.employees is not None else ""
        return " · ".join(part for part in (account.industry, size, account.country) if part)


@dataclass(frozen=True)
class QueuePage:
    """Rows in the order of the queue; `newer` and `older` are cursors, empty at the ends."""

    rows: tuple[QueueRow, ...]
    newer: str
    older: str


@dataclass(frozen=True)
class Summary:
    """Counts of the open items in sight; the SLA states count first-response clocks only. `free`
    are those waiting that “next lead” may give the reader."""

    open: int
    waiting: int
    free: int
    mine: int
    breached: int
    warn: int
    ok: int
    paused: int


@dataclass(frozen=True)
class Claims:
    """How many leases the reader holds, of how many allowed."""

    held: int
    limit: int


def queue_items(user: User) -> QuerySet[ReviewItem]:
    """Open items in the reader's sight, in the order of the queue."""
    return ReviewItem.objects.visible_to(user).open().ranked()


def queue_page(
    user: User,
    items: QuerySet[ReviewItem],
    *,
    now: datetime,
    after: str = "",
    before: str = "",
    length: int = PAGE_LENGTH,
) -> QueuePage:
    """A page of `items` (see `queue_items`) behind the cursor `after` or ahead of `before`.

    A cursor that cannot be read shows the first page.
    """
    behind, ahead = read_cursor(after), read_cursor(before)
    shown = with_calendars(items.select_related(*ROW))
    if ahead is not None:
        found = list(shown.filter(keyset.before(ahead)).order_by(*keyset.REVERSED)[: length + 1])
        taken, has_newer, has_older = found[:length][::-1], len(found) > length, True
    else:
        rows = shown if behind is None else shown.filter(keyset.after(behind))
        found = list(rows.order_by(*RANK)[: length + 1])
        taken, has_newer, has_older = found[:length], behind is not None, len(found) > length
    return QueuePage(
        rows=queue_rows(user, taken, now=now),
        newer=cursor_of(taken[0]) if taken and has_newer else "",
        older=cursor_of(taken[-1]) if taken and has_older else "",
    )


def queue_rows(user: User, items: Sequence[ReviewItem], *, now: datetime) -> tuple[QueueRow, ...]:
    """The rows of these items (from `with_calendars`), with the reasons of all in one query."""
    reasons = why_here([item.lead_id for item in items], now=now)
    faces = faces_of(items, now=now)
    return tuple(
        row_of(item, user, why=reasons.get(item.lead_id, ()), face=faces.get(item.pk))
        for item in items
    )


def row_of(
    item: ReviewItem, user: User, *, face: Face | None, why: tuple[LedgerLine, ...] = ()
) -> QueueRow:
    """The row of one item for its reader."""
    return QueueRow(
        item=item,
        why=why,
        is_mine=item.holder_id == user.pk,
        can_take=may_take(item, user) or has_right(user, Right.REASSIGN),
        face=face,
    )


def why_here(lead_ids: Collection[int], *, now: datetime) -> dict[int, tuple[LedgerLine, ...]]:
    """The strongest positive and the strongest other line of each lead under the live model."""
    model = active_model()
    if model is None or not lead_ids:
        return {}
    source = leads_now(list(lead_ids), as_of=now)
    found = ledgers(compile_model(model), source, now)
    return {lead_id: strongest(ledger.lines) for lead_id, ledger in found.items()}


def strongest(lines: Sequence[LedgerLine]) -> tuple[LedgerLine, ...]:
    """The strongest positive rule, then the strongest other rule by size."""
    fired = [line for line in lines if line.kind == RULE and line.points_tenths]
    by_size = sorted(fired, key=lambda line: -abs(line.points_tenths))
    first = next((line for line in by_size if line.points_tenths > 0), None)
    second = next((line for line in by_size if line is not first), None)
    return tuple(line for line in (first, second) if line is not None)


def cursor_of(item: ReviewItem) -> str:
    """The rank of an item as one word for a URL."""
    values = [
        value.isoformat() if isinstance(value, datetime) else value
        for value in keyset.rank_key(item)
    ]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[Any, ...] | None:
    """The rank that `cursor_of` wrote; None when it is empty or was tampered with."""
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        bucket, tier, score, due, pk = json.loads(base64.urlsafe_b64decode(padded))
        due_at = parse_datetime(due)
        numbers = (bucket, tier, score, pk)
    except (ValueError, TypeError, RecursionError, binascii.Error):
        return None
    is_sound = all(type(n) is int and abs(n) < 2**31 for n in numbers)
    if not is_sound or due_at is None or timezone.is_naive(due_at):
        return None
    return bucket, tier, score, due_at, pk


def breached(now: datetime) -> Q:
    """Unanswered items whose time is over."""
    return UNANSWERED & Q(due_at__lte=now)


def warned(now: datetime) -> Q:
    """Unanswered items that are due within a quarter of an hour."""
    return UNANSWERED & Q(due_at__gt=now, due_at__lte=now + WARN_WITHIN)


def on_time(now: datetime) -> Q:
    """Unanswered items with more time than that."""
    return UNANSWERED & Q(due_at__gt=now + WARN_WITHIN)


UNANSWERED = ~Q(state=ItemState.OWNED) & ~Q(bucket=Bucket.PAUSED)
PAUSED = ~Q(state=ItemState.OWNED) & Q(bucket=Bucket.PAUSED)


def summary_of(user: User, *, now: datetime) -> Summary:
    """Counts over everything open in sight, in one query."""
    counts = (
        queue_items(user)
        .order_by()
        .aggregate(
            open=Count("pk"),
            waiting=Count("pk", filter=Q(state=ItemState.WAITING)),
            free=Count("pk", filter=Q(state=ItemState.WAITING) & free_for(user)),
            mine=Count("pk", filter=Q(holder=user)),
            breached=Count("pk", filter=breached(now)),
            warn=Count("pk", filter=warned(now)),
            ok=Count("pk", filter=on_time(now)),
            paused=Count("pk", filter=PAUSED),
        )
    )
    return Summary(**counts)


def sources_of(user: User) -> QuerySet[Source]:
    """Sources of the open leads in sight."""
    return Source.objects.filter(pk__in=queue_items(user).order_by().values("lead__source"))


def colleagues_of(user: User) -> QuerySet[User]:
    """Others who hold a lead in sight."""
    holders = queue_items(user).order_by().filter(holder__isnull=False).values("holder")
    return User.objects.filter(pk__in=holders).exclude(pk=user.pk).order_by("first_name", "pk")


def claims_of(user: User, *, now: datetime) -> Claims:
    """The reader's leases against the limit."""
    return Claims(held=live_claims(user, now=now), limit=settings.LEADQUAL["CLAIM_LIMIT"])
