"""The pages about personal data: what is held, asking, erasing, exporting, and what is left."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Erasure, Lead, PersonalExport, User
from qualification.choices import ItemState
from qualification.models import Decision
from tests import factories
from tests.qualification import decision_support
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary

pytestmark = pytest.mark.django_db
LATER = NOW + 20 * MINUTE
Login = Callable[[User], Client]


@pytest.fixture
def lead(people: dict[str, User]) -> Lead:
    return decision_support.rejected(people["sdr"]).lead


def page(lead: Lead, part: str = "") -> str:
    return f"/leads/{lead.pk}/personal-data/{part}"


def test_it_shows_what_is_held(lead: Lead, people: dict[str, User], login: Login) -> None:
    html = login(people["manager"]).get(page(lead)).content.decode()
    assert "Decisions and what they rest on" in html
    assert "Ask for the erasure" in html
    assert page(lead) in login(people["manager"]).get(f"/leads/{lead.pk}/").content.decode()
    assert page(lead) not in login(people["sdr"]).get(f"/leads/{lead.pk}/").content.decode()


def test_a_manager_asks_and_an_admin_erases(
    lead: Lead, people: dict[str, User], login: Login
) -> None:
    answer = login(people["manager"]).post(
        page(lead, "ask/"), {"reference": "T-1", "reason": "asked", "is_no_contact": "on"}
    )
    assert answer.status_code == 302
    assert Erasure.objects.get().is_no_contact
    html = login(people["manager"]).get(page(lead)).content.decode()
    assert "An admin carries it out." in html
    assert login(people["manager"]).post(page(lead, "erase/")).status_code == 403
    client = login(people["admin"])
    assert f"Type “{lead.name}” to confirm" in client.get(page(lead, "erase/")).content.decode()
    wrong = client.post(page(lead, "erase/"), {"confirmed": "somebody"})
    assert wrong.status_code == 422
    assert "Type the name of the lead" in wrong.content.decode()
    done = client.post(page(lead, "erase/"), {"confirmed": lead.name})
    assert done.status_code == 302
    html = client.get(done["Location"]).content.decode()
    assert "Erased" in html
    assert "Hannah" not in html
    assert client.get(page(lead, "erase/")).status_code == 409


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"reference": "", "reason": "asked"}, "Name the request"),
        ({"reference": "mail of Hannah", "reason": "asked"}, "must not name the person"),
        ({"reference": "T-1", "reason": "because"}, "because"),
    ],
)
def test_an_unusable_request_is_said(
    data: dict[str, str], words: str, lead: Lead, people: dict[str, User], login: Login
) -> None:
    answer = login(people["manager"]).post(page(lead, "ask/"), data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Erasure.objects.exists()


def test_a_request_is_withdrawn(lead: Lead, people: dict[str, User], login: Login) -> None:
    canary.asked_for(lead, people, now=NOW)
    client = login(people["manager"])
    assert client.post(page(lead, "withdraw/")).status_code == 302
    assert not Erasure.objects.exists()
    assert client.post(page(lead, "withdraw/")).status_code == 404


def test_an_export_is_a_file_and_is_kept(lead: Lead, people: dict[str, User], login: Login) -> None:
    client = login(people["manager"])
    answer = client.post(page(lead, "export/"), {"form": "json"})
    assert answer["Content-Disposition"] == f'attachment; filename="lead-{lead.pk}.json"'
    assert answer["Cache-Control"] == "no-store"
    given = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert given["lead"] == lead.pk
    assert client.post(page(lead, "export/"), {"form": "zip"}).content[:2] == b"PK"
    assert PersonalExport.objects.filter(by=people["manager"]).count() == 2
    assert "Given out" in client.get(page(lead)).content.decode()


def test_what_is_left_of_an_erased_lead(lead: Lead, people: dict[str, User], login: Login) -> None:
    decision = Decision.objects.get()
    canary.erased(lead, people, now=LATER)
    client = login(people["sdr"])
    html = client.get(f"/leads/{lead.pk}/").content.decode()
    assert "Personal data erased on 23 Nov 2026." in html
    assert f"/decisions/{decision.pk}/" in html
    replay = client.get(f"/decisions/{decision.pk}/").content.decode()
    assert "Personal data erased on 23 Nov 2026." in replay
    assert "Hannah" not in html + replay
    for path in (f"/leads/{lead.pk}/timeline/", f"/leads/{lead.pk}/past/"):
        assert client.get(path).status_code == 200
    for path in ("changers/", "scores/", "duplicates/", "clock/"):
        assert client.get(f"/leads/{lead.pk}/{path}").status_code == 409
    overturn = login(people["manager"]).post(
        f"/decisions/{decision.pk}/overturn/", {"note": "Again"}
    )
    assert overturn.status_code == 409
    assert (
        "/overturn/"
        not in login(people["manager"]).get(f"/decisions/{decision.pk}/").content.decode()
    )


def test_a_decision_on_a_page_drawn_before_is_refused(
    people: dict[str, User], login: Login
) -> None:
    item = decision_support.held_item(people["sdr"], ItemState.OWNED)
    canary.erased(item.lead, people, now=LATER)
    client = login(people["sdr"])
    for verb in (
        "accept",
        "reject",
        "nurture",
        "touch",
        "answer",
        "claim",
        "facts/title",
        "dispute",
    ):
        answer = client.post(f"/leads/{item.lead_id}/{verb}/", {"token": item.token})
        assert answer.status_code == 409, verb
        assert b"were erased on" in answer.content, verb
    assert not Decision.objects.exists()


def test_the_score_of_a_past_moment_says_so(people: dict[str, User], login: Login) -> None:
    decision_support.active_model()
    decision = decision_support.rejected(people["sdr"])
    canary.erased(decision.lead, people, now=LATER)
    html = (
        login(people["sdr"])
        .get(f"/leads/{decision.lead_id}/past/?at={LATER:%Y-%m-%dT%H:%M}")
        .content.decode()
    )
    assert "This is the score as it was frozen with the decision of" in html
    early = login(people["sdr"]).get(f"/leads/{decision.lead_id}/past/?at=2026-11-23T08:00")
    assert early.status_code == 422


def test_the_list_shows_requests_in_sight(
    lead: Lead, people: dict[str, User], login: Login
) -> None:
    client = login(people["manager"])
    assert "No request waits" in client.get("/erasures/").content.decode()
    canary.asked_for(lead, people, now=NOW, reference="T-12")
    foreign = factories.LeadFactory(team=factories.TeamFactory(name="Elsewhere"))
    Erasure.objects.create(lead=foreign, reference="T-13", reason="asked", asked_at=NOW)
    html = client.get("/erasures/").content.decode()
    assert "T-12" in html
    assert "T-13" not in html
    assert "Nobody was erased" in client.get("/erasures/?which=done").content.decode()
    assert "T-13" in login(people["admin"]).get("/erasures/").content.decode()
