"""Decides what a pause does to a clock: it stands still, and what was left at the pause counts on.

Called by `review/pauses.py` for people and by whatever ends a clock. Lock the item before.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from crm.models import User
from qualification.choices import TimerState
from qualification.models import SLAPause, SLATimer
from qualification.sla.business_time import due_after_pause
from qualification.sla.calendars import Calendar
from qualification.sla.faces import calendars_of_versions
from qualification.sla.levels import record_events


def pause_timer(
    *, timer: SLATimer, reason: str, until: datetime, by: User, now: datetime
) -> SLAPause | None:
    """Stops a running clock until somebody resumes it, or `until` comes. What fell due before
    stands. None when it does not run."""
    record_events([timer.pk], now=now)
    running = SLATimer.objects.filter(pk=timer.pk, state=TimerState.RUNNING)
    if not running.update(state=TimerState.PAUSED, paused_at=now, next_at=until):
        return None
    return SLAPause.objects.create(timer=timer, reason=reason, by=by, started_at=now, until=until)


@dataclass(frozen=True, slots=True)
class Resumed:
    """A clock that goes on, from which moment, and when it stood still."""

    timer: SLATimer
    pause: SLAPause
    at: datetime


def resume_timers(timer_ids: Collection[int], *, now: datetime) -> list[Resumed]:
    """Lets those of these clocks go on that are paused: every time still ahead at the pause moves
    by exactly the open time paused. A pause whose end has passed ended there, not now. Returns
    them; the caller shows them on their items."""
    open_pauses = SLAPause.objects.filter(
        timer__in=timer_ids, timer__state=TimerState.PAUSED, ended_at=None
    )
    pauses = open_pauses.select_related("timer").order_by("timer__item_id", "timer_id")
    found = [
        Resumed(pause.timer, pause, max(pause.started_at, min(now, pause.until)))
        for pause in pauses
    ]
    calendars = calendars_of_versions({one.timer.calendar_version_id for one in found})
    for one in found:
        _go_on(one, calendars[one.timer.calendar_version_id])
    return found


def _go_on(one: Resumed, calendar: Calendar) -> None:
    timer, paused_at = one.timer, one.pause.started_at

    def moved(at: datetime) -> datetime:
        return due_after_pause(calendar, at, paused_at, one.at)

    timer.warn_at, timer.due_at = moved(timer.warn_at), moved(timer.due_at)
    timer.urgent_until = moved(timer.urgent_until)
    timer.escalate_at = [moved(at) for at in timer.escalate_at]
    # The sweep looks at once and finds the next time by itself.
    timer.state, timer.paused_at, timer.next_at = TimerState.RUNNING, None, one.at
    timer.save(
        update_fields=[
            "warn_at",
            "due_at",
            "urgent_until",
            "escalate_at",
            "state",
            "paused_at",
            "next_at",
        ]
    )
    one.pause.ended_at = one.at
    one.pause.save(update_fields=["ended_at"])
