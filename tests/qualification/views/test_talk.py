"""“What to say” on the lead page: a fact to begin with, pages that fit, one press to log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from crm.models import Lead, User
from crm.stages import Stage
from qualification.choices import ItemState
from qualification.models import Material, MaterialStage, ReviewItem, Segment, Touch
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import answer, held_item

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]
ADD = "/admin/qualification/material/add/"
FREIGHT = {"subject": "lead.topic", "op": "contains", "value": "freight"}


def add(title: str, **fields: Any) -> Material:
    return Material.objects.create(
        **({"title": title, "url": f"https://show.example/{title}"} | fields)
    )


def shown(client: Client, lead: Lead) -> list[str]:
    response = client.get(f"/leads/{lead.pk}/talk/", headers={"HX-Request": "true"})
    assert response.status_code == 200
    return [material.title for material in response.context["materials"]]


@pytest.fixture
def item(people: dict[str, User]) -> ReviewItem:
    return held_item(people["sdr"], ItemState.OWNED, topic="Sea freight", country="Germany")


def test_the_sentence_names_the_fact_it_rests_on(
    item: ReviewItem, people: dict[str, User], login: Login
) -> None:
    client = login(people["sdr"])
    page = client.get(f"/leads/{item.lead_id}/").content.decode()
    assert "You asked us about Sea freight" in page
    assert "Rests on: Topic of the inquiry: Sea freight" in page
    answer(item.lead, "pain", people["sdr"], value="Late trucks")
    assert "“You told us: “Late trucks”" in client.get(f"/leads/{item.lead_id}/").text


def test_segment_and_condition_must_both_hold(
    item: ReviewItem, people: dict[str, User], login: Login
) -> None:
    home = Segment.objects.create(
        key="home", name="Home", query={"country": ["Germany"]}, created_at=NOW, updated_at=NOW
    )
    away = Segment.objects.create(
        key="away", name="Away", query={"country": ["Peru"]}, created_at=NOW, updated_at=NOW
    )
    add("both", segment=home, condition=FREIGHT)
    add("elsewhere", segment=away, condition=FREIGHT)
    add("other-topic", segment=home, condition=FREIGHT | {"value": "pallets"})
    add("unreadable", condition={"subject": "attributes.gone", "op": "is", "value": 1})
    add("off", is_active=False)
    assert shown(login(people["sdr"]), item.lead) == ["both"]


def test_the_first_three_by_position(
    item: ReviewItem, people: dict[str, User], login: Login
) -> None:
    for position in (4, 2, 1, 3):
        add(f"page-{position}", position=position)
    assert shown(login(people["sdr"]), item.lead) == ["page-1", "page-2", "page-3"]


@pytest.mark.parametrize(
    ("stage", "titles"),
    [
        (Stage.MQL, ["always", "in-work"]),
        (Stage.WORKING, ["always", "in-work"]),
        (Stage.NURTURE, ["always", "sleeping"]),
        (Stage.SQL, ["always", "handed"]),
        (Stage.OPPORTUNITY, ["always", "handed"]),
        (Stage.DISQUALIFIED, ["always"]),
    ],
)
def test_it_fits_the_stage(stage: Stage, titles: list[str]) -> None:
    add("always")
    add("in-work", stage=MaterialStage.WORKING)
    add("sleeping", stage=MaterialStage.NURTURE)
    add("handed", stage=MaterialStage.SQL)
    found = Material.objects.for_stage(Lead(stage=stage))
    assert [material.title for material in found] == titles


def test_the_holder_logs_the_mail_with_one_press(
    item: ReviewItem, people: dict[str, User], login: Login
) -> None:
    add("tour")
    client = login(people["sdr"])
    button = "Log a mail with tour"
    assert button in client.get(f"/leads/{item.lead_id}/talk/").content.decode()
    answered = client.post(
        f"/leads/{item.lead_id}/touch/",
        {"touch": "mail", "note": "Sent: tour"},
        headers={"HX-Request": "true"},
    )
    assert answered.status_code == 200
    touch = Touch.objects.get(lead=item.lead, kind="mail")
    assert (touch.result, touch.note) == ("sent", "Sent: tour")
    assert button not in login(people["manager"]).get(f"/leads/{item.lead_id}/talk/").text


def test_a_lead_out_of_sight_is_not_found(people: dict[str, User], login: Login) -> None:
    lead = factories.LeadFactory(team=factories.TeamFactory())
    assert login(people["sdr"]).get(f"/leads/{lead.pk}/talk/").status_code == 404


def test_nothing_known_is_said(people: dict[str, User], login: Login) -> None:
    item = held_item(people["sdr"], topic="")
    client = login(people["sdr"])
    assert "Nothing is known yet" in client.get(f"/leads/{item.lead_id}/").content.decode()
    assert "No page to show fits" in client.get(f"/leads/{item.lead_id}/talk/").content.decode()


def test_an_answer_changes_the_sentence_at_once(
    item: ReviewItem, people: dict[str, User], login: Login
) -> None:
    """The answer comes back with the pane it changed, the first sentence in it."""
    answered = login(people["sdr"]).post(
        f"/leads/{item.lead_id}/answer/",
        {"criterion": "pain", "state": "confirmed", "value": "Late trucks", "source": "Call"},
        headers={"HX-Request": "true"},
    )
    assert "“You told us: “Late trucks”" in answered.content.decode()


def test_an_admin_adds_one(people: dict[str, User], login: Login) -> None:
    client = login(people["admin"])
    given = {"title": "Tour", "url": "http://show.example/", "position": 1, "is_active": "on"}
    given |= {"condition": "{subject: lead.topic, op: contains, value: freight}"}
    refused = client.post(ADD, given)
    assert "A link that begins with https://" in refused.content.decode()
    wrong = client.post(ADD, given | {"url": "https://show.example/", "condition": "{subject: no}"})
    assert wrong.status_code == 200
    assert not Material.objects.exists()
    client.post(ADD, given | {"url": "https://show.example/"})
    assert Material.objects.get().condition == FREIGHT
    listed = client.get("/admin/qualification/material/").content.decode()
    assert "freight" in listed


def test_postgresql_refuses_a_link_that_runs_code() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        add("bad", url="javascript:alert(1)")
