"""Who else has the page of a lead open."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Team, User
from crm.roles import Role
from qualification.models import Presence, RejectionReason, ReviewItem
from qualification.review.claims import claim_item, reassign_item
from qualification.review.decisions import reject_lead
from qualification.review.presence import GONE_AFTER, forget_old, look
from qualification.sweeps import run_all
from tests import factories
from tests.factories import NOW
from tests.qualification.queue_support import in_threads

pytestmark = pytest.mark.django_db
SECOND = dt.timedelta(seconds=1)
Login = Callable[[User], Client]
Make = Callable[..., ReviewItem]


@pytest.fixture
def aisha(team: Team) -> User:
    return factories.person(Role.SDR, team, first_name="Aisha", last_name="Rahman")


def decide(item: ReviewItem, by: User, now: dt.datetime) -> None:
    item.refresh_from_db()
    reason = RejectionReason.objects.get(key="too_small")
    reject_lead(item=item, token=item.token, by=by, reason=reason, now=now)


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


def hands_on(html: str) -> str:
    """What the page says it shows, and asks with."""
    found = re.search(r'name="hands" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def test_whoever_reads_along_sees_the_lead_change_hands(
    people: dict[str, User], aisha: User, waiting: Make, login: Login, here: dt.datetime
) -> None:
    item = waiting()
    url = f"/leads/{item.lead_id}/"
    reader = login(people["sdr"])
    html = reader.get(url).content.decode()
    assert "Nobody holds this lead. Claim it" in html
    for does, said, shown in (
        (lambda: None, "", ""),
        (lambda: claim_item(item=item, by=aisha, now=here), "Aisha holds", "holds this lead. You"),
        (lambda: None, "", ""),
        (lambda: decide(item, aisha, here), "Aisha rejected this lead", "See what it was based on"),
    ):
        does()
        response = reader.post(f"{url}presence/", {"hands": hands_on(html)})
        assert said in response.get("HX-Trigger", "")
        fresh = response.content.decode()
        assert shown in fresh
        assert ('id="lead-top"' in fresh) == bool(said)
        html = fresh if said else html


def test_a_page_left_open_comes_alive_for_whoever_is_given_the_lead(
    people: dict[str, User], waiting: Make, login: Login, here: dt.datetime
) -> None:
    item = waiting()
    url = f"/leads/{item.lead_id}/"
    html = login(people["sdr"]).get(url).content.decode()
    reassign_item(item=item, to=people["sdr"], by=people["manager"], now=here)
    response = login(people["sdr"]).post(f"{url}presence/", {"hands": hands_on(html)})
    alive = response.content.decode()
    assert "This lead is yours now." in response["HX-Trigger"]
    for piece in (f"{url}accept/", f"{url}facts/title/", f"{url}heartbeat/", 'id="ask"'):
        assert piece not in html
        assert piece in alive
    assert 'name="hands" value=""' in alive  # from here on the heartbeat tells


def test_a_claim_on_the_page_opens_its_facts_and_roles(
    people: dict[str, User], waiting: Make, login: Login
) -> None:
    item = waiting()
    url = f"/leads/{item.lead_id}/"
    page = login(people["sdr"])
    assert f"{url}facts/title/" not in page.get(url).content.decode()
    html = page.post(f"{url}claim/", headers={"HX-Request": "true"}).content.decode()
    assert 'id="lead-pane" hx-swap-oob="true"' in html
    assert f"{url}facts/title/" in html
    assert "Add a role" in html


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
