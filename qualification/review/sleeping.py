"""Reads the nurtured leads of the reader's teams, the soonest to wake first.

Called by the nurture page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import AnonymousUser
from django.db.models import DateField, F, Func, QuerySet

from crm.models import User
from qualification.models import NurturePlan
from qualification.review.nurture import may_change

PAGE_LENGTH = 100


class _Least(Func):
    """The earliest of some days; a day that is not set does not count (PostgreSQL's LEAST)."""

    function = "LEAST"
    output_field = DateField()


@dataclass(frozen=True)
class Sleeper:
    """One sleeping lead. `score_tenths` is now, `share` how far it has come to the score that wakes
    it, in percent of the rise; None where no score does."""

    plan: NurturePlan
    wakes_on: date
    score_tenths: int
    share: int | None
    can_change: bool


def sleeping_leads(user: User | AnonymousUser) -> QuerySet[NurturePlan]:
    """Waiting plans of leads in the reader's sight; `wakes_on`: the day they come back by date."""
    return (
        NurturePlan.objects.visible_to(user)
        .waiting()
        .select_related("lead__account", "lead__score", "decision__by", "decision__reason")
        .annotate(wakes_on=_Least(F("wake_on"), F("contract_wake_on"), F("latest_on")))
        .order_by("wakes_on", "pk")
    )


def row_of(plan: NurturePlan, *, reader: User) -> Sleeper:
    """A plan of `sleeping_leads` with how near it is."""
    score = getattr(plan.lead, "score", None)
    now = score.total_tenths if score else 0
    return Sleeper(
        plan=plan,
        wakes_on=plan.wakes_on,  # type: ignore[attr-defined]
        score_tenths=now,
        share=_share(plan, now),
        can_change=may_change(plan, reader),
    )


def _share(plan: NurturePlan, now: int) -> int | None:
    needed, rise = plan.wake_score_tenths, plan.rise_tenths
    if needed is None or rise is None:
        return None
    come = now - (needed - rise)
    return max(0, min(100, round(100 * come / rise))) if rise > 0 else 100
