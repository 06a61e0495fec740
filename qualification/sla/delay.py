"""Decides whose time it was until a lead was answered: the system's, people's, or a pause.

Pure arithmetic plus the read of one stay in the queue. The three parts add up to the whole exactly,
on the wall clock and in open time. Called by the lead page, the replay and the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from qualification.choices import AssignedBy, TimerKind, TimerState
from qualification.models import Assignment, ReviewItem, SLATimer
from qualification.sla.business_time import open_time
from qualification.sla.calendars import Calendar
from qualification.sla.faces import calendars_of_versions

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Delay:
    """`system`: from the inquiry until somebody could work it. `human`: from there to the first
    touch or decision. `paused`: within both, while the clock stood still."""

    system: timedelta
    human: timedelta
    paused: timedelta

    @property
    def total(self) -> timedelta:
        """From the inquiry to the answer."""
        return self.system + self.human + self.paused


@dataclass(frozen=True, slots=True)
class Stay:
    """The moments of one stay in the queue that a delay is made of; `pauses` do not overlap."""

    received_at: datetime
    assigned_at: datetime
    answered_at: datetime
    pauses: tuple[Span, ...] = ()


def wall_delay(stay: Stay) -> Delay:
    """The delay on the wall clock."""
    return _split(stay, lambda start, end: max(end - start, timedelta(0)))


def open_delay(stay: Stay, calendar: Calendar) -> Delay:
    """The delay in open time of a calendar."""
    return _split(stay, lambda start, end: open_time(calendar, start, end))


def _split(stay: Stay, measure: Callable[[datetime, datetime], timedelta]) -> Delay:
    assigned = max(stay.received_at, min(stay.assigned_at, stay.answered_at))
    system, human = (stay.received_at, assigned), (assigned, stay.answered_at)

    def paused_in(part: Span) -> timedelta:
        spans = ((max(part[0], start), min(part[1], end)) for start, end in stay.pauses)
        return sum((measure(*span) for span in spans), timedelta(0))

    stood = paused_in(system), paused_in(human)
    return Delay(measure(*system) - stood[0], measure(*human) - stood[1], sum(stood, timedelta(0)))


@dataclass(frozen=True, slots=True)
class StayDelay:
    """Both ways to see the delay of a stay; `is_over` once somebody answered."""

    wall: Delay
    open: Delay
    is_over: bool


def delay_of(item: ReviewItem, *, now: datetime) -> StayDelay | None:
    """The delay of a stay so far; None when it never had a first-response clock."""
    timers = SLATimer.objects.filter(item=item, kind=TimerKind.FIRST_RESPONSE)
    timer = timers.prefetch_related("pauses").order_by("-pk").first()
    if timer is None:
        return None
    answered_at = timer.stopped_at if timer.state == TimerState.STOPPED else None
    until = timer.stopped_at or now
    stay = Stay(
        received_at=_received_at(item),
        assigned_at=_assigned_at(item, until),
        answered_at=until,
        pauses=tuple((pause.started_at, pause.ended_at or until) for pause in timer.pauses.all()),
    )
    calendar = calendars_of_versions([timer.calendar_version_id])[timer.calendar_version_id]
    return StayDelay(wall_delay(stay), open_delay(stay, calendar), answered_at is not None)


def _received_at(item: ReviewItem) -> datetime:
    """When the inquiry came; a later stay began with its entry."""
    is_first = not ReviewItem.objects.filter(lead=item.lead_id, pk__lt=item.pk).exists()
    return min(item.lead.received_at, item.entered_at) if is_first else item.entered_at


def _assigned_at(item: ReviewItem, until: datetime) -> datetime:
    """When somebody could work it first: it was not held any longer; `until` while it is."""
    decided = list(
        Assignment.objects.filter(item=item).order_by("at", "pk").values_list("how", "at")
    )
    if not decided:
        return item.entered_at
    return next((at for how, at in decided if how != AssignedBy.HELD), until)
