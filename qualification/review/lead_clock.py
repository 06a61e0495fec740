"""What the header of a lead shows of its clock: the one that runs, and on asking why it has this
time and who took how long."""

from __future__ import annotations

from collections.abc import Sequence
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
    """The clock of the header: a running one, or how long the first answer took. `has_story`:
    there is something to tell about it, see `story_of`."""

    kind: str = ""
    due_at: datetime | None = None
    face: Face | None = None
    pause: SLAPause | None = None
    answered_after: timedelta | None = None
    was_late: bool = False
    has_story: bool = False

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


@dataclass(frozen=True)
class Story:
    """Why a clock has the time it has, and whose time passed so far."""

    policy: SLAPolicy | None = None
    delay: StayDelay | None = None


def clock_of(item: ReviewItem | None, *, now: datetime) -> Clock:
    """The clock that runs, else how long the first answer of this stay took."""
    if item is None:
        return Clock()
    timers = list(SLATimer.objects.filter(item=item).order_by("-started_at", "-pk"))
    live, first = _live(timers), _first(timers)
    answered_at = None
    if first is not None and first.state == TimerState.STOPPED:
        answered_at = first.stopped_at
    return Clock(
        kind=live.kind if live else "",
        due_at=live.due_at if live else None,
        face=face_of_timer(live, now=now) if live else None,
        pause=_open_pause(live) if live else None,
        answered_after=answered_at - first.started_at if first and answered_at else None,
        was_late=bool(first and answered_at and answered_at > first.due_at),
        has_story=bool(first or (live and live.policy_id)),
    )


def story_of(item: ReviewItem | None, *, now: datetime) -> Story:
    """The policy of the clock that runs, and the delay until the first answer of this stay."""
    if item is None:
        return Story()
    rows = SLATimer.objects.filter(item=item).order_by("-started_at", "-pk")
    policies = ("policy__source", "policy__segment", "policy__team")
    timers = list(rows.select_related(*policies).prefetch_related("pauses"))
    live, first = _live(timers), _first(timers)
    return Story(
        policy=live.policy if live else None,
        delay=delay_of(first, item, now=now) if first else None,
    )


def _live(timers: Sequence[SLATimer]) -> SLATimer | None:
    return next((timer for timer in timers if timer.state in LIVE), None)


def _first(timers: Sequence[SLATimer]) -> SLATimer | None:
    kind = TimerKind.FIRST_RESPONSE
    return next((timer for timer in timers if timer.kind == kind), None)


def _open_pause(timer: SLATimer) -> SLAPause | None:
    if timer.state != TimerState.PAUSED:
        return None
    return SLAPause.objects.filter(timer=timer, ended_at=None).select_related("by").first()
