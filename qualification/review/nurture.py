"""Decides when a nurtured lead comes back: the wake conditions of a plan, and the waking itself.

Called by `decisions.py`, `undo.py` and the sweep; the only writer of NurturePlan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.models import Activity, ActivityVerdict, Lead
from crm.stages import Stage
from qualification.choices import EntryReason
from qualification.exceptions import DecisionIncomplete
from qualification.models import Decision, LeadScore, NurturePlan, RejectionReason
from qualification.review.queue import enter_queue
from qualification.zones import zone_named

BATCH = 200


@dataclass(frozen=True)
class Wake:
    """What wakes a lead, whichever comes first, and the day it comes back in any case."""

    on: date | None
    activity: str
    score_tenths: int | None
    latest_on: date


def wake_of(
    *,
    reason: RejectionReason | None,
    wake_on: date | None,
    wake_activity: str,
    wake_score_tenths: int | None,
    latest_on: date | None,
    total_tenths: int,
    now: datetime,
) -> Wake:
    """The checked wake conditions; a reason that suggests nurture alone wakes on the latest day.

    Raises DecisionIncomplete naming what is missing or not in the future.
    """
    today = timezone.localtime(now).date()
    default = today + timedelta(days=settings.LEADQUAL["NURTURE_DAYS"])
    latest = latest_on or max(default, wake_on or default)
    has_condition = bool(wake_on or wake_activity.strip() or wake_score_tenths is not None)
    if not has_condition and reason is not None and reason.suggests_nurture:
        wake_on = latest
    elif not has_condition:
        raise DecisionIncomplete(_("Choose when this lead wakes up: a date, an event or a score."))
    if wake_on is not None and wake_on <= today:
        raise DecisionIncomplete(_("The wake-up date must be in the future."))
    if latest <= today or (wake_on is not None and latest < wake_on):
        raise DecisionIncomplete(_("The latest date must not be before the wake-up date."))
    if wake_score_tenths is not None and wake_score_tenths <= total_tenths:
        raise DecisionIncomplete(_("The score to wake up at must be above the score of today."))
    return Wake(wake_on, wake_activity.strip(), wake_score_tenths, latest)


def plan_nurture(*, decision: Decision, wake: Wake) -> NurturePlan:
    """The waiting plan of a nurture decision."""
    return NurturePlan.objects.create(
        lead=decision.lead,
        decision=decision,
        wake_on=wake.on,
        wake_activity=wake.activity,
        wake_score_tenths=wake.score_tenths,
        latest_on=wake.latest_on,
    )


def cancel_plans(*, lead: Lead, now: datetime) -> int:
    """Ends the waiting plan of a lead that is decided anew or taken back; returns how many."""
    return _end(lead.nurture_plans.all(), NurturePlan.State.CANCELLED, now)


def wake_due(*, now: datetime) -> int:
    """Puts each nurtured lead whose wake condition holds back into the queue once; how many.

    Several sweeps may run at once: each skips the leads another one is waking.
    """
    woken = 0
    seen = 0
    while True:
        plan_ids = list(due_plans(now).filter(pk__gt=seen).values_list("pk", flat=True)[:BATCH])
        if not plan_ids:
            return woken
        woken += _wake(plan_ids, now=now)
        seen = plan_ids[-1]


def due_plans(now: datetime) -> QuerySet[NurturePlan]:
    """Waiting plans with a condition that holds at `now`, by id."""
    score = Subquery(LeadScore.objects.filter(lead=OuterRef("lead")).values("total_tenths"))
    return (
        NurturePlan.objects.filter(state=NurturePlan.State.WAITING)
        .annotate(score=score)
        .filter(
            _day_has_come(now)
            | Q(wake_score_tenths__lte=F("score"))
            | (~Q(wake_activity="") & Exists(_activities_since(now)))
        )
        .order_by("pk")
    )


def _day_has_come(now: datetime) -> Q:
    """The wake-up or the latest day has begun where the person who chose it is."""
    waiting = NurturePlan.objects.filter(state=NurturePlan.State.WAITING)
    condition = Q(pk__in=[])
    for name in waiting.values_list("decision__by__time_zone", flat=True).order_by().distinct():
        today = now.astimezone(zone_named(name)).date()
        has_begun = Q(wake_on__lte=today) | Q(latest_on__lte=today)
        condition |= Q(decision__by__time_zone=name) & has_begun
    return condition


def _activities_since(now: datetime) -> QuerySet[Activity]:
    """The awaited activities by people, recorded after the plan was made."""
    verdict = ActivityVerdict.objects.filter(
        activity=OuterRef("pk"), recorded_at__lte=now
    ).order_by("-recorded_at", "-id")
    return (
        Activity.objects.filter(
            lead=OuterRef("lead"),
            type=OuterRef("wake_activity"),
            recorded_at__gt=OuterRef("decision__at"),
            recorded_at__lte=now,
        )
        .annotate(
            is_machine=Coalesce(Subquery(verdict.values("is_machine")[:1]), Value(value=False))
        )
        .filter(is_machine=False)
    )


@transaction.atomic
def _wake(plan_ids: list[int], *, now: datetime) -> int:
    """One batch: lock the leads, look again at their plans, enter those that still sleep.

    Entering ends the plan (`queue.enter_queue`); a lead that moved meanwhile needs none.
    """
    leads = dict(
        Lead.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(pk__in=NurturePlan.objects.filter(pk__in=plan_ids).values("lead"))
        .order_by("pk")
        .values_list("pk", "stage")
    )
    plans = NurturePlan.objects.filter(
        pk__in=plan_ids, lead__in=leads, state=NurturePlan.State.WAITING
    )
    waiting = set(plans.values_list("lead_id", flat=True))
    asleep = sorted(pk for pk in waiting if leads[pk] == Stage.NURTURE)
    _end(plans.exclude(lead__in=asleep), NurturePlan.State.CANCELLED, now)
    return len(enter_queue(asleep, reason=EntryReason.WOKEN, now=now))


def _end(plans: QuerySet[NurturePlan], state: NurturePlan.State, now: datetime) -> int:
    waiting = plans.filter(state=NurturePlan.State.WAITING)
    return waiting.update(state=state, ended_at=now)
