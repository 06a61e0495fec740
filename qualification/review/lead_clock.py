"""What the header of a lead shows of its clock: the one that runs, and on asking why it has this
time and who took how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from qualification.choices import TimerKind, TimerState
from qualification.models import ReviewItem, SLAPause, SLAPolicy, SLATimer
from qualification.sla.delay import StayDelay, delay_of
from qualification.sla.faces import Face, face_of_timer
from qualification.sla.levels import LIVE


@dataclass(frozen=True)
class Pause:
    """That somebody stopped the clock, until when at the latest, and why."""

    by: str
    until: datetime
    reason: str


@dataclass(frozen=True)
class Clock:
    """The clock of the header at a moment, `at`: a running one, or how long the first answer took.
    `has_story`: there is something to tell about it, see `story_of`."""

    at: datetime
    kind: str = ""
    due_at: datetime | None = None
    face: Face | None = None
    pause: Pause | None = None
    answered_after: timedelta | None = None
    was_late: bool = False
    has_story: bool = False

    @property
    def due_format(self) -> str:
        """Enough of the due time to know the day."""
        due_at = self.due_at and timezone.localtime(self.due_at)
        is_today = due_at is None or due_at.date() == timezone.localtime(self.at).date()
        return "H:i" if is_today else "D j M H:i"

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
        return Clock(at=now)
    timers = list(SLATimer.objects.filter(item=item).order_by("-started_at", "-pk"))
    live, first = _live(timers), _first(timers)
    answered_at = None
    if first is not None and first.state == TimerState.STOPPED:
        answered_at = first.stopped_at
    return Clock(
        at=now,
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


def _open_pause(timer: SLATimer) -> Pause | None:
    if timer.state != TimerState.PAUSED:
        return None
    found = SLAPause.objects.filter(timer=timer, ended_at=None).select_related("by").first()
    return None if found is None else Pause(str(found.by), found.until, found.reason)


def clock_as_json(clock: Clock) -> dict[str, Any]:
    """A clock as plain values, to be kept with a decision; times in ISO, lengths in seconds."""
    return {name: _plain(value) for name, value in asdict(clock).items() if name != "has_story"}


def clock_from_json(kept: dict[str, Any]) -> Clock:
    """A kept clock as it was."""
    face, pause, seconds = kept["face"], kept.get("pause"), kept["answered_after"]
    return Clock(
        at=_moment(kept["at"]),
        kind=kept["kind"],
        due_at=_moment(kept["due_at"]) if kept["due_at"] else None,
        face=None
        if face is None
        else Face(
            left=timedelta(seconds=face["left"]),
            opens_at=_moment(face["opens_at"]) if face["opens_at"] else None,
            has_begun=face["has_begun"],
        ),
        pause=None if pause is None else Pause(**{**pause, "until": _moment(pause["until"])}),
        answered_after=None if seconds is None else timedelta(seconds=seconds),
        was_late=kept["was_late"],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, datetime) else value


def _moment(text: str) -> datetime:
    found = parse_datetime(text)
    if found is None:
        raise ValueError(text)
    return timezone.localtime(found)
