"""Segments in the admin: the filter's own fields, checked as a whole, kept while in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.models import AttributeDefinition, User
from qualification.models import Segment
from tests import factories
from tests.qualification.scoring.conftest import document, load_model, rule

__all__ = ["load_model"]
pytestmark = pytest.mark.django_db
ADD = "/admin/qualification/segment/add/"
IS_VP = {"subject": "lead.title", "op": "is", "value": "VP"}


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    return login(people["admin"])


def given(**more: Any) -> dict[str, Any]:
    """What the browser submits."""
    return {"key": "nordics", "name": "Nordics", "description": "", **more}


def test_it_saves_what_the_filters_ask(admin: Client) -> None:
    AttributeDefinition.objects.create(name="sites", type="number")
    asked = given(
        market="Norway\n Sweden \n\nNorway",
        employees_min="50",
        email_kind=["corporate", "free"],
        is_target="False",
        attribute="sites",
        attribute_value="2",
    )
    response = admin.post(ADD, asked)
    assert response.status_code == 302, response.context["errors"]
    segment = Segment.objects.get(key="nordics")
    assert segment.query == {
        "market": ["Norway", "Sweden"],
        "employees_min": 50,
        "email_kind": ["corporate", "free"],
        "is_target": False,
        "attribute": "sites",
        "attribute_value": 2,
    }
    assert segment.created_by is not None


def test_the_page_comes_back_as_it_was_saved(admin: Client) -> None:
    admin.post(ADD, given(market="Norway\nSweden", is_target="True"))
    segment = Segment.objects.get(key="nordics")
    form = admin.get(f"/admin/qualification/segment/{segment.pk}/change/").context["adminform"].form
    data = {bound.name: bound.value() for bound in form if bound.value() is not None}
    admin.post(f"/admin/qualification/segment/{segment.pk}/change/", data)
    segment.refresh_from_db()
    assert segment.query == {"market": ["Norway", "Sweden"], "is_target": True}


def test_the_page_tells_in_words_who_is_in_it(admin: Client) -> None:
    factories.LeadFactory(account=factories.AccountFactory(country="Austria"))
    factories.LeadFactory(country=" germany ")
    factories.LeadFactory(country="Germany", account=factories.AccountFactory(country="Chile"))
    segment = Segment.objects.get(key="dach")
    html = admin.get(f"/admin/qualification/segment/{segment.pk}/change/").content.decode()
    assert "Company country is Germany, Austria, Switzerland" in html
    assert '<div class="readonly">2</div>' in html or ">2<" in html


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({}, "a segment needs at least one filter"),
        ({"employees_min": "10", "employees_max": "5"}, "Below the lowest number."),
        ({"employees_min": "-1"}, "greater than or equal to 0"),
        ({"attribute": "sites"}, "an attribute needs a value"),
        ({"attribute_value": "2"}, "an attribute needs a value"),
        ({"attribute": "sites", "attribute_value": "many"}, "not a number"),
        ({"attribute": "unheard_of", "attribute_value": "x"}, "not one of the available"),
        ({"source": ["nowhere"]}, "not one of the available"),
        ({"title": "a\x00b"}, "Null characters"),
        ({"city": "x" * 600}, "at most 500 characters"),
    ],
)
def test_it_refuses(admin: Client, asked: dict[str, Any], reason: str) -> None:
    AttributeDefinition.objects.create(name="sites", type="number")
    response = admin.post(ADD, given(**asked))
    assert response.status_code == 200
    assert reason in response.content.decode()
    assert not Segment.objects.filter(key="nordics").exists()


@pytest.mark.parametrize("activate", [False, True])
def test_it_stays_while_a_version_needs_it(
    admin: Client, load_model: Callable[..., Any], activate: bool
) -> None:
    load_model(document(rule(IS_VP, segment="dach")), activate=activate)
    segment = Segment.objects.get(key="dach")
    url = f"/admin/qualification/segment/{segment.pk}/delete/"
    assert "Segment DACH is used by rules of v1" in admin.get(url).content.decode()
    admin.post(url, {"post": "yes"})
    bulk = {"action": "delete_selected", "_selected_action": [segment.pk], "post": "yes"}
    admin.post("/admin/qualification/segment/", bulk)
    assert Segment.objects.filter(key="dach").exists()
    admin.post(
        f"/admin/qualification/segment/{Segment.objects.get(key='enterprise').pk}/delete/",
        {"post": "yes"},
    )
    assert not Segment.objects.filter(key="enterprise").exists()


def test_only_admins_change_segments(login: Callable[[User], Client], people: Any) -> None:
    for role in ("sdr", "manager", "marketing"):
        assert login(people[role]).post(ADD, given(market="Norway")).status_code in {302, 403}
    assert not Segment.objects.filter(key="nordics").exists()
