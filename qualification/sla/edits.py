"""Decides what a new version of a calendar does to the clocks that run. Called by the admin.

A clock that is stopped, cancelled or due stays as it is. Of the others, what has passed has passed:
the open time left at the edit is laid on the new version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import QuerySet

from crm.models import User
from qualification.choices import TierRank, TimerKind
from qualification.models import BusinessCalendar, CalendarVersion, ReviewItem, SLATimer
from qualification.sla.business_time import due, moment_after, open_day, open_time
from qualification.sla.calendars import Calendar
from qualification.sla.faces import calendars_of_versions
from qualification.sla.hours import CalendarContent, write_version
from qualification.sla.timers import LIVE, ClockTimes, policies, show_clocks

# (weekday, time) of the arrivals a preview shows: at work, before the weekend, in it, at night.
ARRIVALS = ((0, time(10)), (4, time(17, 30)), (5, time(15)), (6, time(23, 30)))


@dataclass(frozen=True, slots=True)
class Move:
    """A clock and the times it gets."""

    timer: SLATimer
    times: ClockTimes

    @property
    def is_moved(self) -> bool:
        """Whether it will be due at another time."""
        return self.times.due_at != self.timer.due_at


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a lead that arrives at `at` is due, by tier; all in the zone of the calendar."""

    at: datetime
    due_at: tuple[tuple[TierRank, datetime], ...]


def arrivals(calendar: Calendar, *, now: datetime) -> list[Arrival]:
    """What the calendar means for leads of the coming week. Raises BusinessTimeInvalid."""
    zone = ZoneInfo(calendar.zone)
    today = now.astimezone(zone).date()
    minutes = [policy.minutes for policy in policies(TimerKind.FIRST_RESPONSE)]
    found = []
    for weekday, clock in ARRIVALS:
        date = today + timedelta(days=(weekday - today.weekday()) % 7)
        at = datetime.combine(date, clock, zone)
        times = tuple(
            (rank, due(calendar, at, minutes[rank]).astimezone(zone))
            for rank in TierRank
            if rank is not TierRank.NONE
        )
        found.append(Arrival(at=at, due_at=times))
    return sorted(found, key=lambda arrival: arrival.at)


def moves(calendar: BusinessCalendar, content: CalendarContent, *, now: datetime) -> list[Move]:
    """What an edit would do to every clock it reaches, the first due first. Changes nothing.

    Raises BusinessTimeInvalid.
    """
    return _moves(_reached(calendar, now), content.calendar(now=now), now)


@transaction.atomic
def edit_calendar(
    *, calendar: BusinessCalendar, content: CalendarContent, by: User | None, now: datetime
) -> tuple[CalendarVersion, int]:
    """Writes the next version and moves the clocks it reaches; returns it and how many are due at
    another time. Raises BusinessTimeInvalid."""
    version = write_version(calendar=calendar, content=content, by=by, now=now)
    reached = list(_reached(calendar, now).values_list("item_id", "pk"))
    item_ids = [item for item, _timer in reached]
    # Items before clocks, as everybody locks them.
    list(ReviewItem.objects.select_for_update(no_key=True).filter(pk__in=item_ids).order_by("pk"))
    locked = list(
        SLATimer.objects.select_for_update(no_key=True)
        .filter(pk__in=[pk for _item, pk in reached], state__in=LIVE, due_at__gt=now)
        .order_by("item_id", "pk")
    )
    found = _moves(locked, calendars_of_versions([version.pk])[version.pk], now)
    _write(found, version, now)
    show_clocks(item_ids, now=now)
    return version, sum(move.is_moved for move in found)


def _reached(calendar: BusinessCalendar, now: datetime) -> QuerySet[SLATimer]:
    timers = SLATimer.objects.filter(
        calendar_version__calendar=calendar, state__in=LIVE, due_at__gt=now
    )
    return timers.select_related("lead").order_by("due_at", "pk")


def _moves(timers: Iterable[SLATimer], new: Calendar, now: datetime) -> list[Move]:
    old = calendars_of_versions({timer.calendar_version_id for timer in timers})
    return [
        Move(timer, _moved(timer, old[timer.calendar_version_id], new, now)) for timer in timers
    ]


def _moved(timer: SLATimer, old: Calendar, new: Calendar, now: datetime) -> ClockTimes:
    start = max(now, timer.started_at)
    due_at = moment_after(new, start, open_time(old, start, timer.due_at))
    warn_at = timer.warn_at
    if warn_at > now:  # one given already stays a fact
        warn_at = moment_after(new, start, open_time(old, start, warn_at))
    return ClockTimes(warn_at, due_at, moment_after(new, due_at, open_day(new)))


def _write(found: Sequence[Move], version: CalendarVersion, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE qualification_slatimer AS t
            SET warn_at = c.warn_at, due_at = c.due_at, urgent_until = c.urgent_until,
                calendar_version_id = %(version)s,
                next_at = CASE WHEN %(now)s < c.warn_at THEN c.warn_at ELSE c.due_at END
            FROM unnest(
                %(timers)s::bigint[], %(warns)s::timestamptz[], %(dues)s::timestamptz[],
                %(urgents)s::timestamptz[]
            ) AS c (timer, warn_at, due_at, urgent_until)
            WHERE t.id = c.timer
            """,
            {
                "version": version.pk,
                "now": now,
                "timers": [move.timer.pk for move in found],
                "warns": [move.times.warn_at for move in found],
                "dues": [move.times.due_at for move in found],
                "urgents": [move.times.urgent_until for move in found],
            },
        )
