"""Takes one's own touch back while the time to undo runs: the lead is as the touch found it.

Called by the view. The touch stays as it was made; a row of its own says that it counts no more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ItemState, TimerKind, TimerState
from qualification.exceptions import NotHolder, UndoExpired
from qualification.models import (
    CadenceRun,
    ChecklistAnswer,
    ItemEvent,
    NurturePlan,
    ReviewItem,
    Touch,
    TouchUndo,
)
from qualification.models.review import UNTOUCHED
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.items import (
    kept_moment,
    lease_end,
    log_event,
    refuse_closed,
    refuse_too_late,
)
from qualification.review.touch_found import Found
from qualification.sla.found import go_on
from qualification.sla.levels import show_clocks
from qualification.sla.timers import end_timers

# Verbs by which a person changes what a touch would put back.
PLANNED = ("item:snoozed", "cadence:started", "cadence:stopped")
CLOCK = ("clock:paused", "clock:resumed")


@transaction.atomic
def undo_touch(*, touch: Touch, by: User, now: datetime) -> TouchUndo:
    """Take back one's own touch; returns the row that says so.

    A claim that it turned into ownership is a claim with a fresh lease, under the old clock; next
    task, snooze and step are those of before. Raises PermissionDenied, UndoExpired, NotHolder,
    AlreadyDecided.
    """
    guard.require_right(by, Right.WORK_QUEUE)
    item = guard.lock_item(touch.item)
    touch.refresh_from_db()
    _check_own(touch, item, by=by, now=now)
    _check_unchanged(touch, item, by=by, now=now)
    undo = TouchUndo.objects.create(touch=touch, by=by, at=now)
    if "item" in touch.found:
        _give_back(touch, item, now=now)
    _step_back(touch.found["run"])
    log_event(item=item, verb=UNTOUCHED, by=by, now=now, note=str(touch))
    return undo


def _check_own(touch: Touch, item: ReviewItem, *, by: User, now: datetime) -> None:
    lead = item.lead
    if lead.merged_into_id is not None:
        raise UndoExpired(guard.merged_sentence(lead, by, now))
    if touch.by_id != by.pk:
        raise UndoExpired(
            _("Only %(name)s can take this touch back.") % {"name": guard.person_text(touch.by)}
        )
    if TouchUndo.objects.filter(touch=touch).exists():
        raise UndoExpired(_("This touch was taken back already."))
    if lead.erased_at is not None:
        raise UndoExpired(_("The personal data of this lead were erased."))
    refuse_too_late(touch.at, now=now)
    if not guard.is_visible(lead, by):
        raise UndoExpired(_("This lead belongs to another team now."))


def _check_unchanged(touch: Touch, item: ReviewItem, *, by: User, now: datetime) -> None:
    """Raises what is so instead, when the lead is not as the touch left it."""
    later = Touch.objects.standing().filter(lead=touch.lead_id, pk__gt=touch.pk)
    last = later.select_related("by").order_by("-pk").first()
    if last is not None:
        said = _("%(who)s logged another touch at %(time)s; only the last one can be taken back.")
        raise UndoExpired(said % _who_when(last.by, last.at, by=by, now=now))
    if "item" in touch.found:
        _check_hands(touch, item, by=by, now=now)
    elif not NurturePlan.objects.waiting().filter(pk=touch.found.get("plan")).exists():
        raise UndoExpired(_("This lead is no longer asleep; the touch stays."))
    _check_plans(touch, item, by=by, now=now)


def _check_hands(touch: Touch, item: ReviewItem, *, by: User, now: datetime) -> None:
    refuse_closed(item, by=by, now=now)
    if item.holder_id != by.pk:
        raise NotHolder(guard.holder_sentence(item, by, now))
    if (item.state, item.token) != (ItemState.OWNED, touch.found["item"]["token"]):
        raise UndoExpired(_("This lead has moved on since; the touch stays."))


def _check_plans(touch: Touch, item: ReviewItem, *, by: User, now: datetime) -> None:
    """Raises when somebody planned something else, or the person answered, since."""
    since = ItemEvent.objects.filter(item=item, pk__gt=touch.found["event"], by__isnull=False)
    event = since.filter(verb__in=PLANNED + CLOCK).select_related("by").order_by("-pk").first()
    if event is not None and event.by is not None:
        said = _("%(who)s changed the next task at %(time)s; the touch stays.")
        if event.verb in CLOCK:
            said = _("%(who)s paused the clock or let it go on at %(time)s; the touch stays.")
        raise UndoExpired(said % _who_when(event.by, event.at, by=by, now=now))
    run = touch.found["run"]
    ends = CadenceRun.objects.filter(pk=run["id"], ended_at__isnull=False) if run else None
    if ends is not None and ends.exclude(ended_at=touch.at).exists():
        raise UndoExpired(_("This lead has moved on since; the touch stays."))


def _who_when(who: User, at: datetime, *, by: User, now: datetime) -> dict[str, str]:
    name = _("You") if who == by else guard.person_text(who)
    return {"who": name, "time": guard.time_text(at, now)}


def _give_back(touch: Touch, item: ReviewItem, *, now: datetime) -> None:
    """The item as the touch found it; a claim with a fresh lease, as time passed meanwhile."""
    was = touch.found["item"]
    back: dict[str, Any] = {
        "next_task": was["next_task"],
        **{
            name: kept_moment(was[name])
            for name in ("next_task_at", "snoozed_until", "task_told_at")
        },
        **_framework(touch, item),
    }
    if was["state"] == ItemState.CLAIMED:
        back |= {"state": ItemState.CLAIMED, "owned_at": None, "lease_until": lease_end(now)}
    ReviewItem.objects.filter(pk=item.pk).update(**back)
    if was["state"] == ItemState.CLAIMED:
        _run_on(touch, item, now=now)


def _framework(touch: Touch, item: ReviewItem) -> dict[str, Any]:
    """A checklist chosen by the touch is none again, unless somebody went on with it since."""
    was = touch.found["item"]
    answers = ChecklistAnswer.objects.filter(lead=item.lead_id, recorded_at__gte=touch.at)
    switched = ItemEvent.objects.filter(
        item=item, pk__gt=touch.found["event"], verb="framework:switched"
    )
    if was["framework_id"] is not None or answers.exists() or switched.exists():
        return {}
    return {name: was[name] for name in ("framework_id", "framework_reason")}


def _run_on(touch: Touch, item: ReviewItem, *, now: datetime) -> None:
    """The clock that the ownership stopped runs on; the one it started is nobody's."""
    clocks = touch.found["clocks"]
    if all(clock["kind"] != TimerKind.DECISION for clock in clocks):
        end_timers([item.pk], to=TimerState.CANCELLED, kinds=[TimerKind.DECISION], now=now)
    go_on(clocks, ended_at=touch.at, now=now)
    show_clocks([item.pk], now=now)


def _step_back(run: Found | None) -> None:
    """The step of a cadence is to be done again, when it was due; a run that ended goes on."""
    if run is None:
        return
    CadenceRun.objects.filter(pk=run["id"]).update(
        step=run["step"],
        due_at=kept_moment(run["due_at"]),
        told_at=kept_moment(run["told_at"]),
        ended_at=None,
        end="",
    )
