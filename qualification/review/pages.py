"""What the queue page and My work show, in a fixed number of queries however many leads there are.

Called by views. The order is the rank of the queue; a page begins behind or ends before a rank.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from crm.models import Lead, User
from qualification import prepared
from qualification.models import LeadScore, ReviewItem, ScoringModel
from qualification.models.review import RANK
from qualification.permissions import Right, has_right
from qualification.review import keyset
from qualification.review.claims import may_take, sight_by_team
from qualification.review.reasons import Reason, reasons_of
from qualification.sla.faces import Face, faces_of, with_calendars

PAGE_LENGTH = 25
# What a row is drawn from beside the item, and the columns of all that it shows or is ranked by: a
# lead and its account have many more, of which reading a page of them would take longer.
_BESIDE = ("lead__account", "lead__source", "lead__score", "holder", "assignee")
_PERSON = ("username", "first_name", "last_name")
_SHOWN = (
    *("bucket", "tier_rank", "score_rank", "due_at", "entered_at", "state", "close_reason"),
    *("hold_reason", "token", "lead_id", "team_id", "holder_id", "assignee_id", "pool_id"),
    *("lead__first_name", "lead__last_name", "lead__email", "lead__title", "lead__company_name"),
    *("lead__account__name", "lead__account__industry", "lead__account__employees"),
    *("lead__account__country", "lead__source__name", "lead__source__label"),
    *("lead__score__grade", "lead__score__total_tenths"),
    *("lead__score__fit_tenths", "lead__score__intent_tenths"),
    *(f"{role}__{name}" for role in ("holder", "assignee") for name in _PERSON),
)


@dataclass(frozen=True)
class QueueRow:
    """One row of the queue, with everything it needs already fetched."""

    item: ReviewItem
    why: tuple[Reason, ...]
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
    with prepared.planned_once():
        return list(with_rows(first)[:n])


def with_rows(items: QuerySet[ReviewItem]) -> QuerySet[ReviewItem]:
    """The items with all that `queue_rows` and `row_of` draw, each once."""
    return with_calendars(items.select_related(*_BESIDE).only(*_SHOWN))


def queue_rows(
    user: User, items: Sequence[ReviewItem], *, now: datetime, model: ScoringModel | None
) -> tuple[QueueRow, ...]:
    """The rows of these items (from `with_rows`), with the reasons of all in one query."""
    reasons = reasons_of([item.lead_id for item in items], model=model, now=now)
    faces = faces_of(items, now=now)
    return tuple(
        row_of(item, user, why=reasons.get(item.lead_id, ()), face=faces.get(item.pk))
        for item in items
    )


def row_of(
    item: ReviewItem, user: User, *, face: Face | None, why: tuple[Reason, ...] = ()
) -> QueueRow:
    """The row of one item for its reader."""
    return QueueRow(
        item=item,
        why=why,
        is_mine=item.holder_id == user.pk,
        can_take=may_take(item, user) or has_right(user, Right.REASSIGN),
        face=face,
    )


def cursor_of(item: ReviewItem) -> str:
    """The rank of an item as one word for a URL."""
    values = [
        value.isoformat() if isinstance(value, datetime) else value
        for value in keyset.rank_key(item)
    ]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def why_empty(reader: User, model: ScoringModel | None) -> str:
    """Why a queue without filters holds nothing: `no_rules` are live, `nothing_came` in the
    reader's sight, or it is `clear`."""
    if model is None:
        return "no_rules"
    return "clear" if Lead.objects.visible_to(reader).exists() else "nothing_came"


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
