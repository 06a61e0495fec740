"""Decides when a nurtured lead comes back: the wake conditions of a plan, changed or ended by hand.

Called by `decisions.py`, `undo.py` and the nurture pages; the waking itself is in `waking.py`. Both
and the door of the queue are the only writers of NurturePlan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from crm.models import Lead, User
from qualification.choices import EntryReason
from qualification.exceptions import DecisionIncomplete, NotHolder, PlanEnded
from qualification.models import Decision, LeadScore, NurturePlan
from qualification.permissions import Right, has_right
from qualification.review import guard
from qualification.review.items import lock_leads, log_event
from qualification.review.queue import enter_queue
from qualification.scoring.points import points_text


@dataclass(frozen=True, kw_only=True)
class WakeWish:
    """What a person chose: any of a day, an activity, a rise of the score (tenths above the score
    at the decision) and a lead time before the end of a contract; and the latest day."""

    on: date | None = None
    activity: str = ""
    rise_tenths: int | None = None
    contract_ends_on: date | None = None
    contract_lead_days: int = 0
    latest_on: date | None = None


@dataclass(frozen=True)
class Wake:
    """What wakes a lead, whichever comes first, and the day it comes back in any case."""

    on: date | None
    activity: str
    score_tenths: int | None
    contract_ends_on: date | None
    contract_wake_on: date | None
    latest_on: date


@dataclass(frozen=True)
class Scores:
    """The score at the decision, the score now and the highest there can be, in tenths."""

    at_decision: int
    now: int
    most: int | None


def wake_of(wish: WakeWish, *, scores: Scores, now: datetime) -> Wake:
    """The checked wake conditions. Raises DecisionIncomplete naming what is missing, out of reach
    or not in the future."""
    today = timezone.localtime(now).date()
    contract = _contract_day(wish, today=today)
    score = _score_needed(wish, scores)
    days = [day for day in (wish.on, contract) if day is not None]
    if not days and not wish.activity.strip() and score is None:
        raise DecisionIncomplete(
            _("Choose when this lead wakes up: a date, an event, a score or a contract end.")
        )
    if wish.on is not None and wish.on <= today:
        raise DecisionIncomplete(_("The wake-up date must be in the future."))
    latest = wish.latest_on or max(default_latest(now), *days, today)
    if latest <= today or any(latest < day for day in days):
        raise DecisionIncomplete(_("The latest date must not be before the wake-up date."))
    ends_on = wish.contract_ends_on if contract else None
    return Wake(wish.on, wish.activity.strip(), score, ends_on, contract, latest)


def default_latest(now: datetime) -> date:
    """The day a nurtured lead comes back in any case, unless somebody chose another."""
    return timezone.localtime(now).date() + timedelta(days=settings.LEADQUAL["NURTURE_DAYS"])


def _contract_day(wish: WakeWish, *, today: date) -> date | None:
    if wish.contract_ends_on is None:
        return None
    day = wish.contract_ends_on - timedelta(days=wish.contract_lead_days)
    if day <= today:
        raise DecisionIncomplete(
            _("The contract ends too soon for this lead time: it would wake at once.")
        )
    return day


def _score_needed(wish: WakeWish, scores: Scores) -> int | None:
    if wish.rise_tenths is None:
        return None
    needed = scores.at_decision + wish.rise_tenths
    if wish.rise_tenths <= 0 or needed <= scores.now:
        raise DecisionIncomplete(_("The score to wake up at must be above the score of today."))
    if scores.most is not None and needed > scores.most:
        raise DecisionIncomplete(
            _("No score rises above %(most)s: choose a smaller rise.")
            % {"most": points_text(scores.most)}
        )
    return needed


def plan_nurture(*, decision: Decision, wake: Wake, now: datetime) -> NurturePlan:
    """The waiting plan of a nurture decision."""
    return NurturePlan.objects.create(
        lead=decision.lead, decision=decision, since=now, **_columns(wake)
    )


def _columns(wake: Wake) -> dict[str, date | str | int | None]:
    return {
        "wake_on": wake.on,
        "wake_activity": wake.activity,
        "wake_score_tenths": wake.score_tenths,
        "contract_ends_on": wake.contract_ends_on,
        "contract_wake_on": wake.contract_wake_on,
        "latest_on": wake.latest_on,
    }


@transaction.atomic
def change_plan(*, plan: NurturePlan, by: User, wish: WakeWish, now: datetime) -> NurturePlan:
    """Other wake conditions from now on; what happened before wakes nobody.

    Raises PermissionDenied, NotHolder (only who nurtured it, or a manager), PlanEnded,
    DecisionIncomplete.
    """
    locked = lock_plan(plan, by=by)
    decision = locked.decision
    current = LeadScore.objects.filter(lead=locked.lead_id).first()
    scores = Scores(
        at_decision=decision.total_tenths,
        now=current.total_tenths if current else 0,
        most=int(decision.model.total_max * 10) if decision.model else None,
    )
    wake = wake_of(wish, scores=scores, now=now)
    NurturePlan.objects.filter(pk=locked.pk).update(since=now, **_columns(wake))
    log_event(item=decision.item, verb="plan:changed", by=by, now=now, note=words_of(wake))
    locked.refresh_from_db()
    return locked


@transaction.atomic
def take_back(*, plan: NurturePlan, by: User, now: datetime) -> int:
    """The lead comes back into the queue now, with a fresh clock; the id of its item.

    Raises PermissionDenied, NotHolder, PlanEnded (it woke or was taken back meanwhile).
    """
    locked = lock_plan(plan, by=by)
    items = enter_queue([locked.lead_id], reason=EntryReason.TAKEN_BACK, by=by, now=now)
    if not items:
        raise PlanEnded(_("This lead is no longer asleep."))
    return items[0]


def lock_plan(plan: NurturePlan, *, by: User) -> NurturePlan:
    """The waiting plan under the lock of its lead, which every waker takes first."""
    guard.require_right(by, Right.WORK_QUEUE)
    lock_leads([plan.lead_id])
    locked = NurturePlan.objects.select_related(
        "decision__by", "decision__item", "decision__model", "lead"
    ).get(pk=plan.pk)
    if not may_change(locked, by) or not guard.is_visible(locked.lead, by):
        raise NotHolder(
            _("Only %(name)s or a manager can change this plan.")
            % {"name": guard.person_text(locked.decision.by)}
        )
    if locked.state != NurturePlan.State.WAITING:
        raise PlanEnded(_("This lead is no longer asleep."))
    return locked


def may_change(plan: NurturePlan, user: User) -> bool:
    """Whether this person nurtured the lead, or manages those who do."""
    return plan.decision.by_id == user.pk or has_right(user, Right.REASSIGN)


def cancel_plans(*, lead: Lead, now: datetime) -> int:
    """Ends the waiting plan of a lead that is decided anew or whose decision was undone; returns
    how many."""
    return end_plans(lead.nurture_plans.all(), NurturePlan.State.CANCELLED, now)


def end_plans(plans: QuerySet[NurturePlan], state: NurturePlan.State, now: datetime) -> int:
    """Ends those that wait; returns how many."""
    waiting = plans.filter(state=NurturePlan.State.WAITING)
    return waiting.update(state=state, ended_at=now)


def words_of(wake: Wake) -> str:
    """The conditions in one line, such as `4 Dec 2026, page view or score 60.0; latest …`."""
    parts = [day_text(wake.on)] if wake.on else []
    if wake.contract_wake_on and wake.contract_ends_on:
        parts.append(
            _("%(day)s, before the contract ends on %(end)s")
            % {"day": day_text(wake.contract_wake_on), "end": day_text(wake.contract_ends_on)}
        )
    if wake.activity:
        parts.append(wake.activity.replace("_", " "))
    if wake.score_tenths is not None:
        parts.append(_("score %(points)s") % {"points": points_text(wake.score_tenths)})
    return _("%(conditions)s; at the latest %(day)s") % {
        "conditions": (" " + _("or") + " ").join(parts),
        "day": day_text(wake.latest_on),
    }


def day_text(day: date) -> str:
    """A day in words, such as `4 Dec 2026`."""
    return formats.date_format(day, "j M Y")
