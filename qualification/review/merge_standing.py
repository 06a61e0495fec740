"""Ends what a lead stands in when it becomes part of another one, and brings it back.

Called by `merge.py`, under its locks. A merged lead keeps its stage and is nowhere: its item is
closed as merged with its clock, its plan is cancelled, its steps end.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from crm.models import Lead, LeadMerge, User
from qualification.choices import CadenceEnd, CloseReason, ItemState, TimerState
from qualification.models import CadenceRun, NurturePlan, ReviewItem, SLATimer
from qualification.permissions import Right, has_right
from qualification.review import claims
from qualification.review.cadence_runs import end_runs
from qualification.review.items import kept_moment, log_event
from qualification.review.nurture import cancel_plans
from qualification.review.queue import close_item
from qualification.sla.levels import LIVE, show_clocks
from qualification.sla.timers import running


def end_standing(lead: Lead, item: ReviewItem | None, *, by: User, now: datetime) -> dict[str, Any]:
    """Ends it all; what there was, in ids, states and times."""
    plan = NurturePlan.objects.waiting().filter(lead=lead).first()
    runs = CadenceRun.objects.filter(lead=lead, ended_at=None)
    ended: dict[str, Any] = {
        "item": None,
        "plan": None if plan is None else plan.pk,
        "runs": list(runs.values_list("pk", flat=True)),
    }
    if item is not None:
        ended["item"] = _as_it_is(item)
        close_item(item=item, reason=CloseReason.MERGED, by=by, now=now)
    end_runs([lead.pk], end=CadenceEnd.MERGED, now=now)
    cancel_plans(lead=lead, now=now)
    return ended


def _as_it_is(item: ReviewItem) -> dict[str, Any]:
    timers = SLATimer.objects.filter(item=item, state__in=LIVE).order_by("pk")
    return {
        "id": item.pk,
        "state": item.state,
        "lease_until": _text(item.lease_until),
        "timers": [
            # A paused clock was resumed when it ended; it is looked at at once.
            [timer.pk, _text(timer.next_at if timer.state == TimerState.RUNNING else None)]
            for timer in timers
        ],
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def bring_back(merge: LeadMerge, *, now: datetime) -> None:
    """The lead stands where it stood, under its old clock. A claim nobody could go on with is taken
    back as if it ran out."""
    moved = merge.moved
    CadenceRun.objects.filter(pk__in=moved["runs"], end=CadenceEnd.MERGED).update(
        ended_at=None, end=""
    )
    NurturePlan.objects.filter(pk=moved["plan"]).update(
        state=NurturePlan.State.WAITING, ended_at=None
    )
    if moved["item"] is not None:
        _open_again(moved["item"], by=merge.undone_by, now=now)


def _open_again(was: dict[str, Any], *, by: User | None, now: datetime) -> None:
    item = ReviewItem.objects.select_related("holder", "lead").get(pk=was["id"])
    ReviewItem.objects.filter(pk=item.pk).update(
        state=was["state"],
        lease_until=kept_moment(was["lease_until"]),
        closed_at=None,
        close_reason="",
        token=item.token + 1,
    )
    for timer, next_at in was["timers"]:
        SLATimer.objects.filter(pk=timer).update(**running(looked_at=kept_moment(next_at) or now))
    show_clocks([item.pk], now=now)
    log_event(item=item, verb="item:unmerged", by=by, now=now)
    item.refresh_from_db()
    if not _can_go_on(item, now=now):
        claims.take_back(item, note=_("The merge was undone"), now=now)


def _can_go_on(item: ReviewItem, *, now: datetime) -> bool:
    """Whether whoever held it may still: they work the queue, and a claim is one they may have. A
    lease that ran out meanwhile is the sweep's."""
    holder = item.holder
    if holder is None:
        return True
    if not (holder.is_active and has_right(holder, Right.WORK_QUEUE)):
        return False
    if item.team_id not in claims.teams_in_sight(holder):
        return False
    is_claim = item.state == ItemState.CLAIMED
    return not is_claim or claims.live_claims(holder, now=now) <= claims.claim_limit()
