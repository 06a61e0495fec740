"""The AE's desk: what waits, the packet, take, return."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Lead, User
from qualification.models import Handoff, ReviewItem
from qualification.review.decisions import accept_lead, undo_decision
from tests import factories
from tests.qualification.decision_support import BANT_REQUIRED, answer

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def handoff(
    owned: Callable[..., ReviewItem], people: dict[str, User], here: dt.datetime
) -> Handoff:
    """A lead on the AE's desk."""
    item = owned(last_name="Baert", phone="+3232000000")
    for key in BANT_REQUIRED:
        answer(item.lead, key, people["sdr"], now=here)
    decision = accept_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        to=people["ae"],
        note="Call before noon.",
        now=here,
    )
    return decision.handoff


@pytest.fixture
def ae(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["ae"])


def test_it_lists_what_waits_with_its_clock(ae: Client, handoff: Handoff) -> None:
    html = ae.get("/handoffs/").content.decode()
    assert "1 lead waits for your answer" in html
    assert "Baert" in html
    assert "data-due" in html
    assert f"/handoffs/{handoff.pk}/take/" in html


def test_it_says_when_nothing_waits(ae: Client) -> None:
    assert "Nothing waits for you" in ae.get("/handoffs/").content.decode()


def test_it_shows_the_packet(ae: Client, handoff: Handoff) -> None:
    html = ae.get(f"/handoffs/{handoff.pk}/").content.decode()
    for text in ("Baert", "+3232000000", "Call before noon.", "budget known", "Why this score"):
        assert text in html, text
    Lead.objects.filter(pk=handoff.lead_id).update(last_name="Renamed-Kx9")
    assert "Baert" in ae.get(f"/handoffs/{handoff.pk}/").content.decode()


def test_the_ae_takes_it(ae: Client, handoff: Handoff) -> None:
    answered = ae.post(f"/handoffs/{handoff.pk}/take/")
    assert answered["Location"] == f"/handoffs/{handoff.pk}/"
    handoff.refresh_from_db()
    assert handoff.state == Handoff.State.ACCEPTED
    html = ae.get(f"/handoffs/{handoff.pk}/").content.decode()
    assert "Taken" in html
    assert f"/handoffs/{handoff.pk}/return/" not in html
    assert ae.post(f"/handoffs/{handoff.pk}/take/").status_code == 409


def test_the_ae_gives_it_back_with_a_reason(ae: Client, handoff: Handoff) -> None:
    url = f"/handoffs/{handoff.pk}/return/"
    assert b"Why do you give it back?" in ae.get(url, headers=HTMX).content
    assert ae.post(url, {"reason": " "}, headers=HTMX).status_code == 422
    done = ae.post(url, {"reason": "No budget owner."}, headers=HTMX)
    assert done["HX-Redirect"] == "/handoffs/"
    handoff.refresh_from_db()
    assert handoff.state == Handoff.State.RETURNED
    assert ReviewItem.objects.open().get(lead=handoff.lead_id).entry_reason == "returned"
    assert "No budget owner." in ae.get("/handoffs/").content.decode()
    assert ae.post(url, {"reason": "Again"}, headers=HTMX).status_code == 409


def test_it_wants_a_reason_without_scripts_too(ae: Client, handoff: Handoff) -> None:
    url = f"/handoffs/{handoff.pk}/return/"
    assert ae.post(url).status_code == 422
    assert ae.post(url, {"reason": "x" * 301}).status_code == 422
    assert ae.post(url, {"reason": "Wrong desk."})["Location"] == "/handoffs/"


@pytest.mark.parametrize("path", ["", "take/", "return/"])
def test_another_ae_does_not_know_it(
    login: Callable[[User], Client], people: dict[str, User], handoff: Handoff, path: str
) -> None:
    client = login(factories.person("ae", people["ae"].team))
    url = f"/handoffs/{handoff.pk}/{path}"
    response = client.post(url, {"reason": "x"}) if path else client.get(url)
    assert response.status_code == 404
    assert "Baert" not in client.get("/handoffs/").content.decode()


def test_an_undone_one_is_gone(
    ae: Client, handoff: Handoff, people: dict[str, User], here: dt.datetime
) -> None:
    undo_decision(decision=handoff.decision, by=people["sdr"], now=here)
    assert "Baert" not in ae.get("/handoffs/").content.decode()
    assert ae.get(f"/handoffs/{handoff.pk}/").status_code == 404


def test_its_queries_do_not_grow(
    ae: Client, handoff: Handoff, django_assert_max_num_queries: Callable[..., object]
) -> None:
    with django_assert_max_num_queries(8):  # type: ignore[attr-defined]
        ae.get("/handoffs/")
