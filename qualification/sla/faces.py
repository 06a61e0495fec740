"""What a clock shows at a moment: the open time left, and when it starts or goes on while closed.

Called by the pages that show clocks. Calendar versions never change, so a process reads each once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from crm.models import Team
from qualification.models import BusinessCalendar, CalendarVersion, ReviewItem, SLATimer
from qualification.sla.business_time import is_open, moment_after, next_open, open_time
from qualification.sla.calendars import Calendar
from qualification.sla.hours import calendar_of
from qualification.sla.levels import LIVE

_known: dict[int, Calendar] = {}


@dataclass(frozen=True, slots=True)
class Face:
    """`left` is open time, below zero once breached (then in plain time). `opens_at` is set while
    the calendar is closed; `has_begun` says whether any open time has passed since the start."""

    left: timedelta
    opens_at: datetime | None
    has_begun: bool


def face_of(calendar: Calendar, *, started_at: datetime, due_at: datetime, now: datetime) -> Face:
    """The face of a clock on this calendar."""
    if due_at <= now:
        return Face(left=due_at - now, opens_at=None, has_begun=True)
    opens_at = next_open(calendar, now)
    return Face(
        left=open_time(calendar, now, due_at),
        opens_at=opens_at if opens_at > now else None,
        has_begun=open_time(calendar, started_at, now) > timedelta(0),
    )


def calendars_of_versions(version_ids: Collection[int]) -> dict[int, Calendar]:
    """The calendars of these versions; those new to the process in one query."""
    missing = set(version_ids) - _known.keys()
    if missing:
        rows = CalendarVersion.objects.filter(pk__in=missing)
        _known.update({row.pk: calendar_of(row) for row in rows})
    return {pk: _known[pk] for pk in version_ids}


@dataclass(frozen=True, slots=True)
class Horizon:
    """What the clocks of a team look like now: standing while it is closed, else burning when they
    are due by `soon`."""

    team_id: int
    is_open: bool
    soon: datetime


def horizons(*, within: timedelta, now: datetime) -> list[Horizon]:
    """The horizon of every team, so much open time away; the calendars in one query."""
    versions, calendars = _calendars_of_teams()
    shown = {
        pk: (is_open(calendar, now), moment_after(calendar, now, within))
        for pk, calendar in calendars.items()
    }
    return [Horizon(team, *shown[version]) for team, version in sorted(versions.items())]


def open_teams(*, now: datetime) -> frozenset[int]:
    """The teams whose calendar is open at this moment, in one query."""
    versions, calendars = _calendars_of_teams()
    opened = {pk for pk, calendar in calendars.items() if is_open(calendar, now)}
    return frozenset(team for team, version in versions.items() if version in opened)


def _calendars_of_teams() -> tuple[dict[int, int], dict[int, Calendar]]:
    """The newest calendar version of every team, and the calendars of those versions."""
    default = BusinessCalendar.objects.filter(is_default=True).values("pk")[:1]
    own = Coalesce(OuterRef("calendar__calendar"), Subquery(default))
    newest = CalendarVersion.objects.filter(calendar=own).order_by("-version").values("pk")[:1]
    versions = dict(Team.objects.annotate(hours=Subquery(newest)).values_list("pk", "hours"))
    return versions, calendars_of_versions(set(versions.values()))


def face_of_timer(timer: SLATimer, *, now: datetime) -> Face:
    """The face of one clock; of a paused one as it was when it was stopped."""
    version = timer.calendar_version_id
    calendar = calendars_of_versions([version])[version]
    at = timer.paused_at or now
    return face_of(calendar, started_at=timer.started_at, due_at=timer.due_at, now=at)


def with_calendars(items: QuerySet[ReviewItem]) -> QuerySet[ReviewItem]:
    """The items with `clock_calendar`, the calendar version their live clock counts by, for
    `faces_of`."""
    live = SLATimer.objects.filter(item=OuterRef("pk"), state__in=LIVE)
    return items.annotate(clock_calendar=Subquery(live.values("calendar_version")[:1]))


def faces_of(items: Iterable[ReviewItem], *, now: datetime) -> dict[int, Face]:
    """The faces of the live clocks of these items (from `with_calendars`), by item."""
    version_of = {item: getattr(item, "clock_calendar", None) for item in items}
    calendars = calendars_of_versions({pk for pk in version_of.values() if pk is not None})
    return {
        item.pk: face_of(calendars[pk], started_at=item.entered_at, due_at=item.due_at, now=now)
        for item, pk in version_of.items()
        if pk is not None
    }
