"""Answers: stored, the next question loaded, mistakes named with the text kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Lead, User
from qualification.models import ChecklistAnswer, Framework, ReviewItem
from tests import factories

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def form(**changes: str) -> dict[str, str]:
    return {
        "criterion": "budget",
        "state": "confirmed",
        "value": "120k named",
        "source": "Call",
        "answered_on": "",
        **changes,
    }


def test_it_stores_the_answer_and_asks_the_next(sdr: Client, claimed: Make) -> None:
    item = claimed()
    response = sdr.post(f"/leads/{item.lead_id}/answer/", form(), headers=HTMX)
    html = response.content.decode()
    answer = ChecklistAnswer.objects.get()
    assert (answer.value, answer.state, answer.source) == ("120k named", "confirmed", "Call")
    assert "120k named" in html
    assert "What is their part in the decision?" in html
    assert "3 required answers open" in html
    assert 'id="decision-bar"' in html


def test_it_goes_back_to_the_lead_without_htmx(sdr: Client, claimed: Make) -> None:
    item = claimed()
    response = sdr.post(f"/leads/{item.lead_id}/answer/", form())
    assert response["Location"] == f"/leads/{item.lead_id}/"


@pytest.mark.parametrize(
    "changes",
    [
        {"state": ""},
        {"value": ""},
        {"source": ""},
        {"answered_on": "2999-01-01"},
        {"evidence_url": "javascript:alert(1)"},
    ],
)
def test_it_names_the_mistake_and_keeps_the_text(
    sdr: Client, claimed: Make, changes: dict[str, str]
) -> None:
    item = claimed()
    given = form(**{"value": "typed text", **changes})
    response = sdr.post(f"/leads/{item.lead_id}/answer/", given, headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 422
    assert 'class="error"' in html
    assert given["value"] in html
    assert not ChecklistAnswer.objects.exists()
    assert sdr.post(f"/leads/{item.lead_id}/answer/", given).status_code == 422


def test_it_loads_any_question(sdr: Client, claimed: Make) -> None:
    item = claimed()
    url = f"/leads/{item.lead_id}/ask/?ask=timing"
    html = sdr.get(url, headers=HTMX).content.decode()
    assert "<blockquote>“When does it have to work?”</blockquote>" in html
    assert sdr.get(url)["Location"] == f"/leads/{item.lead_id}/?ask=timing"


def test_it_offers_the_standing_answer_to_change(sdr: Client, claimed: Make) -> None:
    item = claimed()
    sdr.post(f"/leads/{item.lead_id}/answer/", form())
    html = sdr.get(f"/leads/{item.lead_id}/?ask=budget").content.decode()
    assert "120k named</textarea>" in html


def test_it_refuses_somebody_else_and_unknown_questions(
    sdr: Client, claimed: Make, colleague: User
) -> None:
    mine, other = claimed(), claimed(by=colleague)
    response = sdr.post(f"/leads/{other.lead_id}/answer/", form(), headers=HTMX)
    assert response.status_code == 409
    url = f"/leads/{mine.lead_id}/answer/"
    assert sdr.post(url, form(criterion="shoe-size")).status_code == 404
    assert not ChecklistAnswer.objects.exists()


def test_it_knows_no_question_with_a_nul(sdr: Client, claimed: Make) -> None:
    url = f"/leads/{claimed().lead_id}/answer/"
    assert sdr.post(url, {"criterion": "no\x00thing"}).status_code == 404


def test_a_person_is_one_of_the_company_or_a_name(sdr: Client, claimed: Make) -> None:
    """MEDDIC's economic buyer and champion lead to contacts of the account."""
    item = claimed()
    account = factories.AccountFactory()
    Lead.objects.filter(pk=item.lead_id).update(account=account)
    buyer = factories.LeadFactory(
        account=account, team=item.lead.team, first_name="Moussa", last_name="Sarr", title="CFO"
    )
    hidden = factories.LeadFactory(
        account=account, team=factories.TeamFactory(), first_name="Far", last_name="Away"
    )
    lead = f"/leads/{item.lead_id}/"
    meddic = Framework.objects.get(name="MEDDIC", is_active=True)
    sdr.post(f"{lead}framework/", {"framework": meddic.pk})
    asked = sdr.get(f"{lead}?ask=economic_buyer").content.decode()
    assert 'list="contacts"' in asked
    assert '<option value="Moussa Sarr">CFO</option>' in asked
    assert hidden.name not in asked
    for value in ("moussa sarr ", "Far Away"):
        said = form(criterion="economic_buyer", value=value)
        page = sdr.post(f"{lead}answer/", said, headers=HTMX).content.decode()
        links = f'<a class="link" href="/leads/{buyer.pk}/">Moussa Sarr</a>, CFO' in page
        assert links == (value != "Far Away")
    assert f"/leads/{hidden.pk}/" not in page
