"""What the header of a lead shows of its clock: the one that runs, why, and who took how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from qualification.choices import TimerKind, TimerState
from qualification.models import ReviewItem, SLAPause, SLAPolicy, SLATimer
from qualification.sla.delay import StayDelay, delay_of
from qualification.sla.faces import Face, face_of_timer
from qualification.sla.levels import LIVE


@dataclass(frozen=True)
class Clock:
    """The clock of the header: a running one with the policy that gave it its time, or how long the
    first answer took."""

    kind: str = ""
    due_at: datetime | None = None
    face: Face | None = None
    policy: SLAPolicy | None = None
    pause: SLAPause | None = None
    answered_after: timedelta | None = None
    was_late: bool = False
    delay: StayDelay | None = None

    @property
    def due_format(self) -> str:
        """Enough of the due time to know the day."""
        due_at = self.due_at and timezone.localtime(self.due_at)
        return "H:i" if due_at is None or due_at.date() == timezone.localdate() else "D j M H:i"

    @property
    def is_running(self) -> bool:
        """Whether something is still due."""
        return self.due_at is not None

    @property
    def is_paused(self) -> bool:
        """Whether it stands still because somebody stopped it."""
        return self.pause is not None


def clock_of(item: ReviewItem | None, *, now: datetime) -> Clock:
    """The clock that runs, else how long the first answer of this stay took."""
    if item is None:
        return Clock()
    rows = SLATimer.objects.filter(item=item).order_by("-started_at", "-pk")
    policies = ("policy__source", "policy__segment", "policy__team")
    timers = list(rows.select_related(*policies).prefetch_related("pauses__by"))
    live = next((timer for timer in timers if timer.state in LIVE), None)
    first = next((timer for timer in timers if timer.kind == TimerKind.FIRST_RESPONSE), None)
    answered_at = None
    if first is not None and first.state == TimerState.STOPPED:
        answered_at = first.stopped_at
    return Clock(
        kind=live.kind if live else "",
        due_at=live.due_at if live else None,
        face=face_of_timer(live, now=now) if live else None,
        policy=live.policy if live else None,
        pause=_open_pause(live) if live else None,
        answered_after=answered_at - first.started_at if first and answered_at else None,
        was_late=bool(first and answered_at and answered_at > first.due_at),
        delay=delay_of(first, item, now=now) if first else None,
    )


def _open_pause(timer: SLATimer) -> SLAPause | None:
    return next((pause for pause in timer.pauses.all() if pause.ended_at is None), None)
