"""Companies: the list by name, the page of one, the target flag; what is out of sight is a
number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.models import Account, AccountDomain, Activity, ActivityVerdict, Lead, LeadRole, Team, User
from qualification.models import ScoringDue
from qualification.review import accounts
from tests import factories
from tests.factories import NOW
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import rejected

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]
WEEK = dt.timedelta(weeks=1)


def visit(lead: Lead, at: dt.datetime, *, machine: bool = False) -> None:
    made = Activity.objects.create(lead=lead, type="page_view", occurred_at=at, recorded_at=at)
    if machine:
        ActivityVerdict.objects.create(
            activity=made, is_machine=True, reason="mail scanner", recorded_at=at
        )


def test_it_lists_by_name_without_losing_or_repeating(db: None) -> None:
    names = [f"Firm {n % 7}" for n in range(2 * accounts.PAGE_LENGTH + 3)]
    made = [factories.AccountFactory(name=name) for name in names]
    seen: list[int] = []
    after = None
    while True:
        page = accounts.account_list(after=after)
        seen += [row.account.pk for row in page.rows]
        after = page.after
        if after is None:
            break
    assert seen == [row.pk for row in sorted(made, key=lambda row: (row.name, row.pk))]


def test_it_counts_leads_of_all_teams(people: dict[str, User], team: Team) -> None:
    account = factories.AccountFactory(name="Brightwater", name_key="brightwater")
    factories.LeadFactory(account=account, team=team)
    factories.LeadFactory(account=account, team=factories.TeamFactory(name="US"))
    (row,) = accounts.account_list(text="bright").rows
    assert (row.n_leads, row.n_open) == (2, 2)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "bright"}, ["Brightwater"]),
        ({"q": "BRIGHTWATER.com"}, ["Brightwater"]),
        ({"q": "water"}, []),
        ({"target": "1"}, ["Copperline"]),
        ({"q": "copper", "target": "1"}, ["Copperline"]),
        ({"q": "%"}, []),
        ({"q": "\x00bright"}, ["Brightwater"]),
        ({"after": "9" * 30}, ["Brightwater", "Copperline"]),
        ({"after": "0"}, ["Brightwater", "Copperline"]),
    ],
)
def test_it_narrows(
    people: dict[str, User], login: Login, query: dict[str, str], found: list[str]
) -> None:
    bright = factories.AccountFactory(name="Brightwater", name_key="brightwater")
    AccountDomain.objects.create(account=bright, domain="brightwater.com")
    factories.AccountFactory(name="Copperline", name_key="copperline", is_target=True)
    html = login(people["sdr"]).get("/accounts/", query).content.decode()
    assert [name for name in ("Brightwater", "Copperline") if f">{name}</a>" in html] == found


def test_htmx_gets_the_rows_alone(people: dict[str, User], login: Login) -> None:
    html = login(people["ae"]).get("/accounts/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html
    assert "No companies yet" in html


def test_the_page_shows_people_in_sight_and_counts_the_others(
    people: dict[str, User], team: Team, login: Login
) -> None:
    account = factories.AccountFactory(name="Brightwater", employees=1420)
    seen = factories.LeadFactory(account=account, team=team, first_name="Ana", last_name="Lund")
    factories.LeadFactory(
        account=account, team=factories.TeamFactory(name="US"), first_name="Secret"
    )
    LeadRole.objects.create(
        lead=seen, role="decision_maker", source="Call", confidence=80, recorded_at=NOW
    )
    html = login(people["sdr"]).get(f"/accounts/{account.pk}/").content.decode()
    assert "Ana Lund" in html
    assert "Secret" not in html
    assert "1 more with another team" in html
    assert "1,420" in html
    page = accounts.account_page(account, people["sdr"], now=NOW)
    assert page.members[0].roles == ("Decision maker",)
    assert "Decision maker" not in page.missing


def test_weeks_count_people_and_not_clicks(team: Team) -> None:
    account = factories.AccountFactory()
    one, two, robot = (factories.LeadFactory(account=account, team=team) for _ in range(3))
    for minute in range(50):
        visit(one, NOW - dt.timedelta(minutes=minute))
    visit(two, NOW - dt.timedelta(days=1))
    visit(robot, NOW - dt.timedelta(days=1), machine=True)
    visit(two, NOW - 3 * WEEK)
    visit(two, NOW - 13 * WEEK)
    visit(factories.LeadFactory(team=team), NOW)
    weeks = accounts.active_people(account, now=NOW)
    assert (len(weeks), weeks[-1], weeks[-4], sum(weeks)) == (12, 2, 1, 3)


def test_decisions_in_sight_are_listed(people: dict[str, User]) -> None:
    decision = rejected(people["sdr"])
    account = factories.AccountFactory()
    Lead.objects.filter(pk=decision.lead_id).update(account=account)
    assert accounts.account_page(account, people["sdr"], now=NOW).decisions == (decision,)
    elsewhere = factories.person("sdr", factories.TeamFactory(name="US"))
    assert accounts.account_page(account, elsewhere, now=NOW).decisions == ()


def test_a_target_is_set_once_and_its_leads_are_scored_anew(
    people: dict[str, User], team: Team, login: Login
) -> None:
    rows.active_model()
    account = factories.AccountFactory(name="Brightwater")
    lead = factories.LeadFactory(account=account, team=team)
    url = f"/accounts/{account.pk}/target/"
    manager = login(people["manager"])
    for said in ("is a target account", "was so already"):
        answer = manager.post(url, {"is_target": "1"}, follow=True)
        assert said in answer.content.decode()
    assert ScoringDue.objects.filter(lead=lead).exists()
    assert "no target account any more" in manager.post(url, follow=True).content.decode()
    account.refresh_from_db()
    assert not account.is_target


def test_only_managers_are_offered_to_change_it(people: dict[str, User], login: Login) -> None:
    account = factories.AccountFactory()
    url = f"/accounts/{account.pk}/"
    assert "Make it a target" in login(people["manager"]).get(url).content.decode()
    assert "Make it a target" not in login(people["sdr"]).get(url).content.decode()
    assert login(people["sdr"]).post(f"{url}target/", {"is_target": "1"}).status_code == 403


def test_its_queries_do_not_grow_with_the_companies(
    people: dict[str, User], login: Login, django_assert_num_queries: Any
) -> None:
    sdr = login(people["sdr"])
    for n in range(3):
        factories.AccountFactory(name=f"Firm {n}")
    sdr.get("/accounts/")
    with django_assert_num_queries(5):
        sdr.get("/accounts/")
    Account.objects.bulk_create(
        Account(name=f"More {n}", created_at=NOW, updated_at=NOW) for n in range(200)
    )
    with django_assert_num_queries(5):
        sdr.get("/accounts/")
