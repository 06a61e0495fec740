"""Who else has the page of a lead open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Team, User
from crm.roles import Role
from qualification.models import Presence
from qualification.review.presence import GONE_AFTER, forget_old, look
from qualification.sweeps import run_all
from tests import factories
from tests.factories import NOW
from tests.qualification.queue_support import in_threads

pytestmark = pytest.mark.django_db
SECOND = dt.timedelta(seconds=1)
Login = Callable[[User], Client]


@pytest.fixture
def aisha(team: Team) -> User:
    return factories.person(Role.SDR, team, first_name="Aisha", last_name="Rahman")


def test_each_hears_of_the_others_and_not_of_oneself(
    people: dict[str, User], aisha: User, team: Team, login: Login
) -> None:
    lead = factories.LeadFactory(team=team)
    url = f"/leads/{lead.pk}/presence/"
    assert "looking" not in login(aisha).post(url).content.decode()
    assert "Aisha is looking" in login(people["sdr"]).post(url).content.decode()
    assert "and 1 more are looking" in login(people["manager"]).post(url).content.decode()
    assert Presence.objects.count() == 3


def test_who_left_is_gone_after_a_while(people: dict[str, User], aisha: User, team: Team) -> None:
    lead = factories.LeadFactory(team=team)
    look(lead=lead, by=aisha, now=NOW)
    at_last = NOW + GONE_AFTER - SECOND
    assert look(lead=lead, by=people["sdr"], now=at_last) == [aisha]
    assert look(lead=lead, by=people["sdr"], now=at_last + SECOND) == []
    look(lead=lead, by=aisha, now=at_last + SECOND)
    assert look(lead=lead, by=people["sdr"], now=at_last + SECOND) == [aisha]


def test_other_leads_are_other_rooms(people: dict[str, User], aisha: User, team: Team) -> None:
    look(lead=factories.LeadFactory(team=team), by=aisha, now=NOW)
    assert look(lead=factories.LeadFactory(team=team), by=people["sdr"], now=NOW) == []


def test_what_is_not_in_sight_cannot_be_looked_at(people: dict[str, User], login: Login) -> None:
    elsewhere = factories.LeadFactory(team=factories.TeamFactory(name="US"))
    assert login(people["sdr"]).post(f"/leads/{elsewhere.pk}/presence/").status_code == 404
    assert not Presence.objects.exists()


def test_the_page_says_it_is_open(people: dict[str, User], team: Team, login: Login) -> None:
    lead = factories.LeadFactory(team=team)
    html = login(people["sdr"]).get(f"/leads/{lead.pk}/").content.decode()
    assert f'hx-post="/leads/{lead.pk}/presence/"' in html


def test_old_rows_are_swept(aisha: User, team: Team) -> None:
    lead = factories.LeadFactory(team=team)
    look(lead=lead, by=aisha, now=NOW)
    assert forget_old(now=NOW + dt.timedelta(minutes=59)) == 0
    assert run_all(now=NOW + dt.timedelta(hours=2))["presence"] == 1


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_are_one_person(people: dict[str, User]) -> None:
    lead, sdr = factories.LeadFactory(team=people["sdr"].team), people["sdr"]
    in_threads([lambda: look(lead=lead, by=sdr, now=NOW)] * 4)
    assert Presence.objects.count() == 1
