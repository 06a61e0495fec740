"""Changing facts: who may, what follows, what sources say and may not overwrite any more."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from crm.exceptions import FactsInvalid
from crm.intake.inbox import store_message
from crm.models import InboxMessage, Lead, Source, Team, User
from qualification import pipeline
from qualification.exceptions import NotHolder
from qualification.models import ItemEvent, ScoringDue
from qualification.review.facts import edit_facts
from tests import factories
from tests.factories import NOW
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import MINUTE, held_item

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]
LATER = NOW + 5 * MINUTE


@pytest.fixture
def lead(people: dict[str, User]) -> Lead:
    """A lead of a company in the SDR's hands."""
    rows.active_model()
    account = factories.AccountFactory(name="Brightwater", industry="Retail", employees=40)
    item = held_item(people["sdr"], account=account, title="Manager", email="ana@brightwater.com")
    found: Lead = item.lead
    return found


def edit(lead: Lead, by: User, **texts: str) -> Any:
    return edit_facts(lead=lead, texts=texts, by=by, now=LATER)


def test_it_changes_what_changed_and_says_so(lead: Lead, people: dict[str, User]) -> None:
    written = edit(lead, people["sdr"], title="Head of Operations", industry="Logistics", city="")
    assert (written.lead, written.account) == (("title",), ("industry",))
    lead.refresh_from_db()
    assert (lead.title, lead.account and lead.account.industry) == (
        "Head of Operations",
        "Logistics",
    )
    event = ItemEvent.objects.get(verb="facts:changed")
    assert (event.by, event.note) == (people["sdr"], "Title, Industry")
    assert not edit(lead, people["sdr"], title="Head of Operations").lead


def test_scores_follow_also_those_of_colleagues(lead: Lead, people: dict[str, User]) -> None:
    colleague = factories.LeadFactory(account=lead.account, team=lead.team)
    ScoringDue.objects.all().delete()
    edit(lead, people["sdr"], title="CEO")
    assert set(ScoringDue.objects.values_list("lead", flat=True)) == {lead.pk}
    edit(lead, people["sdr"], employees="4200")
    assert set(ScoringDue.objects.values_list("lead", flat=True)) == {lead.pk, colleague.pk}


def test_what_follows_from_an_address_or_number_follows(
    lead: Lead, people: dict[str, User]
) -> None:
    edit(lead, people["sdr"], email="Ana@GMAIL.com", phone="030 901820", country="Germany")
    lead.refresh_from_db()
    assert (lead.email_key, lead.email_kind, lead.phone_key) == (
        "ana@gmail.com",
        "free",
        "+4930901820",
    )


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        ({"email": "nobody"}, {"email"}),
        ({"employees": "many"}, {"employees"}),
        ({"employees": "-1"}, {"employees"}),
        ({"title": "x" * 161, "email": "no"}, {"title", "email"}),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_stored(
    lead: Lead, people: dict[str, User], texts: dict[str, str], wrong: set[str]
) -> None:
    with pytest.raises(FactsInvalid) as refused:
        edit(lead, people["sdr"], city="Bonn", **texts)
    assert set(refused.value.wrong) == wrong
    lead.refresh_from_db()
    assert lead.city == ""


def test_an_address_of_somebody_else_is_refused(lead: Lead, people: dict[str, User]) -> None:
    factories.LeadFactory(email="bo@brightwater.com", email_key="bo@brightwater.com")
    with pytest.raises(FactsInvalid, match="another lead"):
        edit(lead, people["sdr"], email="BO@brightwater.com")


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_managers_may(lead: Lead, people: dict[str, User], role: str) -> None:
    assert edit(lead, people[role], title="CEO").lead == ("title",)


def test_a_colleague_takes_nothing_out_of_anothers_hands(lead: Lead, team: Team) -> None:
    with pytest.raises(NotHolder):
        edit(lead, factories.person("sdr", team), title="CEO")


def say(source: Source, **document: Any) -> None:
    body = {"email": "ana@brightwater.com"} | document
    message, _is_new = store_message(
        source=source,
        event_key=f"test:{InboxMessage.objects.count()}",
        body=json.dumps(body).encode(),
        content_type="application/json",
        now=LATER,
    )
    pipeline.process(message.pk, now=LATER)


def test_a_source_does_not_overwrite_it(people: dict[str, User], login: Login) -> None:
    source = factories.SourceFactory(name="website", team=people["sdr"].team)
    say(source, title="Manager", city="Bonn")
    lead = Lead.objects.get()
    edit(lead, people["manager"], title="Head of Operations")
    say(source, title="Director", city="Berlin")
    lead.refresh_from_db()
    assert (lead.title, lead.city) == ("Head of Operations", "Berlin")
    html = login(people["manager"]).get(f"/leads/{lead.pk}/facts/").content.decode()
    assert "website says “Director”" in html
    assert "says “Berlin”" not in html


def test_history_carries_the_moment_of_the_edit(lead: Lead, people: dict[str, User]) -> None:
    edit(lead, people["sdr"], title="CEO")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(pgh_created_at) FROM crm_leadevent WHERE id = %s AND title = 'CEO'",
            [lead.pk],
        )
        assert cursor.fetchone()[0] == LATER


def test_the_dialog_stores_only_what_was_changed(
    lead: Lead, people: dict[str, User], login: Login
) -> None:
    sdr, url = login(people["sdr"]), f"/leads/{lead.pk}/facts/"
    page = login(people["manager"]).get(f"/leads/{lead.pk}/").content.decode()
    assert f'hx-get="{url}"' in page
    html = sdr.get(url, headers={"HX-Request": "true"}).content.decode()
    assert 'value="Manager"' in html
    known = {"title": "Manager", "email": "ana@brightwater.com", "industry": "Retail"}
    given = known | {"employees": "40", "title": "CEO"}
    Lead.objects.filter(pk=lead.pk).update(department="Sales")
    answer = sdr.post(url, given | {"department": "Sales"}, headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == f"/leads/{lead.pk}/"
    lead.refresh_from_db()
    assert (lead.title, lead.department) == ("CEO", "Sales")


def test_mistakes_come_back_beside_their_field(
    lead: Lead, people: dict[str, User], login: Login
) -> None:
    answer = login(people["sdr"]).post(
        f"/leads/{lead.pk}/facts/", {"email": "nobody", "title": "CEO"}
    )
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "not an e-mail address" in html
    assert 'value="CEO"' in html


@pytest.mark.django_db(transaction=True)
def test_two_leads_cannot_get_one_address_at_once(people: dict[str, User]) -> None:
    leads = [held_item(people["sdr"]).lead for _ in range(2)]
    ended = rows.in_threads(
        [lambda one=one: edit(one, people["sdr"], email="one@x.example") for one in leads]
    )
    assert sorted(type(end).__name__ for end in ended) == ["FactsInvalid", "Written"]
    assert Lead.objects.filter(email_key="one@x.example").count() == 1


def test_an_edit_renews_the_claim(lead: Lead, people: dict[str, User]) -> None:
    """The claim is renewed by an edit, like by any other work."""
    edit_facts(lead=lead, texts={}, by=people["sdr"], now=NOW + dt.timedelta(minutes=20))
    item = lead.items.get()
    assert item.lease_until == NOW + dt.timedelta(minutes=50)
