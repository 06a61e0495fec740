"""The accept dialog: who gets it, what they read, and the gate of required answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import Criterion, Decision, Handoff, ItemEvent, ReviewItem
from qualification.review.checklists import record_answer
from tests import factories
from tests.qualification.decision_support import BANT_REQUIRED

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def url(item: ReviewItem) -> str:
    return f"/leads/{item.lead_id}/accept/"


def answer_all(item: ReviewItem, by: User) -> None:
    for key in BANT_REQUIRED:
        record_answer(
            lead=item.lead,
            criterion=Criterion.objects.get(key=key),
            value=f"{key} known",
            state="confirmed",
            source="Call",
            answered_on=timezone.localdate(),
            by=by,
            now=timezone.now(),
        )


def test_it_offers_desks_and_the_packet(
    sdr: Client, claimed: Make, people: dict[str, User]
) -> None:
    item = claimed()
    answer_all(item, people["sdr"])
    factories.person("ae", None, first_name="Tom", last_name="Okafor")
    html = sdr.get(url(item), headers=HTMX).content.decode()
    assert html.index(str(people["ae"])) < html.index("Tom Okafor")
    assert "Same team, EMEA" in html
    assert "pain known" in html
    assert "Accept and hand off" in html
    assert "Ask a manager" not in html


def test_it_hands_over(sdr: Client, claimed: Make, people: dict[str, User]) -> None:
    item = claimed()
    answer_all(item, people["sdr"])
    given = {"token": item.token, "to": f"ae:{people['ae'].pk}", "note": "Call after four"}
    response = sdr.post(url(item), given, headers=HTMX)
    assert response["HX-Redirect"] == "/queue/"
    assert Handoff.objects.get().ae == people["ae"]
    assert "Handed to" in sdr.get("/queue/").content.decode()


def test_it_names_what_is_missing_and_sends_an_sdr_to_the_manager(
    sdr: Client, claimed: Make, people: dict[str, User]
) -> None:
    item = claimed()
    html = sdr.get(url(item), headers=HTMX).content.decode()
    assert "4 required answers open" in html
    assert "Ask a manager" in html
    assert "Accept and hand off</h2>" in html
    given = {"token": item.token, "to": f"ae:{people['ae'].pk}", "override_reason": "sneaky"}
    refused = sdr.post(url(item), given, headers=HTMX)
    assert refused.status_code == 422
    assert not Decision.objects.exists()


def test_a_manager_accepts_with_a_reason(
    login: Callable[[User], Client], people: dict[str, User], claimed: Make
) -> None:
    item = claimed(by=people["manager"])
    client = login(people["manager"])
    given = {"token": item.token, "to": f"ae:{people['ae'].pk}", "override_reason": ""}
    refused = client.post(url(item), given, headers=HTMX)
    assert refused.status_code == 422
    assert 'id="id_override_reason_error"' in refused.content.decode()
    given["override_reason"] = "Owner knows them"
    assert client.post(url(item), given, headers=HTMX).status_code == 200
    assert Decision.objects.get().override_reason == "Owner knows them"


def test_asking_a_manager_shows_on_the_lead(
    sdr: Client,
    login: Callable[[User], Client],
    people: dict[str, User],
    claimed: Make,
) -> None:
    item = claimed()
    ask = f"/leads/{item.lead_id}/ask-manager/"
    response = sdr.post(ask, {"question": "Demo is booked"}, headers=HTMX)
    assert "leadqual:close-dialog" in response["HX-Trigger"]
    sdr.post(ask, {"question": "again"})
    assert ItemEvent.objects.filter(verb="item:override-asked").count() == 1
    html = login(people["manager"]).get(f"/leads/{item.lead_id}/").content.decode()
    assert "asks you to accept with open answers" in html
    assert "Demo is booked" in html


def test_it_wants_an_ae(sdr: Client, claimed: Make, people: dict[str, User]) -> None:
    item = claimed()
    answer_all(item, people["sdr"])
    for ae in ("", people["marketing"].pk):
        response = sdr.post(url(item), {"token": item.token, "to": f"ae:{ae}"}, headers=HTMX)
        assert response.status_code == 422
        assert 'id="id_to_error"' in response.content.decode()


@pytest.mark.parametrize("key", ["9" * 30, "9" * 5000, "x\x00"])
def test_it_refuses_a_key_that_cannot_be(sdr: Client, claimed: Make, key: str) -> None:
    item = claimed()
    form = {"token": item.token, "to": f"ae:{key}"}
    assert sdr.post(f"/leads/{item.lead_id}/accept/", form).status_code == 422
