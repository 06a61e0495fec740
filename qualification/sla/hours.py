"""Decides which calendar counts for a team and writes new versions of calendars: the only writer.

Called by the timers, by pages that show clocks, and by the admin. Versions never change.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from crm.models import Team, User
from qualification.exceptions import BusinessTimeInvalid
from qualification.models import BusinessCalendar, CalendarVersion, TeamCalendar
from qualification.sla.calendars import Calendar, read_calendar, read_dates, written_form
from qualification.sla.holidays import public_holidays

# Holidays are worked out from the year before to as far ahead as anything may fall due.
YEARS_BACK, YEARS_AHEAD = 1, 10


@dataclass(frozen=True, slots=True)
class Hours:
    """A calendar and the version that a clock started by it keeps."""

    version_id: int
    calendar: Calendar


def calendar_of(version: CalendarVersion) -> Calendar:
    """The value that the arithmetic works with."""
    return read_calendar(
        {
            "zone": version.zone,
            "week": version.week,
            "holidays": version.holidays,
            "days": version.days,
        }
    )


def hours_of_teams(team_ids: Collection[int]) -> dict[int, Hours]:
    """The newest version of each team's calendar, else of the default, in two queries.

    Raises ImproperlyConfigured when there is no default with a version.
    """
    assigned = dict(
        TeamCalendar.objects.filter(team__in=team_ids).values_list("team_id", "calendar_id")
    )
    wanted = Q(calendar__in=set(assigned.values())) | Q(calendar__is_default=True)
    newest = CalendarVersion.objects.filter(wanted).select_related("calendar")
    versions = list(newest.order_by("calendar_id", "-version").distinct("calendar_id"))
    by_calendar = {row.calendar_id: Hours(row.pk, calendar_of(row)) for row in versions}
    default = next((row.calendar_id for row in versions if row.calendar.is_default), None)
    if default is None:
        raise ImproperlyConfigured("No calendar is the default: choose one in the admin.")
    return {team: by_calendar[assigned.get(team, default)] for team in team_ids}


@dataclass(frozen=True, kw_only=True)
class CalendarContent:
    """What somebody wrote into a calendar, in its written form (JSON values)."""

    zone: str
    week: dict[str, Any]
    country: str = ""
    region: str = ""
    own_holidays: tuple[str, ...] = ()
    days: dict[str, Any] | None = None

    def calendar(self, *, now: datetime) -> Calendar:
        """The checked calendar with every holiday known at `now`. Raises BusinessTimeInvalid when
        it makes no sense or its week never opens."""
        closed: set[date] = set(read_dates(list(self.own_holidays)))
        if self.country:
            years = range(now.year - YEARS_BACK, now.year + YEARS_AHEAD + 1)
            closed.update(public_holidays(self.country, self.region, years))
        elif self.region:
            raise BusinessTimeInvalid(_("region: it belongs to a country"))
        found = read_calendar(
            {
                "zone": self.zone,
                "week": self.week,
                "holidays": sorted(day.isoformat() for day in closed),
                "days": self.days or {},
            }
        )
        if not any(found.week):
            raise BusinessTimeInvalid(_("the calendar never opens: its week has no opening"))
        return found


@transaction.atomic
def write_version(
    *, calendar: BusinessCalendar, content: CalendarContent, by: User | None, now: datetime
) -> CalendarVersion:
    """The next version of a calendar; what it does to clocks that run decides `edits.py`.

    Raises BusinessTimeInvalid.
    """
    written = written_form(content.calendar(now=now))
    BusinessCalendar.objects.select_for_update(no_key=True).get(pk=calendar.pk)
    newest = calendar.versions.aggregate(Max("version"))["version__max"] or 0
    return CalendarVersion.objects.create(
        calendar=calendar,
        version=newest + 1,
        zone=content.zone,
        week=written["week"],
        country=content.country,
        region=content.region,
        own_holidays=sorted(set(content.own_holidays)),
        days=written["days"],
        holidays=written["holidays"],
        created_at=now,
        created_by=by,
    )


@transaction.atomic
def assign_teams(*, calendar: BusinessCalendar, teams: Collection[Team]) -> None:
    """Gives a calendar to exactly these teams; one that had another loses it. What that does to
    clocks that run decides `edits.py`."""
    calendar.teams.exclude(team__in=teams).delete()
    for team in teams:
        TeamCalendar.objects.update_or_create(team=team, defaults={"calendar": calendar})


@transaction.atomic
def make_default(*, calendar: BusinessCalendar) -> None:
    """Makes a calendar that of every team without one of its own."""
    BusinessCalendar.objects.filter(is_default=True).exclude(pk=calendar.pk).update(
        is_default=False
    )
    BusinessCalendar.objects.filter(pk=calendar.pk).update(is_default=True)
    calendar.is_default = True
