"""Reads what became of the messages about handoffs, and sends again what was given up.

Called by the page of deliveries, by the navigation and by the pages of handoffs and decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from crm.models import User
from qualification.connectors.forget import CRM_ERASURE
from qualification.models import CrmConnection, OutboxMessage
from qualification.outbox.deliver import send_again
from qualification.outbox.post import MAIL_LANE
from qualification.permissions import Right
from qualification.review.guard import require_right
from qualification.review.newest import NewestPage, newest_page

State = OutboxMessage.State
PAGE_LENGTH = 50
# Which messages a page shows: those given up; those that failed and are tried again.
KINDS = {"dead": Q(state=State.DEAD), "trying": Q(state=State.WAITING, attempts__gt=0)}
COUNTED = 100
COUNT_SECONDS = 60


@dataclass(frozen=True)
class Delivery:
    """A message about a handoff, with the place it goes to in words."""

    message: OutboxMessage
    place: str

    @property
    def forgets_lead(self) -> int | None:
        """The number of the lead whose erasure it tells; None for any other message."""
        is_erasure = self.message.kind == CRM_ERASURE
        return self.message.payload["lead"] if is_erasure else None

    @property
    def is_trying(self) -> bool:
        """Whether it failed and is tried again by itself."""
        return self.message.state == State.WAITING and self.message.attempts > 0


def undelivered(
    user: User | AnonymousUser, *, which: str, lane: str = ""
) -> QuerySet[OutboxMessage]:
    """What did not go, about leads in the reader's sight; `which` is a key of KINDS."""
    found = OutboxMessage.objects.visible_to(user).filter(KINDS[which])
    return found.filter(lane=lane) if lane else found


def delivery_page(
    found: QuerySet[OutboxMessage], *, before: int | None = None, after: int | None = None
) -> NewestPage[OutboxMessage]:
    """The messages due before the message `before`, or after `after`; else the newest."""
    rows = found.select_related("decision__lead__account", "decision__by")
    return newest_page(rows, stamp="due_at", length=PAGE_LENGTH, before=before, after=after)


def places() -> dict[str, str]:
    """Lane → name of the place, those of CRMs and the mail."""
    named = {connection.lane: connection.name for connection in CrmConnection.objects.all()}
    return {MAIL_LANE: _("E-mail"), **named}


def deliveries_of(decision_id: int) -> tuple[Delivery, ...]:
    """Every message about one decision, in the order they were posted."""
    names = places()
    messages = OutboxMessage.objects.filter(decision_id=decision_id).order_by("pk")
    return tuple(Delivery(one, names.get(one.lane, one.lane)) for one in messages)


def count_dead(user: User | AnonymousUser) -> int:
    """How many were given up, at most 100: as of up to a minute ago, for every page shows it."""
    key = f"deliveries:dead:{user.pk}"
    found: int | None = cache.get(key)
    if found is None:
        found = undelivered(user, which="dead")[:COUNTED].count()
        cache.set(key, found, COUNT_SECONDS)
    return found


def deliver_again(messages: QuerySet[OutboxMessage], *, by: User, now: datetime) -> int:
    """Messages that were given up are due again, under the same key; how many. Raises
    PermissionDenied."""
    require_right(by, Right.AUDIT)
    in_sight = OutboxMessage.objects.visible_to(by).filter(pk__in=messages.values("pk"))
    cache.delete(f"deliveries:dead:{by.pk}")
    return send_again(in_sight, now=now)
