"""Wakes nurtured leads: finds the plans whose condition holds and puts their leads into the queue.

One door for all that wakes by itself: the pipeline after new activities and scores, and the sweep,
which finds whatever nobody looked at, also after days of downtime.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from crm.models import Activity, ActivityVerdict, Lead
from crm.stages import Stage
from qualification.choices import CadenceEnd, EntryReason, ItemState
from qualification.models import CadenceRun, LeadScore, NurturePlan, ReviewItem
from qualification.neighbours import do_due
from qualification.review.cadence_runs import end_runs
from qualification.review.contracts import follow_contracts
from qualification.review.items import lock_leads
from qualification.review.nurture import end_plans
from qualification.review.queue import enter_queue
from qualification.zones import zone_named

BATCH = 200


def wake_due(*, now: datetime) -> int:
    """Puts each nurtured lead whose wake condition holds back into the queue once; how many.

    Several sweeps may run at once: each skips the leads another one is waking.
    """
    due = list(due_plans(now).values_list("pk", flat=True))
    return do_due(due, partial(_wake, now=now), what="plan", batch=BATCH)


@transaction.atomic
def look_again(lead_ids: Collection[int], *, now: datetime) -> int:
    """Wakes those of these leads whose condition holds now: something about them changed. Also ends
    the steps of who answered, and lets plans follow a contract end that moved. Returns how many
    woke."""
    _end_answered(lead_ids, now=now)
    asleep = NurturePlan.objects.waiting().filter(lead__in=lead_ids)
    locked = lock_leads(list(asleep.values_list("lead_id", flat=True)))
    if not locked:
        return 0
    follow_contracts(locked, now=now)
    plans = due_plans(now).filter(lead__in=locked)
    return _wake(list(plans.values_list("pk", flat=True)), now=now)


def _end_answered(lead_ids: Collection[int], *, now: datetime) -> None:
    """A reply or a meeting ends the steps; its owner has to see to it now."""
    answers = Activity.objects.filter(
        lead=OuterRef("lead"),
        type__in=settings.ANSWER_ACTIVITIES,
        recorded_at__gt=OuterRef("started_at"),
        recorded_at__lte=now,
    )
    running = CadenceRun.objects.filter(lead__in=lead_ids, ended_at=None)
    if not running.exists():
        return
    locked = lock_leads(lead_ids)
    answered = running.filter(Exists(_by_people(answers, now)), lead__in=locked)
    rows = list(answered.values_list("lead_id", "item_id"))
    end_runs([lead for lead, _item in rows], end=CadenceEnd.REPLIED, now=now)
    items = ReviewItem.objects.filter(pk__in=[item for _lead, item in rows], state=ItemState.OWNED)
    items.update(next_task=str(_("They answered")), next_task_at=now, snoozed_until=None)


def _by_people(activities: QuerySet[Activity], now: datetime) -> QuerySet[Activity]:
    """Without those a machine did, as far as is known now."""
    verdict = ActivityVerdict.objects.filter(
        activity=OuterRef("pk"), recorded_at__lte=now
    ).order_by("-recorded_at", "-id")
    is_machine = Coalesce(Subquery(verdict.values("is_machine")[:1]), Value(value=False))
    return activities.annotate(is_machine=is_machine).filter(is_machine=False)


def due_plans(now: datetime) -> QuerySet[NurturePlan]:
    """Waiting plans with a condition that holds at `now`, by id."""
    score = Subquery(LeadScore.objects.filter(lead=OuterRef("lead")).values("total_tenths"))
    return (
        NurturePlan.objects.waiting()
        .annotate(score=score)
        .filter(
            _day_has_come(now)
            | Q(wake_score_tenths__lte=F("score"))
            | (~Q(wake_activity="") & Exists(_activities_since(now)))
        )
        .order_by("pk")
    )


def _day_has_come(now: datetime) -> Q:
    """A day of the plan has begun where the person who chose it is."""
    names = NurturePlan.objects.waiting().values_list("decision__by__time_zone", flat=True)
    condition = Q(pk__in=[])
    for name in names.order_by().distinct():
        today = now.astimezone(zone_named(name)).date()
        has_begun = Q(wake_on__lte=today) | Q(contract_wake_on__lte=today) | Q(latest_on__lte=today)
        condition |= Q(decision__by__time_zone=name) & has_begun
    return condition


def _activities_since(now: datetime) -> QuerySet[Activity]:
    """The awaited activities by people, recorded after the plan was made or changed."""
    awaited = Activity.objects.filter(
        lead=OuterRef("lead"),
        type=OuterRef("wake_activity"),
        recorded_at__gt=OuterRef("since"),
        recorded_at__lte=now,
    )
    return _by_people(awaited, now)


def _wake(plan_ids: Sequence[int], *, now: datetime) -> int:
    """One batch: lock the leads, look again at their plans, enter those that still sleep.

    Entering ends the plan (`queue.enter_queue`); a lead that moved meanwhile needs none. A plan
    that was changed before the lock was had is due no longer and waits on.
    """
    if not plan_ids:
        return 0
    leads = dict(
        Lead.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(pk__in=NurturePlan.objects.filter(pk__in=plan_ids).values("lead"))
        .order_by("pk")
        .values_list("pk", "stage")
    )
    plans = due_plans(now).filter(pk__in=plan_ids, lead__in=leads)
    waiting = set(plans.values_list("lead_id", flat=True))
    asleep = sorted(pk for pk in waiting if leads[pk] == Stage.NURTURE)
    moved = NurturePlan.objects.filter(pk__in=plan_ids, lead__in=set(waiting) - set(asleep))
    end_plans(moved, NurturePlan.State.CANCELLED, now)
    return len(enter_queue(asleep, reason=EntryReason.WOKEN, now=now))
