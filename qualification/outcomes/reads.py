"""Reads outcomes: the list, and how a handed over lead went on with the days it took.

Called by the pages of outcomes, decisions and handoffs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from crm.models import Outcome, User
from crm.sight import leads_in_sight
from qualification.review.newest import NewestPage, newest_page

PAGE_LENGTH = 50
SHOWN = 20


@dataclass(frozen=True)
class Cycle:
    """How a lead went on after it was accepted, the oldest first; days count from the accept."""

    outcomes: tuple[tuple[Outcome, int | None], ...]

    @property
    def days_to_close(self) -> int | None:
        """Days from the accept to the last won or lost; None while it is open."""
        closed = [days for one, days in self.outcomes if one.value in CLOSED and days is not None]
        return closed[-1] if closed else None


CLOSED = (Outcome.Value.WON, Outcome.Value.LOST)


def outcomes_seen_by(
    user: User | AnonymousUser, *, without_lead: bool = False
) -> QuerySet[Outcome]:
    """Outcomes of leads in the reader's sight, or those whose lead nobody knows; those hold ids
    only, and the page wants the right to audit."""
    found = Outcome.objects.select_related("lead__account", "source")
    return (
        found.filter(lead=None)
        if without_lead
        else found.filter(leads_in_sight(user, prefix="lead__"), lead__isnull=False)
    )


def outcome_page(
    found: QuerySet[Outcome], *, before: int | None = None, after: int | None = None
) -> NewestPage[Outcome]:
    """The rows told before the row `before`, or after `after`; else the newest."""
    return newest_page(found, stamp="recorded_at", length=PAGE_LENGTH, before=before, after=after)


def cycle_since(lead_id: int, accepted_at: datetime) -> Cycle:
    """What was told of a lead, with the days since it was accepted."""
    found = Outcome.objects.filter(lead_id=lead_id).select_related("source")
    latest = sorted(found.order_by("-recorded_at", "-pk")[:SHOWN], key=_when)
    return Cycle(
        tuple(
            (one, (one.occurred_at - accepted_at).days if one.occurred_at else None)
            for one in latest
        )
    )


def _when(outcome: Outcome) -> datetime:
    return outcome.occurred_at or outcome.recorded_at
