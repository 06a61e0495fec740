"""What a verb that can be taken back keeps of the clocks it ends, and how they go on as they were.

Called by `review/touch_found.py` and `review/touch_undo.py`, under the lock of the item.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from qualification.choices import TimerState
from qualification.models import ReviewItem, SLAFollowUp, SLAPause, SLATimer
from qualification.sla.levels import LIVE
from qualification.sla.timers import running

# What ending a pause moves.
TIMES = ("warn_at", "due_at", "urgent_until", "paused_at")

Clock = dict[str, Any]


def clocks_of(item: ReviewItem) -> list[Clock]:
    """The live clocks of an item as plain JSON; of a paused one its pause and its times."""
    timers = SLATimer.objects.filter(item=item, state__in=LIVE).order_by("pk")
    return [
        {"id": timer.pk, "kind": timer.kind}
        | ({"pause": _pause(timer)} if timer.state == TimerState.PAUSED else {})
        for timer in timers
    ]


def _pause(timer: SLATimer) -> Clock:
    pause = SLAPause.objects.get(timer=timer, ended_at=None)
    times = {name: getattr(timer, name).isoformat() for name in TIMES}
    escalate_at = [at.isoformat() for at in timer.escalate_at]
    return {"id": pause.pk, "until": pause.until.isoformat(), "escalate_at": escalate_at, **times}


def go_on(clocks: Sequence[Clock], *, ended_at: datetime, now: datetime) -> None:
    """Those of the found clocks that were stopped at `ended_at` go on with their old times, or
    stand still where they did; the sweep looks at once."""
    for clock in clocks:
        stopped = SLATimer.objects.filter(
            pk=clock["id"], state=TimerState.STOPPED, stopped_at=ended_at
        )
        pause = clock.get("pause")
        if pause is not None and _time(pause["until"]) > ended_at:
            is_live = stopped.update(**running(looked_at=_time(pause["until"])) | _still(pause))
            SLAPause.objects.filter(pk=pause["id"], ended_at=ended_at).update(ended_at=None)
        else:
            is_live = stopped.update(**running(looked_at=now))
        if is_live:
            _ask_again(clock["id"], since=ended_at, now=now)


def _still(pause: Clock) -> dict[str, Any]:
    times: dict[str, Any] = {name: _time(pause[name]) for name in TIMES}
    escalate_at = [_time(text) for text in pause["escalate_at"]]
    return {**times, "escalate_at": escalate_at, "state": TimerState.PAUSED}


def _ask_again(timer_id: int, *, since: datetime, now: datetime) -> None:
    """What its policy asks for is to be done that came too late only because the clock stood."""
    SLAFollowUp.objects.filter(
        event__timer=timer_id, outcome=SLAFollowUp.Outcome.TOO_LATE, done_at__gte=since
    ).update(done_at=None, outcome="", due_at=now)


def _time(text: str) -> datetime:
    at = parse_datetime(text)
    assert at is not None  # noqa: S101 - written by `clocks_of`
    return at
