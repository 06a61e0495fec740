"""Leads that may be the same person: who is told what, and that two told apart stay apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.matching import duplicates
from crm.models import Account, AccountDomain, Lead, NotDuplicate, Team, User
from crm.roles import Role
from tests import factories
from tests.factories import NOW
from tests.qualification import queue_support as rows

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]


@pytest.fixture
def account(db: None) -> Account:
    account = factories.AccountFactory(name="Brightwater")
    for domain in ("brightwater.example", "brightwater.test.example"):
        AccountDomain.objects.create(account=account, domain=domain)
    return account


def a_lead(team: Team, **fields: object) -> Lead:
    made = factories.LeadFactory(team=team, **fields)
    return Lead.objects.get(pk=made.pk)


def signs(lead: Lead) -> dict[int, list[str]]:
    return {one.lead.pk: list(one.signs) for one in duplicates.candidates_of(lead)}


def banner(client: Client, lead: Lead) -> str:
    response = client.get(f"/leads/{lead.pk}/duplicates/")
    assert response.status_code == 200
    return response.content.decode().strip()


def say_apart(client: Client, lead: Lead, other: Lead | int) -> int:
    pk = other if isinstance(other, int) else other.pk
    return client.post(f"/leads/{lead.pk}/not-duplicate/", {"other": pk}).status_code


def test_one_number_is_one_person_and_a_switchboard_is_nobody(team: Team) -> None:
    lead, *others = (
        a_lead(team, phone_key="+4930123456") for _ in range(duplicates.MAX_SHARING + 1)
    )
    assert signs(lead) == {other.pk: ["phone"] for other in others}
    a_lead(team, phone_key="+4930123456")
    assert signs(lead) == {}


@pytest.mark.parametrize(
    ("mine", "theirs", "is_same"),
    [
        ("jo@brightwater.example", "jo@brightwater.test.example", True),
        ("jo+news@brightwater.example", "jo@brightwater.example", True),
        ("jo@gmail.com", "jo@googlemail.com", True),
        ("jo@gmail.com", "jo@brightwater.example", False),
        ("jo@brightwater.example", "jo@elsewhere.example", False),
        ("jo@brightwater.example", "joe@brightwater.test.example", False),
    ],
)
def test_an_address_written_otherwise(
    team: Team, account: Account, mine: str, theirs: str, is_same: bool
) -> None:
    lead = a_lead(team, email=mine, account=account)
    other = a_lead(team, email=theirs, account=account)
    assert signs(lead) == ({other.pk: ["address"]} if is_same else {})


@pytest.mark.parametrize(
    ("first", "sign"),
    [
        ("Jonathan", "name"),
        (" JONATHAN ", "name"),
        ("Jon", "similar_name"),
        ("J.", "similar_name"),
        ("Jonathon", "similar_name"),
        ("Maria", None),
        ("", None),
        (".", None),
    ],
)
def test_a_name_at_one_company(team: Team, account: Account, first: str, sign: str | None) -> None:
    lead = a_lead(team, first_name="Jonathan", last_name="Vogel", account=account)
    other = a_lead(team, first_name=first, last_name="VOGEL", account=account)
    a_lead(team, first_name="Jonathan", last_name="Vogel")
    a_lead(team, first_name="Jonathan", last_name="Vogel", account=factories.AccountFactory())
    assert signs(lead) == ({other.pk: [sign]} if sign else {})


def test_a_lead_without_anything_resembles_nobody(team: Team) -> None:
    bare = {"email": "", "email_key": None, "first_name": "", "last_name": ""}
    lead = a_lead(team, **bare)
    a_lead(team, **bare)
    with CaptureQueriesContext(connection) as queries:
        assert signs(lead) == {}
    assert len(queries) == 0


def test_the_strongest_come_first_with_all_their_signs(team: Team, account: Account) -> None:
    names = {"first_name": "Jo", "last_name": "Vogel", "account": account}
    lead = a_lead(team, phone_key="+4930123456", **names)
    by_name = a_lead(team, **names)
    by_both = a_lead(team, phone_key="+4930123456", **names)
    assert list(signs(lead).items()) == [
        (by_both.pk, ["phone", "name"]),
        (by_name.pk, ["name"]),
    ]


def test_the_page_says_why_in_words(people: dict[str, User], team: Team, login: Login) -> None:
    lead = a_lead(team, phone_key="+4930123456")
    other = a_lead(team, phone_key="+4930123456", first_name="Tess", last_name="Maier")
    html = banner(login(people["sdr"]), lead)
    assert f'href="/leads/{other.pk}/"' in html
    assert "Tess Maier" in html
    assert "same phone number" in html


def test_it_is_silent_when_nobody_looks_alike(
    people: dict[str, User], team: Team, login: Login
) -> None:
    assert banner(login(people["manager"]), a_lead(team)) == ""


def test_of_another_team_it_says_only_that_there_is_one(
    people: dict[str, User], team: Team, login: Login
) -> None:
    lead = a_lead(team, phone_key="+4930123456")
    other = a_lead(
        factories.TeamFactory(name="Americas"), phone_key="+4930123456", first_name="Tess"
    )
    html = banner(login(people["manager"]), lead)
    assert "May also be a lead of another team" in html
    for secret in ("Tess", other.last_name, f"/leads/{other.pk}/", "phone", "Americas"):
        assert secret not in html
    assert say_apart(login(people["manager"]), lead, other) == 404
    assert not NotDuplicate.objects.exists()
    assert "Tess" in banner(login(people["admin"]), lead)


def test_a_manager_tells_two_apart_for_good(
    people: dict[str, User], team: Team, login: Login
) -> None:
    lead, other = (a_lead(team, phone_key="+4930123456") for _ in range(2))
    client = login(people["manager"])
    assert say_apart(client, other, lead) == 302
    kept = NotDuplicate.objects.get()
    assert (kept.low_id, kept.high_id, kept.by) == (lead.pk, other.pk, people["manager"])
    assert banner(client, lead) == ""
    assert banner(client, other) == ""
    assert say_apart(login(people["admin"]), lead, other) == 302
    assert NotDuplicate.objects.get().by == people["manager"]


def test_htmx_gets_the_banner_without_it(people: dict[str, User], team: Team, login: Login) -> None:
    lead, other, third = (a_lead(team, phone_key="+4930123456") for _ in range(3))
    response = login(people["manager"]).post(
        f"/leads/{lead.pk}/not-duplicate/", {"other": other.pk}, headers={"HX-Request": "true"}
    )
    html = response.content.decode()
    assert f'href="/leads/{third.pk}/"' in html
    assert f'href="/leads/{other.pk}/"' not in html
    assert "somebody else" in response["HX-Trigger"]


def test_an_sdr_must_hold_the_lead(people: dict[str, User], team: Team, login: Login) -> None:
    item = rows.waiting_item(team=team)
    Lead.objects.filter(pk=item.lead_id).update(phone_key="+4930123456")
    lead = Lead.objects.get(pk=item.lead_id)
    other = a_lead(team, phone_key="+4930123456")
    client = login(people["sdr"])
    assert "Not a duplicate" not in banner(client, lead)
    assert say_apart(client, lead, other) == 409
    assert not NotDuplicate.objects.exists()
    assert client.post(f"/leads/{lead.pk}/claim/").status_code == 302
    assert "Not a duplicate" in banner(client, lead)
    assert say_apart(client, lead, other) == 302
    assert NotDuplicate.objects.get().by == people["sdr"]


@pytest.mark.parametrize("other", ["", "x", "0", "9" * 40, "-1", "²"])
def test_nobody_cannot_be_told_apart(
    people: dict[str, User], team: Team, login: Login, other: str
) -> None:
    lead = a_lead(team)
    client = login(people["manager"])
    url = f"/leads/{lead.pk}/not-duplicate/"
    assert client.post(url, {"other": other}).status_code == 404
    assert client.post(url, {"other": lead.pk}).status_code == 404


def test_two_say_so_at_once_and_one_word_stays(transactional_db: None) -> None:
    team = factories.TeamFactory(name="EMEA")
    lead, other = (factories.LeadFactory(team=team) for _ in range(2))
    managers = [factories.person(Role.MANAGER, team) for _ in range(4)]

    def say(by: User, n: int) -> bool:
        one, two = (lead, other) if n % 2 else (other, lead)
        at = NOW + dt.timedelta(seconds=n)
        return duplicates.tell_apart(lead=one, other=two, by=by, now=at)

    said = rows.in_threads([lambda by=by, n=n: say(by, n) for n, by in enumerate(managers)])
    assert sorted(said) == [False, False, False, True]
    assert NotDuplicate.objects.get().by == managers[said.index(True)]


def test_postgres_keeps_a_pair_in_one_order_and_as_it_was(
    people: dict[str, User], team: Team
) -> None:
    lead, other = (a_lead(team) for _ in range(2))
    with pytest.raises(DatabaseError), transaction.atomic():
        NotDuplicate.objects.create(low=other, high=lead, by=people["sdr"], at=NOW)
    kept = NotDuplicate.objects.create(low=lead, high=other, by=people["sdr"], at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        NotDuplicate.objects.filter(pk=kept.pk).update(by=people["admin"])
