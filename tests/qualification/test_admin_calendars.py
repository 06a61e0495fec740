"""The calendar editor: shows what an edit means and moves, saves on the second look, refuses
nonsense, is the admin's alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client

from crm.models import Team, User
from qualification.models import BusinessCalendar, CalendarVersion, TeamCalendar
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import calendar_for

pytestmark = pytest.mark.django_db
SATURDAY = dt.datetime(2026, 11, 21, 14, 0, tzinfo=dt.UTC)
ADD = "/admin/qualification/businesscalendar/add/"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    """The test client as an admin."""
    return login(people["admin"])


def written(week: dict[str, list[tuple[str, str]]] | None = None, **more: Any) -> dict[str, Any]:
    """The form as a browser sends it: Monday to Friday 09–18 unless said otherwise."""
    week = {day: [("09:00", "18:00")] for day in WEEKDAYS[:5]} if week is None else week
    data: dict[str, Any] = {"name": "Office", "zone": "Europe/Berlin", **more}
    for day in WEEKDAYS:
        openings = [*week.get(day, []), ("", "")]
        data[f"week-{day}-opens"] = [opening[0] for opening in openings]
        data[f"week-{day}-closes"] = [opening[1] for opening in openings]
    return data


def save(client: Client, path: str, data: dict[str, Any]) -> Any:
    """Both looks: the first answer is the preview, whose digest goes with the second."""
    seen = client.post(path, data).context["adminform"].form.data["seen"]
    return client.post(path, data | {"seen": seen})


def path_of(calendar: BusinessCalendar) -> str:
    return f"/admin/qualification/businesscalendar/{calendar.pk}/change/"


def test_a_new_calendar_is_saved_on_the_second_look(admin: Client, team: Team) -> None:
    data = written(teams=[team.pk], country="de", region="by", days="2026-12-24 09:00–12:00")
    with time_machine.travel(SATURDAY, tick=False):
        first = admin.post(ADD, data)
        html = first.content.decode()
        assert not BusinessCalendar.objects.filter(name="Office").exists()
        assert "Nothing is saved yet" in html
        # Saturday 15:00 in Berlin: hot is due Monday 09:15, cold eight hours after nine.
        assert "Sat 21 Nov 15:00" in html
        assert "Mon 23 Nov 09:15" in html
        assert "Mon 23 Nov 17:00" in html
        assert "No open clock moves." in html
        assert save(admin, ADD, data).status_code == 302
    version = CalendarVersion.objects.get(calendar__name="Office")
    assert (version.version, version.country, version.region) == (1, "DE", "BY")
    assert version.days == {"2026-12-24": [["09:00", "12:00"]]}
    assert "2027-01-06" in version.holidays
    assert version.created_by is not None
    assert TeamCalendar.objects.get(team=team).calendar == version.calendar


def test_the_clocks_an_edit_would_move_are_listed_before_it_is_saved(
    admin: Client, team: Team
) -> None:
    calendar = calendar_for(team).calendar
    lead = rows.scored_lead(tier="hot", team=team, first_name="Ida", last_name="Moved")
    item = rows.enter_queue([lead.pk], reason=rows.EntryReason.THRESHOLD, now=SATURDAY)[0]
    data = written(zone="UTC", own_holidays="2026-11-23", teams=[team.pk])
    with time_machine.travel(SATURDAY, tick=False):
        html = admin.post(path_of(calendar), data).content.decode()
        assert "1 open clock moves" in html
        assert "Ida Moved" in html
        assert "Mon 23 Nov 09:15" in html
        assert "Tue 24 Nov 09:15" in html
        timer = rows.SLATimer.objects.get(item=item)
        assert timer.due_at == dt.datetime(2026, 11, 23, 9, 15, tzinfo=dt.UTC)
        assert save(admin, path_of(calendar), data).status_code == 302
    timer.refresh_from_db()
    assert timer.due_at == dt.datetime(2026, 11, 24, 9, 15, tzinfo=dt.UTC)
    assert calendar.versions.count() == 2


def test_another_content_than_the_one_seen_is_shown_again(admin: Client, team: Team) -> None:
    calendar = calendar_for(team).calendar
    data = written(own_holidays="2026-11-23")
    seen = admin.post(path_of(calendar), data).context["adminform"].form.data["seen"]
    again = admin.post(path_of(calendar), written(own_holidays="2026-11-24") | {"seen": seen})
    assert "Nothing is saved yet" in again.content.decode()
    assert calendar.versions.count() == 1


def test_a_new_name_alone_needs_no_second_look_and_makes_no_version(
    admin: Client, team: Team
) -> None:
    calendar = calendar_for(team).calendar
    data = written(zone="UTC", teams=[team.pk]) | {"name": "Head office"}
    assert admin.post(path_of(calendar), data).status_code == 302
    calendar.refresh_from_db()
    assert (calendar.name, calendar.versions.count()) == ("Head office", 1)


def test_the_page_shows_what_is_stored(admin: Client, team: Team) -> None:
    page = admin.get(path_of(calendar_for(team).calendar)).content.decode()
    assert page.count('value="09:00"') == 5
    assert admin.get("/admin/qualification/businesscalendar/").status_code == 200
    assert admin.get(ADD).status_code == 200


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (written({}), "The calendar never opens"),
        (written({"mon": [("09:00", "09:00")]}), "09:00–09:00 is empty"),
        (written({"mon": [("09:00", "")]}), "is no time such as 09:00"),
        (written({"mon": [("9", "noon")]}), "Monday: “noon” is no time such as 09:00"),
        (written({"mon": [("09:00", "12:00"), ("11:00", "13:00")]}), "overlap"),
        (written({"fri": [("22:00", "06:00")], "sat": [("05:00", "09:00")]}), "overlap"),
        (written(zone="Mars/Base"), "Select a valid choice"),
        (written(country="XX"), "no holidays are known for “XX”"),
        (written(region="BY"), "it belongs to a country"),
        (written(own_holidays="tomorrow"), "“tomorrow” is no date"),
        (written(days="2026-12-24 whenever"), "an opening is written"),
        (written(days="2026-12-24"), "an opening is written"),
        (written(days="2026-12-24 closed\n2026-12-24 09:00-12:00"), "2026-12-24 stands twice"),
    ],
)
def test_nonsense_is_refused_with_its_reason(
    admin: Client, data: dict[str, Any], message: str
) -> None:
    answer = admin.post(ADD, data)
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert not BusinessCalendar.objects.filter(name="Office").exists()


def test_times_may_be_written_short(admin: Client, db: None) -> None:
    data = written({"mon": [("9", "12.30"), ("13:00", "24")]}, days="2026-12-24 9-12")
    assert save(admin, ADD, data).status_code == 302
    version = CalendarVersion.objects.get(calendar__name="Office")
    assert version.week == {"mon": [["09:00", "12:30"], ["13:00", "24:00"]]}
    assert version.days == {"2026-12-24": [["09:00", "12:00"]]}


def test_one_is_always_the_default(admin: Client, team: Team) -> None:
    shipped, calendar = BusinessCalendar.objects.get(is_default=True), calendar_for(team).calendar
    every_day = {day: [("00:00", "24:00")] for day in WEEKDAYS}
    data = written(every_day, zone="UTC") | {"name": shipped.name}
    assert "One calendar is the default" in admin.post(path_of(shipped), data).content.decode()
    data = written(zone="UTC", teams=[team.pk], for_everybody="on")
    assert admin.post(path_of(calendar), data).status_code == 302
    assert BusinessCalendar.objects.get(is_default=True) == calendar


def test_a_team_given_to_another_calendar_leaves_the_first(admin: Client, team: Team) -> None:
    first = calendar_for(team, name="First").calendar
    assert save(admin, ADD, written(teams=[team.pk])).status_code == 302
    assert TeamCalendar.objects.get(team=team).calendar.name == "Office"
    assert not first.teams.exists()


def test_nobody_deletes_a_calendar(admin: Client, team: Team) -> None:
    calendar = calendar_for(team).calendar
    path = path_of(calendar).replace("change", "delete")
    assert admin.post(path, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", ["sdr", "ae", "manager", "marketing"])
def test_other_roles_never_see_it(
    role: str, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    assert login(people[role]).get(ADD).status_code in (302, 403)
