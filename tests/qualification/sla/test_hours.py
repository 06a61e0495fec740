"""Which calendar counts for a team; versions of calendars: whole, checked, never changed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, transaction

from crm.models import Team, User
from qualification.exceptions import BusinessTimeInvalid
from qualification.models import BusinessCalendar, CalendarVersion, TeamCalendar
from qualification.sla.business_time import due
from qualification.sla.hours import calendar_of, hours_of_teams, write_version
from tests import factories
from tests.qualification.sla.calendar_support import MADE, OFFICE, calendar_for, office

pytestmark = pytest.mark.django_db
SATURDAY = dt.datetime(2026, 11, 21, 15, 0, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_without_a_calendar_of_its_own_a_team_works_around_the_clock(team: Team) -> None:
    hours = hours_of_teams([team.pk])[team.pk]
    assert due(hours.calendar, SATURDAY, 60) == SATURDAY + HOUR
    assert CalendarVersion.objects.get(pk=hours.version_id).calendar.is_default


def test_each_team_has_its_own_in_two_queries(team: Team, django_assert_num_queries: Any) -> None:
    others = [factories.TeamFactory() for _ in range(3)]
    calendar_for(team)
    calendar_for(others[0], office("Europe/Berlin"), name="Berlin")
    with django_assert_num_queries(2):
        hours = hours_of_teams([team.pk, *(other.pk for other in others)])
    found = [due(hours[pk].calendar, SATURDAY, 60) for pk in (team.pk, *(o.pk for o in others))]
    assert found == [MONDAY + HOUR, MONDAY, SATURDAY + HOUR, SATURDAY + HOUR]


def test_the_newest_version_counts(team: Team) -> None:
    first = calendar_for(team)
    second = write_version(
        calendar=first.calendar, content=office(own_holidays=("2026-11-23",)), by=None, now=MADE
    )
    assert (first.version, second.version) == (1, 2)
    hours = hours_of_teams([team.pk])[team.pk]
    assert hours.version_id == second.pk
    assert due(hours.calendar, SATURDAY, 60) == MONDAY + HOUR + dt.timedelta(days=1)


def test_another_calendar_may_become_the_default(team: Team) -> None:
    BusinessCalendar.objects.update(is_default=False)
    with pytest.raises(ImproperlyConfigured, match="No calendar is the default"):
        hours_of_teams([team.pk])
    calendar = BusinessCalendar.objects.create(name="Office", is_default=True)
    write_version(calendar=calendar, content=office(), by=None, now=MADE)
    assert due(hours_of_teams([team.pk])[team.pk].calendar, SATURDAY, 60) == MONDAY + HOUR


def test_holidays_of_a_country_and_region_and_ones_own_are_kept_in_the_version(
    team: Team, people: dict[str, User]
) -> None:
    version = calendar_for(
        team, office("Europe/Berlin", country="DE", region="BY", own_holidays=("2026-12-31",))
    )
    assert {"2026-01-06", "2026-12-25", "2026-12-31", "2036-12-26"} <= set(version.holidays)
    assert "2026-10-31" not in version.holidays  # Reformation Day is none in Bavaria
    epiphany = dt.datetime(2027, 1, 6, 8, 0, tzinfo=dt.UTC)
    assert due(calendar_of(version), epiphany, 60) == epiphany + 25 * HOUR


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"week": {}}, "the calendar never opens"),
        ({"week": {}, "days": {"2026-12-24": [["09:00", "12:00"]]}}, "its week has no opening"),
        ({"week": {"mon": [["09:00", "09:00"]]}}, "is empty"),
        ({"zone": "Nowhere"}, "zone: “Nowhere” is not known"),
        ({"country": "XX"}, "no holidays are known for “XX”"),
        ({"country": "DE", "region": "ZZ"}, "“ZZ” is not known in DE; known are: .*BY"),
        ({"region": "BY"}, "it belongs to a country"),
        ({"own_holidays": ("tomorrow",)}, "“tomorrow” is no date"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    team: Team, change: dict[str, Any], message: str
) -> None:
    version = calendar_for(team)
    with pytest.raises(BusinessTimeInvalid, match=message):
        write_version(calendar=version.calendar, content=office(**change), by=None, now=MADE)
    assert CalendarVersion.objects.filter(calendar=version.calendar).count() == 1


def test_postgres_refuses_to_change_a_version_and_a_second_default(team: Team) -> None:
    version = calendar_for(team)
    for change in (
        lambda: CalendarVersion.objects.filter(pk=version.pk).update(week=OFFICE),
        lambda: CalendarVersion.objects.filter(pk=version.pk).delete(),
    ):
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            change()
    with pytest.raises(IntegrityError), transaction.atomic():
        BusinessCalendar.objects.create(name="Second", is_default=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamCalendar.objects.create(team=team, calendar=version.calendar)
