"""Decides what a new version of a calendar, or another calendar for a team, does to the clocks that
run. Called by the admin.

A clock that is stopped, cancelled or due stays as it is. Of the others, what has passed has passed:
the open time left at the edit is laid on the new version. For one that is paused it is the open
time left at the pause.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from crm.models import Team, User
from qualification.choices import TierRank, TimerKind, TimerState
from qualification.models import BusinessCalendar, CalendarVersion, ReviewItem, SLATimer
from qualification.sla.business_time import due, moment_after, open_day, open_time
from qualification.sla.calendars import Calendar
from qualification.sla.faces import calendars_of_versions
from qualification.sla.hours import (
    CalendarContent,
    Hours,
    assign_teams,
    hours_of_teams,
    make_default,
    write_version,
)
from qualification.sla.levels import LIVE, show_clocks
from qualification.sla.policies import policies_by_tier
from qualification.sla.timers import ClockTimes, times_text

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
    minutes = [policy.minutes for policy in policies_by_tier(TimerKind.FIRST_RESPONSE)]
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
    new = calendars_of_versions([version.pk])[version.pk]
    return version, _lay_on(_reached(calendar, now), Hours(version.pk, new), now)


@transaction.atomic
def give_to_teams(*, calendar: BusinessCalendar, teams: Collection[Team], now: datetime) -> int:
    """Gives a calendar to exactly these teams; one that had another loses it. Their clocks follow;
    returns how many are due at another time. Raises BusinessTimeInvalid."""
    before = set(calendar.teams.values_list("team_id", flat=True))
    assign_teams(calendar=calendar, teams=teams)
    return _follow(before ^ {team.pk for team in teams}, now)


@transaction.atomic
def give_to_everybody(*, calendar: BusinessCalendar, now: datetime) -> int:
    """Makes a calendar the default; clocks of every team without one of its own follow. Returns how
    many are due at another time. Raises BusinessTimeInvalid."""
    make_default(calendar=calendar)
    others = Team.objects.filter(calendar=None)
    return _follow(set(others.values_list("pk", flat=True)), now)


def _follow(team_ids: Collection[int], now: datetime) -> int:
    """Lays the clocks of these teams on the calendars the teams have now."""
    moved = 0
    for team_id, hours in hours_of_teams(team_ids).items():
        answering = Q(item__team=team_id) & ~Q(kind=TimerKind.HANDOFF_ACCEPTANCE)
        handed_over = Q(kind=TimerKind.HANDOFF_ACCEPTANCE) & (
            Q(item__decisions__handoff__ae__team=team_id)
            | Q(item__decisions__handoff__team=team_id)
            | Q(item__decisions__handoff__partner__isnull=False, item__team=team_id)
        )
        others = _movable(now).filter(answering | handed_over)
        others = others.exclude(calendar_version=hours.version_id)
        moved += _lay_on(others.order_by("due_at", "pk").distinct(), hours, now)
    return moved


def _lay_on(reached: QuerySet[SLATimer], hours: Hours, now: datetime) -> int:
    """Locks these clocks and moves them; how many are due at another time."""
    pairs = list(reached.values_list("item_id", "pk"))
    item_ids = [item for item, _timer in pairs]
    # Items before clocks, as everybody locks them.
    list(ReviewItem.objects.select_for_update(no_key=True).filter(pk__in=item_ids).order_by("pk"))
    still = _movable(now).filter(pk__in=[pk for _item, pk in pairs])
    locked = list(still.select_for_update(no_key=True).order_by("item_id", "pk"))
    found = _moves(locked, hours.calendar, now)
    _write(found, hours.version_id, now)
    show_clocks(item_ids, now=now)
    return sum(move.is_moved for move in found)


def _movable(now: datetime) -> QuerySet[SLATimer]:
    """Clocks that are not due yet; of a paused one counts what was left at the pause."""
    ahead = Q(state=TimerState.RUNNING, due_at__gt=now)
    return SLATimer.objects.filter(
        ahead | Q(state=TimerState.PAUSED, due_at__gt=F("paused_at")), state__in=LIVE
    )


def _reached(calendar: BusinessCalendar, now: datetime) -> QuerySet[SLATimer]:
    timers = _movable(now).filter(calendar_version__calendar=calendar)
    return timers.select_related("lead").order_by("due_at", "pk")


def _moves(timers: Iterable[SLATimer], new: Calendar, now: datetime) -> list[Move]:
    old = calendars_of_versions({timer.calendar_version_id for timer in timers})
    return [
        Move(timer, _moved(timer, old[timer.calendar_version_id], new, now)) for timer in timers
    ]


def _moved(timer: SLATimer, old: Calendar, new: Calendar, now: datetime) -> ClockTimes:
    start = timer.paused_at or max(now, timer.started_at)

    def moved(at: datetime) -> datetime:
        return moment_after(new, start, open_time(old, start, at))

    due_at = moved(timer.due_at)
    return ClockTimes(
        # One given already stays a fact.
        warn_at=moved(timer.warn_at) if timer.warn_at > start else timer.warn_at,
        due_at=due_at,
        urgent_until=moment_after(new, due_at, open_day(new)),
        escalate_at=tuple(moved(at) for at in timer.escalate_at),
    )


def _write(found: Sequence[Move], version_id: int, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE qualification_slatimer AS t
            SET warn_at = c.warn_at, due_at = c.due_at, urgent_until = c.urgent_until,
                escalate_at = c.escalate_at::timestamptz[], calendar_version_id = %(version)s,
                next_at = CASE WHEN t.state = 'paused' OR t.next_at <= %(now)s THEN t.next_at
                               WHEN %(now)s < c.warn_at THEN c.warn_at ELSE c.due_at END
            FROM unnest(
                %(timers)s::bigint[], %(warns)s::timestamptz[], %(dues)s::timestamptz[],
                %(urgents)s::timestamptz[], %(escalations)s::text[]
            ) AS c (timer, warn_at, due_at, urgent_until, escalate_at)
            WHERE t.id = c.timer
            """,
            {
                "version": version_id,
                "now": now,
                "timers": [move.timer.pk for move in found],
                "warns": [move.times.warn_at for move in found],
                "dues": [move.times.due_at for move in found],
                "urgents": [move.times.urgent_until for move in found],
                "escalations": [times_text(move.times.escalate_at) for move in found],
            },
        )
