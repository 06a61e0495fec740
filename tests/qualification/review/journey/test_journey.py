"""The journey of a whole company: whose lines it shows, and in which order."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from crm.models import Account, Activity, Lead, LeadRole, Team, User
from qualification.models import Touch
from qualification.review import timeline
from tests import factories
from tests.qualification import queue_support

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def did(lead: Lead, kind: str, at: dt.datetime, **properties: object) -> Activity:
    return Activity.objects.create(
        lead=lead, type=kind, occurred_at=at, recorded_at=at, properties=properties
    )


@pytest.fixture
def colleague(account: Account, team: Team, now: dt.datetime) -> Lead:
    """Somebody else of the company, known as its economic buyer."""
    found = factories.LeadFactory(
        account=account, team=team, first_name="Moussa", last_name="Sarr", title="CFO"
    )
    LeadRole.objects.create(lead=found, role="economic_buyer", source="Call", recorded_at=now)
    return found


@pytest.fixture
def out_of_sight(account: Account) -> Lead:
    return factories.LeadFactory(
        account=account, team=factories.TeamFactory(name="Americas"), last_name="Elsewhere"
    )


def entries(journey: timeline.Journey) -> list[tuple[str, int]]:
    return [(entry.kind, entry.pk) for day in journey.days for entry in day.entries]


def test_it_names_whose_lines_they_are(
    sdr: Client, lead: Lead, colleague: Lead, now: dt.datetime
) -> None:
    did(lead, "pricing_page", now)
    did(colleague, "demo_request", now)
    html = sdr.get(f"/leads/{lead.pk}/timeline/?scope=account", headers=HTMX).content.decode()
    for text in ("Pricing page", "Demo request", "Awa Diallo", "Moussa Sarr", "Economic buyer"):
        assert text in html, text
    own = sdr.get(f"/leads/{lead.pk}/timeline/", headers=HTMX).content.decode()
    assert "Pricing page" in own
    assert "Demo request" not in own


@pytest.mark.parametrize("where", ["lead", "account"])
def test_people_of_other_teams_are_a_number(
    sdr: Client, lead: Lead, out_of_sight: Lead, now: dt.datetime, where: str
) -> None:
    did(lead, "pricing_page", now)
    did(out_of_sight, "secret_visit", now)
    url = {
        "lead": f"/leads/{lead.pk}/timeline/?scope=account",
        "account": f"/accounts/{lead.account_id}/timeline/",
    }[where]
    html = sdr.get(url, headers=HTMX).content.decode()
    assert "Pricing page" in html
    assert "1 more belongs to another team" in html
    assert "Secret visit" not in html
    assert "Elsewhere" not in html


def test_a_company_without_anybody_in_sight_says_so(sdr: Client, out_of_sight: Lead) -> None:
    html = sdr.get(f"/accounts/{out_of_sight.account_id}/timeline/").content.decode()
    assert "Nobody of this company is in your sight." in html
    assert "Elsewhere" not in html


def test_a_lead_without_a_company_has_its_own_journey_only(
    sdr: Client, team: Team, now: dt.datetime
) -> None:
    alone = factories.LeadFactory(account=None, team=team)
    did(alone, "pricing_page", now)
    html = sdr.get(f"/leads/{alone.pk}/timeline/?scope=account", headers=HTMX).content.decode()
    assert "Pricing page" in html
    assert "Whole account" not in html


def test_mails_are_those_of_both_sides(
    sdr: Client, team: Team, people: dict[str, User], now: dt.datetime
) -> None:
    item = queue_support.waiting_item(500, now=now, team=team)
    lead = item.lead
    Touch.objects.create(
        item=item, lead=lead, kind="mail", result="sent", note="Our offer", by=people["sdr"], at=now
    )
    did(lead, "email_click", now)
    did(lead, "pricing_page", now)
    html = sdr.get(f"/leads/{lead.pk}/timeline/?only=mails", headers=HTMX).content.decode()
    assert "Email click" in html
    assert "Our offer" in html
    assert "Pricing page" not in html


def test_its_cursor_passes_every_line_once(
    lead: Lead, colleague: Lead, people: dict[str, User], now: dt.datetime
) -> None:
    """Also where many lines of several kinds share a moment."""
    for number in range(30):
        did(lead, f"visit_{number}", now)
        did(colleague, "email_open", now - dt.timedelta(minutes=number // 10))
    everything = set(Activity.objects.values_list("pk", flat=True))
    seen: list[tuple[str, int]] = []
    cursor, is_first = "", True
    while is_first or cursor:
        journey = timeline.account_journey(lead.account, reader=people["sdr"], before=cursor)  # type: ignore[arg-type]
        seen += entries(journey)
        cursor, is_first = journey.older, False
    assert len(seen) == len(set(seen))
    assert {pk for kind, pk in seen if kind == "activity"} == everything


@pytest.mark.parametrize(
    "cursor", ["nonsense", "2026-11-23~0~1", "2026-11-23T09:00:00+00:00~99~1", "~~", "x~0~1"]
)
def test_a_cursor_that_cannot_be_read_starts_at_the_newest(
    sdr: Client, lead: Lead, now: dt.datetime, cursor: str
) -> None:
    did(lead, "pricing_page", now)
    response = sdr.get(f"/leads/{lead.pk}/timeline/", {"before": cursor}, headers=HTMX)
    assert "Pricing page" in response.content.decode()
