"""What the queue page and My work show, in a fixed number of queries however many leads there are.

Called by views. The order is the rank of the queue; a page begins behind or ends before a rank.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from qualification.choices import ItemState
from qualification.models import LeadScore, ReviewItem, ScoringModel
from qualification.models.review import RANK
from qualification.permissions import Right, has_right
from qualification.review import keyset
from qualification.review.claims import may_take, sight_by_team
from qualification.scoring.compile import compile_model, leads_now
from qualification.scoring.ledger import RULE, LedgerLine, ledgers
from qualification.sla.faces import Face, faces_of, with_calendars

PAGE_LENGTH = 25
# What a row is drawn from beside the item.
ROW = ("lead__account", "lead__source", "lead__score", "holder", "assignee")


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


def queue_items(user: User) -> QuerySet[ReviewItem]:
    """Open items in the reader's sight, in the order of the queue."""
    return ReviewItem.objects.visible_to(user).open().ranked()


def queue_page(
    user: User,
    items: QuerySet[ReviewItem],
    *,
    now: datetime,
    model: ScoringModel | None = None,
    after: str = "",
    before: str = "",
    length: int = PAGE_LENGTH,
) -> QueuePage:
    """A page of `items` (see `queue_items`) behind the cursor `after` or ahead of `before`; without
    the live `model` its rows give no reasons.

    A cursor that cannot be read shows the first page.
    """
    behind, ahead = read_cursor(after), read_cursor(before)
    sight = sight_by_team(user)
    if ahead is not None:
        found = _drawn(items.filter(keyset.before(ahead)), sight, length + 1, keyset.REVERSED)
        shown, has_newer, has_older = found[:length][::-1], len(found) > length, True
    else:
        rows = items if behind is None else items.filter(keyset.after(behind))
        found = _drawn(rows, sight, length + 1, RANK)
        shown, has_newer, has_older = found[:length], behind is not None, len(found) > length
    return QueuePage(
        rows=queue_rows(user, shown, now=now, model=model),
        newer=cursor_of(shown[0]) if shown and has_newer else "",
        older=cursor_of(shown[-1]) if shown and has_older else "",
    )


def _drawn(
    items: QuerySet[ReviewItem], sight: Sequence[Q], n: int, order: Sequence[str]
) -> list[ReviewItem]:
    """The first `n` of these items with all that a row shows."""
    first = keyset.first_of_teams(items, sight, n, order=order)
    return list(with_calendars(first.select_related(*ROW))[:n])


def queue_rows(
    user: User, items: Sequence[ReviewItem], *, now: datetime, model: ScoringModel | None
) -> tuple[QueueRow, ...]:
    """The rows of these items (from `with_calendars`), with the reasons of all in one query."""
    reasons = why_here([item.lead_id for item in items], model=model, now=now)
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


def why_here(
    lead_ids: Collection[int], *, model: ScoringModel | None, now: datetime
) -> dict[int, tuple[LedgerLine, ...]]:
    """The strongest positive and the strongest other line of each lead under the live `model`."""
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


@dataclass(frozen=True)
class WorkRow:
    """One lead on somebody's desk. `time_format` fits how far the next task is."""

    item: ReviewItem
    is_overdue: bool
    time_format: str
    face: Face | None

    @property
    def company(self) -> str:
        account = self.item.lead.account
        return account.name if account else self.item.lead.company_name


@dataclass(frozen=True)
class WorkSection:
    """Leads that ask for the same: claimed, waiting for them, overdue, due today, no task,
    snoozed."""

    key: str
    title: Any
    rows: tuple[WorkRow, ...]


@dataclass(frozen=True)
class MyWork:
    """Everything a person holds or routing chose them for, by what comes next."""

    sections: tuple[WorkSection, ...]

    @property
    def n_owned(self) -> int:
        """Leads that are theirs for good, not by a lease or a turn."""
        not_owned = ("claimed", "waiting")
        return sum(len(part.rows) for part in self.sections if part.key not in not_owned)

    @property
    def is_empty(self) -> bool:
        return not any(part.rows for part in self.sections)


SECTIONS = (
    ("claimed", _("Claimed")),
    ("waiting", _("Chosen for you, not claimed yet")),
    ("overdue", _("Overdue")),
    ("today", _("Due today")),
    ("none", _("No task planned")),
    ("later", _("Snoozed")),
)


def my_work(user: User, *, now: datetime) -> MyWork:
    """The reader's claims by lease, leads that wait for them and owned leads by next task, in one
    query. A day ends at midnight of the current time zone."""
    held = ReviewItem.objects.held_by(user).exclude(state=ItemState.CLAIMED, lease_until__lte=now)
    theirs = held | ReviewItem.objects.waiting().filter(assignee=user)
    items = list(
        with_calendars(theirs)
        .select_related("lead__account", "lead__score", "lead__source")
        .order_by("lease_until", "next_task_at", "due_at", "pk")
    )
    faces = faces_of(items, now=now)
    today = timezone.localtime(now).date()
    by_key: dict[str, list[WorkRow]] = {key: [] for key, _title in SECTIONS}
    for item in items:
        key, row = _work_row(item, faces.get(item.pk), now=now, today=today)
        by_key[key].append(row)
    return MyWork(tuple(WorkSection(key, title, tuple(by_key[key])) for key, title in SECTIONS))


def _work_row(
    item: ReviewItem, face: Face | None, *, now: datetime, today: Any
) -> tuple[str, WorkRow]:
    at = item.next_task_at
    is_today = at is not None and timezone.localtime(at).date() == today
    is_overdue = item.state == ItemState.OWNED and at is not None and at <= now
    row = WorkRow(item, is_overdue, "H:i" if is_today else "D j M H:i", face)
    if item.state in (ItemState.CLAIMED, ItemState.WAITING):
        return item.state, row
    if at is None:
        return "none", row
    if is_overdue:
        return "overdue", row
    return ("today" if is_today else "later"), row
