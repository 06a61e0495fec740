"""Changing facts: who may, what follows, what sources say and may not overwrite any more."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.exceptions import FactsInvalid
from crm.intake.inbox import store_message
from crm.models import InboxMessage, Lead, Source, Team, User
from qualification import pipeline
from qualification.exceptions import FactsChanged, NotHolder
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
    html = login(people["manager"]).get(f"/leads/{lead.pk}/").content.decode()
    assert "website says “Director”" in html
    assert "says “Berlin”" not in html
    assert "written by us" in shown(html, "title")
    # What the source of the lead says is not said at each fact.
    assert "prov" not in shown(html, "city")


def test_history_carries_the_moment_of_the_edit(lead: Lead, people: dict[str, User]) -> None:
    edit(lead, people["sdr"], title="CEO")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(pgh_created_at) FROM crm_leadevent WHERE id = %s AND title = 'CEO'",
            [lead.pk],
        )
        assert cursor.fetchone()[0] == LATER


HTMX = {"HX-Request": "true"}


def shown(html: str, key: str) -> str:
    """The fact as the page shows it."""
    start = html.index(f'id="fact-{key}"')
    return html[start : html.index("</dd>", start)]


@pytest.mark.parametrize("role", ["sdr", "manager"])
def test_whoever_may_finds_a_pencil_at_each_fact(
    lead: Lead, people: dict[str, User], login: Login, role: str
) -> None:
    lead.items.update(lease_until=timezone.now() + 30 * MINUTE)
    html = login(people[role]).get(f"/leads/{lead.pk}/").content.decode()
    for key in ("first_name", "title", "email", "country", "industry", "employees"):
        assert f'hx-get="/leads/{lead.pk}/facts/{key}/"' in shown(html, key)


def test_a_colleague_finds_none(lead: Lead, team: Team, login: Login) -> None:
    html = login(factories.person("sdr", team)).get(f"/leads/{lead.pk}/").content.decode()
    assert "Manager" in shown(html, "title")
    assert "/facts/" not in html


def test_a_fact_turns_into_its_field_and_back(
    lead: Lead, people: dict[str, User], login: Login
) -> None:
    sdr, url = login(people["sdr"]), f"/leads/{lead.pk}/facts/title/"
    form = sdr.get(url, headers=HTMX).content.decode()
    assert 'name="text" value="Manager"' in form
    assert f'data-draft="fact-{lead.pk}-title"' in form
    back = sdr.get(f"{url}?shown=1", headers=HTMX).content.decode()
    assert "<form" not in back
    assert "Manager" in back


def test_it_is_stored_and_redrawn_with_what_follows(
    lead: Lead, people: dict[str, User], login: Login
) -> None:
    url = f"/leads/{lead.pk}/facts/department/"
    answer = login(people["sdr"]).post(url, {"text": "Sales", "seen": ""}, headers=HTMX)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "Sales" in html
    assert "written by us" in html
    known = html[html.index('id="known"') :]
    assert "department" not in known[: known.index("</div>")]
    assert "changed facts" in html
    assert "Saved: Department." in answer["HX-Trigger"]
    lead.refresh_from_db()
    assert (lead.department, lead.title) == ("Sales", "Manager")


def test_it_works_without_a_script(lead: Lead, people: dict[str, User], login: Login) -> None:
    sdr, url = login(people["sdr"]), f"/leads/{lead.pk}/facts/title/"
    assert "<h1>" in sdr.get(url).content.decode()
    answer = sdr.post(url, {"text": "CEO", "seen": "Manager"})
    assert (answer.status_code, answer["Location"]) == (302, f"/leads/{lead.pk}/")
    lead.refresh_from_db()
    assert lead.title == "CEO"


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_a_mistake_comes_back_at_its_field(
    lead: Lead, people: dict[str, User], login: Login, headers: dict[str, str]
) -> None:
    answer = login(people["sdr"]).post(
        f"/leads/{lead.pk}/facts/email/", {"text": "nobody", "seen": lead.email}, headers=headers
    )
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "not an e-mail address" in html
    assert 'value="nobody"' in html
    assert 'aria-invalid="true"' in html
    lead.refresh_from_db()
    assert lead.email == "ana@brightwater.com"


def test_the_text_is_kept_when_the_lead_went_to_somebody_else(
    lead: Lead, team: Team, login: Login
) -> None:
    answer = login(factories.person("sdr", team)).post(
        f"/leads/{lead.pk}/facts/title/", {"text": "CEO", "seen": "Manager"}, headers=HTMX
    )
    assert answer.status_code == 409
    html = answer.content.decode()
    assert 'value="CEO"' in html
    assert "Maya" in html


def test_the_second_writer_sees_what_the_first_wrote(
    lead: Lead, people: dict[str, User], login: Login
) -> None:
    sdr, url = login(people["sdr"]), f"/leads/{lead.pk}/facts/title/"
    edit(lead, people["manager"], title="Chair")
    answer = sdr.post(url, {"text": "CEO", "seen": "Manager"}, headers=HTMX)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "Meanwhile it says “Chair”." in html
    assert 'value="CEO"' in html
    assert 'name="seen" value="Chair"' in html
    lead.refresh_from_db()
    assert lead.title == "Chair"
    assert sdr.post(url, {"text": "CEO", "seen": "Chair"}, headers=HTMX).status_code == 200
    lead.refresh_from_db()
    assert lead.title == "CEO"


def test_superset_43583_a_second_tab_puts_nothing_back(
    lead: Lead, people: dict[str, User], login: Login
) -> None:
    """It was opened before and saves another value, then the old one by itself: what the first tab
    saved stays, and the second is told."""
    sdr, page = login(people["sdr"]), f"/leads/{lead.pk}/facts"
    assert 'name="seen" value="Manager"' in sdr.get(f"{page}/title/", headers=HTMX).content.decode()
    saved = sdr.post(f"{page}/title/", {"text": "CEO", "seen": "Manager"}, headers=HTMX)
    assert saved.status_code == 200
    given = {"text": "Ghent", "seen": lead.city}
    assert sdr.post(f"{page}/city/", given, headers=HTMX).status_code == 200
    lead.refresh_from_db()
    assert (lead.title, lead.city) == ("CEO", "Ghent")
    old = sdr.post(f"{page}/title/", {"text": "Manager", "seen": "Manager"}, headers=HTMX)
    assert old.status_code == 409
    assert "Meanwhile it says “CEO”." in old.content.decode()
    lead.refresh_from_db()
    assert lead.title == "CEO"


def test_two_who_write_the_same_agree(lead: Lead, people: dict[str, User], login: Login) -> None:
    edit(lead, people["manager"], title="CEO")
    url = f"/leads/{lead.pk}/facts/title/"
    answer = login(people["sdr"]).post(url, {"text": "CEO ", "seen": "Manager"}, headers=HTMX)
    assert answer.status_code == 200
    assert "Nothing changed." in answer["HX-Trigger"]


def test_what_a_source_says_is_taken(people: dict[str, User], login: Login) -> None:
    source = factories.SourceFactory(name="website", team=people["sdr"].team)
    say(source, city="Bonn")
    say(factories.SourceFactory(name="register", team=people["sdr"].team), title="Director")
    lead = Lead.objects.get()
    edit(lead, people["manager"], title="Head of Operations")
    manager, url = login(people["manager"]), f"/leads/{lead.pk}/facts/title/"
    assert 'name="take" value="Director"' in manager.get(url, headers=HTMX).content.decode()
    given = {"text": "Head of Operations", "seen": "Head of Operations", "take": "Director"}
    html = manager.post(url, given, headers=HTMX).content.decode()
    lead.refresh_from_db()
    assert lead.title == "Director"
    assert "register, " in html


@pytest.mark.parametrize("key", ["stage", "team", "absent", "account_id"])
def test_other_columns_are_no_facts(
    lead: Lead, people: dict[str, User], login: Login, key: str
) -> None:
    sdr, url = login(people["sdr"]), f"/leads/{lead.pk}/facts/{key}/"
    assert sdr.get(url).status_code == 404
    assert sdr.post(url, {"text": "won", "seen": ""}).status_code == 404


def test_a_lead_without_a_company_has_no_facts_of_one(
    people: dict[str, User], login: Login
) -> None:
    lead = held_item(people["sdr"]).lead
    sdr = login(people["sdr"])
    assert 'id="fact-industry"' not in sdr.get(f"/leads/{lead.pk}/").content.decode()
    assert sdr.get(f"/leads/{lead.pk}/facts/industry/").status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", ["title", "industry"])
def test_of_two_at_once_the_second_is_told(people: dict[str, User], key: str) -> None:
    """Also of the company, by the hands of two who hold different leads of it."""
    account = factories.AccountFactory(name="Brightwater", industry="Old")
    leads = [held_item(people["sdr"], account=account, title="Old").lead for _ in range(2)]
    first, second = (leads[0], leads[0]) if key == "title" else leads

    def writes(lead: Lead, text: str) -> Callable[[], Any]:
        return lambda: edit_facts(
            lead=lead, texts={key: text}, seen={key: "Old"}, by=people["sdr"], now=LATER
        )

    _, late = rows.in_turn(writes(first, "One"), writes(second, "Two"))
    assert isinstance(late, FactsChanged)
    assert late.found == {key: "One"}


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
