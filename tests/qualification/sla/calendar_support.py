"""Calendars as rows for tests."""

from __future__ import annotations

import datetime as dt

from crm.models import Team
from qualification.models import BusinessCalendar, CalendarVersion, TeamCalendar
from qualification.sla.hours import CalendarContent, write_version

OFFICE = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
MADE = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def office(zone: str = "UTC", **more: object) -> CalendarContent:
    """Monday to Friday 09–18 unless said otherwise."""
    return CalendarContent(**{"zone": zone, "week": OFFICE, **more})  # type: ignore[arg-type]


def calendar_for(
    team: Team, content: CalendarContent | None = None, *, name: str = "Office"
) -> CalendarVersion:
    """A calendar with one version, given to a team."""
    calendar = BusinessCalendar.objects.create(name=name)
    TeamCalendar.objects.create(team=team, calendar=calendar)
    return write_version(calendar=calendar, content=content or office(), by=None, now=MADE)
