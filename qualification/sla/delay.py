"""Decides whose time it was until a lead was answered: the system's, people's, or a pause.

Pure arithmetic plus the read of one stay in the queue. The three parts add up to the whole exactly,
on the wall clock and in open time. Called by the lead page, the replay and the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, Q

from qualification.choices import AssignedBy, TimerState
from qualification.models import ReviewItem, SLATimer
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


def delay_of(timer: SLATimer, item: ReviewItem, *, now: datetime) -> StayDelay:
    """The delay so far of the stay that this first-response clock (its pauses fetched) is of."""
    until = timer.stopped_at or now
    received_at, assigned_at = _beginnings(item, until)
    stay = Stay(
        received_at=received_at,
        assigned_at=assigned_at,
        answered_at=until,
        pauses=tuple((pause.started_at, pause.ended_at or until) for pause in timer.pauses.all()),
    )
    calendar = calendars_of_versions([timer.calendar_version_id])[timer.calendar_version_id]
    is_over = timer.state == TimerState.STOPPED
    return StayDelay(wall_delay(stay), open_delay(stay, calendar), is_over)


def _beginnings(item: ReviewItem, until: datetime) -> tuple[datetime, datetime]:
    """When the inquiry came, and when somebody could work it; `until` while it is held. A later
    stay began with its entry."""
    earlier = ReviewItem.objects.filter(lead=item.lead_id, pk__lt=item.pk)
    came_at, is_later, placed_at, placements = (
        ReviewItem.objects.filter(pk=item.pk)
        .annotate(
            is_later=Exists(earlier),
            placed_at=Min("assignments__at", filter=~Q(assignments__how=AssignedBy.HELD)),
            placements=Count("assignments"),
        )
        .values_list("lead__received_at", "is_later", "placed_at", "placements")
        .get()
    )
    received_at = item.entered_at if is_later else min(came_at, item.entered_at)
    return received_at, placed_at or (until if placements else item.entered_at)
