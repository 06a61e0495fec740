"""The compare page, the verb and its undo in the browser's words; the replay and the journey."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Lead, LeadMerge, Team, User
from qualification.models import Decision
from qualification.review.decisions import reject_lead
from tests import factories
from tests.factories import NOW
from tests.qualification import decision_support as hands
from tests.qualification.merging.support import MINUTE, a_lead, a_way_in, did, merge

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]


def page(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return response.content.decode()


def chosen(text: str, name: str) -> str:
    """Which radio of a name is checked."""
    found = [
        value for value in ("mine", "theirs") if f'name="{name}" value="{value}" checked' in text
    ]
    assert len(found) == 1
    return found[0]


def test_it_proposes_a_persons_word_then_the_newer(
    team: Team, people: dict[str, User], login: Login
) -> None:
    stays = a_lead(team, title="CTO", city="Bonn", topic="", department="IT")
    a_way_in(stays, title="CTO", city="Bonn", department="IT")
    goes = a_lead(team, title="Head of IT", city="Kiel", topic="Prices", department="IT")
    a_way_in(goes, city="Kiel", department="IT", topic="Prices")
    text = page(login(people["manager"]), f"/leads/{stays.pk}/compare/{goes.pk}/")
    assert chosen(text, "title") == "theirs"
    assert "by a person" in text
    assert chosen(text, "topic") == "theirs"
    assert chosen(text, "city") in ("mine", "theirs")
    assert 'name="department"' not in text
    assert "30 days" in text


def test_it_merges_what_was_chosen_and_undoes(
    team: Team, people: dict[str, User], login: Login
) -> None:
    client = login(people["manager"])
    stays, goes = a_lead(team, title="CTO", city="Bonn"), a_lead(team, title="", city="Kiel")
    response = client.post(
        f"/leads/{stays.pk}/merge/",
        {"other": goes.pk, "city": "theirs", "last_name": "mine", "email": "mine", "junk": "x"},
    )
    assert response.url == f"/leads/{stays.pk}/"
    assert Lead.objects.get(pk=stays.pk).city == "Kiel"
    made = LeadMerge.objects.get()
    assert client.get(f"/leads/{goes.pk}/").url == f"/leads/{stays.pk}/"
    assert page(client, f"/leads/{goes.pk}/?part=1")
    assert "Open that one" in page(client, f"/leads/{goes.pk}/duplicates/")
    banner = page(client, f"/leads/{stays.pk}/duplicates/")
    assert f"/merges/{made.pk}/undo/" in banner
    assert client.post(f"/merges/{made.pk}/undo/").url == f"/leads/{stays.pk}/"
    assert Lead.objects.get(pk=stays.pk).city == "Bonn"
    assert client.post(f"/merges/{made.pk}/undo/").status_code == 409


def test_the_page_says_why_not_and_offers_the_other_way(
    people: dict[str, User], login: Login
) -> None:
    held = hands.held_item(people["sdr"])
    other = a_lead(held.lead.team)
    text = page(login(people["manager"]), f"/leads/{other.pk}/compare/{held.lead_id}/")
    assert "stands further" in text
    assert "Keep the other one" in text
    assert "disabled" in text
    response = login(people["manager"]).post(f"/leads/{other.pk}/merge/", {"other": held.lead_id})
    assert response.status_code == 409


@pytest.mark.parametrize("other", ["self", "absent", "foreign", "word"])
def test_no_such_pair(people: dict[str, User], login: Login, other: str) -> None:
    lead = a_lead(people["sdr"].team)
    foreign = a_lead(factories.TeamFactory(name="APAC"))
    named = {"self": lead.pk, "absent": 0, "foreign": foreign.pk, "word": "x"}[other]
    client = login(people["manager"])
    assert client.post(f"/leads/{lead.pk}/merge/", {"other": named}).status_code == 404
    if other != "word":
        assert client.get(f"/leads/{lead.pk}/compare/{named}/").status_code == 404


def test_an_undo_of_another_team_is_absent(people: dict[str, User], login: Login) -> None:
    team = factories.TeamFactory(name="APAC")
    made = merge(a_lead(team), a_lead(team), people["admin"])
    assert login(people["manager"]).post(f"/merges/{made.pk}/undo/").status_code == 404


def test_a_stale_decision_names_the_merge_and_keeps_the_text(
    people: dict[str, User], login: Login
) -> None:
    sdr, now = people["sdr"], timezone.now()
    one, two = hands.held_item(sdr), hands.held_item(sdr)
    merge(one.lead, two.lead, people["manager"], now=now)
    for item in (one, two):
        type(item).objects.filter(pk=item.pk, state="claimed").update(lease_until=now + MINUTE * 30)
        response = login(sdr).post(
            f"/leads/{item.lead_id}/reject/",
            {
                "token": item.token,
                "reason": hands.reason("too_small").pk,
                "note": "A garage",
            },
        )
        text = response.content.decode()
        assert response.status_code == 409
        assert "A garage" in text
        assert "merged" in text
    assert not Decision.objects.exists()


def test_the_replay_shows_what_was_frozen_and_says_so(
    people: dict[str, User], login: Login
) -> None:
    sdr, manager = people["sdr"], people["manager"]
    item, kept = hands.held_item(sdr), hands.held_item(sdr)
    made = reject_lead(
        item=item, token=item.token, by=sdr, reason=hands.reason("too_small"), now=NOW + 5 * MINUTE
    )
    url, client = f"/decisions/{made.pk}/", login(manager)
    assert "frozen" not in page(client, url)
    merged = merge(kept.lead, item.lead, sdr)
    text = page(client, url)
    assert f"This lead was merged into {kept.lead.name}" in text
    assert "frozen then" in text
    at = (NOW + 6 * MINUTE).strftime("%Y-%m-%dT%H:%M")
    client.post(f"/merges/{merged.pk}/undo/")
    assert "frozen" not in page(client, url)
    assert client.get(f"/leads/{kept.lead_id}/past/?at={at}").status_code in (200, 422)


def test_the_journey_shows_both(people: dict[str, User], login: Login) -> None:
    sdr = people["sdr"]
    item, kept = hands.held_item(sdr), hands.held_item(sdr)
    did(item.lead, "demo_request")
    reject_lead(
        item=item,
        token=item.token,
        by=sdr,
        reason=hands.reason("too_small"),
        now=NOW + dt.timedelta(minutes=5),
    )
    merge(kept.lead, item.lead, sdr)
    text = page(login(people["manager"]), f"/leads/{kept.lead_id}/timeline/")
    for words in ("Demo request", "rejected the lead", f"merged {item.lead.name} into this lead"):
        assert words in text


def test_two_of_one_name_are_told_apart_by_their_addresses(
    team: Team, people: dict[str, User], login: Login
) -> None:
    stays = a_lead(team, first_name="Ana", last_name="Lund", email="ana@one.example")
    goes = a_lead(team, first_name="Ana", last_name="Lund", email="ana@two.example")
    text = page(login(people["manager"]), f"/leads/{stays.pk}/compare/{goes.pk}/")
    assert "ana@two.example would become part of ana@one.example." in text
