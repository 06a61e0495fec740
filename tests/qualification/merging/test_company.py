"""A merged lead at its company: one person on every page, two again after the undo. Each count is
held against a count in SQL of its own."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from crm import committee
from crm.models import Account, Lead, Team, User
from qualification.review import accounts, buying, timeline
from qualification.review.decisions import reject_lead
from qualification.scoring.ledger import Ledger, ledger_of
from tests import factories
from tests.factories import NOW
from tests.qualification import decision_support as hands
from tests.qualification.merging.support import MINUTE, a_lead, did, merge, plays, undo
from tests.qualification.scoring.conftest import LoadModel, document, load_model, rule

__all__ = ["load_model"]
pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(hours=1)

# Who stands for whom, then everything by person; the company is that of whom they stand for.
PERSONS = """
    WITH person AS (
        SELECT l.id AS lead_id, coalesce(s.id, l.id) AS id, coalesce(s.account_id, l.account_id)
            AS account_id, coalesce(s.first_name, l.first_name) AS name
        FROM crm_lead AS l
        LEFT JOIN crm_leadmerge AS m ON m.loser_id = l.id AND m.undone_at IS NULL
        LEFT JOIN crm_lead AS s ON s.id = m.survivor_id
    )
"""


def ask(query: str, account: Account) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(PERSONS + query, {"account": account.pk, "now": LATER})
        return cursor.fetchall()


def one(query: str, account: Account) -> int:
    ((found,),) = ask(query, account)
    return int(found)


N_PEOPLE = "SELECT count(DISTINCT id) FROM person WHERE account_id = %(account)s"
N_ACTIVE = """
    SELECT count(DISTINCT p.id) FROM person AS p JOIN crm_activity AS a ON a.lead_id = p.lead_id
    WHERE p.account_id = %(account)s AND a.occurred_at > %(now)s::timestamptz - interval '7 days'
"""
ROLES = """
    SELECT DISTINCT r.role FROM person AS p JOIN crm_leadrole AS r ON r.lead_id = p.id
    WHERE p.account_id = %(account)s AND r.ended_at IS NULL
"""
LINES = """
    SELECT 'activity', a.id, p.name FROM person AS p JOIN crm_activity AS a ON a.lead_id = p.lead_id
    WHERE p.account_id = %(account)s
    UNION ALL
    SELECT 'decision', d.id, p.name FROM person AS p
    JOIN qualification_decision AS d ON d.lead_id = p.lead_id WHERE p.account_id = %(account)s
"""


def counted(subject: str, most: int) -> list[dict[str, Any]]:
    """A point for each more."""
    return [
        rule(
            {"subject": f"account.{subject}", "op": "at_least", "value": n},
            points=1,
            name=f"{subject} {n}",
        )
        for n in range(1, most + 1)
    ]


RULES = [*counted("people", 6), *counted("active_people", 6), *counted("roles_covered", 6)]


def fired(ledger: Ledger, subject: str) -> int:
    lines = [line for line in ledger.lines if line.points_tenths]
    return sum(line.name.startswith(f"{subject} ") for line in lines)


class Company:
    """A company and who reads about it; `agrees` holds every page against SQL."""

    def __init__(self, account: Account, reader: User, model: Any) -> None:
        self.account, self.reader, self.model = account, reader, model

    def agrees(self, lead: Lead) -> dict[str, int]:
        """The counts, after all of them were found equal; `lead` is one of its people."""
        lead = Lead.objects.get(pk=lead.pk)
        n_people, n_active = one(N_PEOPLE, self.account), one(N_ACTIVE, self.account)
        roles = {role for (role,) in ask(ROLES, self.account)}

        page = accounts.account_page(self.account, self.reader, now=LATER)
        others = [member.lead for member in page.members if member.lead != lead]
        whole = buying.buying_committee_of(lead, others)
        journey = timeline.account_journey(self.account, reader=self.reader)
        (row,) = (r for r in accounts.account_list().rows if r.account == self.account)
        ledger = ledger_of(lead.pk, model=self.model, now=LATER)
        people = [page.n_in_sight, len(page.members), journey.n_people, row.n_leads]
        people += [1 + len(whole.others), fired(ledger, "people")]
        assert set(people) == {n_people}, people
        assert {page.weeks[-1], fired(ledger, "active_people")} == {n_active}
        n_roles = {whole.n_covered, whole.n_roles - len(page.missing)}
        assert n_roles | {fired(ledger, "roles_covered")} == {len(roles)}

        told = [
            (entry.kind, entry.pk, entry.person.name.partition(" ")[0])
            for day in journey.days
            for entry in day.entries
            if entry.person is not None and entry.kind in ("activity", "decision")
        ]
        assert sorted(told) == sorted(ask(LINES, self.account))
        assert len(page.decisions) == sum(kind == "decision" for kind, *_rest in told)
        return {"people": n_people, "active": n_active, "roles": len(roles)}


@pytest.fixture
def company(people: dict[str, User], load_model: LoadModel) -> Company:
    return Company(
        factories.AccountFactory(name="Teranga Foods"),
        people["manager"],
        load_model(document(*RULES)),
    )


def person(company: Company, team: Team, name: str) -> Lead:
    """Somebody of the company who did something and plays a part."""
    return a_lead(team, account=company.account, first_name=name)


def test_a_merged_lead_is_one_person_and_two_again_after_the_undo(
    company: Company, team: Team, people: dict[str, User]
) -> None:
    awa, copy, moussa = (person(company, team, name) for name in ("Awa", "Copy", "Moussa"))
    for lead in (awa, copy, moussa):
        did(lead, "page_view", NOW - MINUTE)
    plays(awa, "influencer")
    plays(copy, "influencer")
    plays(copy, "economic_buyer")
    before = {"people": 3, "active": 3, "roles": 2}
    assert company.agrees(awa) == before
    made = merge(awa, copy, people["manager"])
    assert company.agrees(awa) == {"people": 2, "active": 2, "roles": 2}
    undo(made, people["manager"])
    assert company.agrees(copy) == before


def test_a_part_that_ended_since_is_nobodys(
    company: Company, team: Team, people: dict[str, User]
) -> None:
    """Both played it: what the merged lead still holds is not the word on the person."""
    awa, copy = person(company, team, "Awa"), person(company, team, "Copy")
    plays(awa, "influencer")
    plays(copy, "influencer")
    merge(awa, copy, people["manager"])
    committee.end_role(lead=awa, role="influencer", now=NOW + 15 * MINUTE)
    assert company.agrees(awa)["roles"] == 0


def test_a_person_with_two_companies_is_at_the_one_of_who_stays(
    company: Company, team: Team, people: dict[str, User]
) -> None:
    other = Company(factories.AccountFactory(name="Agency"), company.reader, company.model)
    awa, elsewhere = person(company, team, "Awa"), person(other, team, "Elsewhere")
    neighbour = person(other, team, "Neighbour")
    did(elsewhere, "demo_request", NOW - MINUTE)
    made = merge(awa, elsewhere, people["manager"])
    assert company.agrees(awa) == {"people": 1, "active": 1, "roles": 0}
    assert other.agrees(neighbour) == {"people": 1, "active": 0, "roles": 0}
    undo(made, people["manager"])
    assert company.agrees(awa) == {"people": 1, "active": 0, "roles": 0}
    assert other.agrees(neighbour) == {"people": 2, "active": 1, "roles": 0}


def test_what_was_decided_on_the_merged_lead_is_told_of_who_stays(
    company: Company, people: dict[str, User], login: Callable[[User], Any]
) -> None:
    sdr = people["sdr"]
    item, kept = hands.held_item(sdr), hands.held_item(sdr)
    for held, name in ((item, "Copy"), (kept, "Awa")):
        Lead.objects.filter(pk=held.lead_id).update(account=company.account, first_name=name)
    reject_lead(
        item=item, token=item.token, by=sdr, reason=hands.reason("too_small"), now=NOW + 5 * MINUTE
    )
    made = merge(kept.lead, item.lead, sdr)
    company.agrees(kept.lead)
    client = login(people["manager"])
    for url in (f"/accounts/{company.account.pk}/", f"/accounts/{company.account.pk}/timeline/"):
        html = client.get(url).content.decode()
        assert "Awa" in html, url
    page = client.get(f"/accounts/{company.account.pk}/").content.decode()
    assert "Copy" not in page
    undo(made, sdr)
    company.agrees(kept.lead)
    assert "Copy" in client.get(f"/accounts/{company.account.pk}/").content.decode()


def test_its_work_is_told_under_one_name(
    company: Company, team: Team, people: dict[str, User]
) -> None:
    """Items, touches and stage moves stay with the merged lead and are told of the person."""
    sdr = people["sdr"]
    item, kept = hands.held_item(sdr), hands.held_item(sdr)
    for held, name in ((item, "Copy"), (kept, "Awa")):
        Lead.objects.filter(pk=held.lead_id).update(account=company.account, first_name=name)
    merge(kept.lead, item.lead, sdr)
    journey = timeline.account_journey(company.account, reader=people["manager"], only="work")
    entries = [entry for day in journey.days for entry in day.entries]
    assert {json.dumps(entry.person and entry.person.lead_id) for entry in entries} == {
        json.dumps(kept.lead_id)
    }
    claims = [entry for entry in entries if "claimed" in entry.text]
    assert len(claims) == 2
