"""Claim and reassign from the queue and from the lead page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem
from qualification.review.claims import claim_item

pytestmark = pytest.mark.django_db
Make = Callable[..., ReviewItem]


def from_row(item: ReviewItem) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": f"lead-{item.lead_id}"}


def test_it_gives_the_row_back_with_the_new_owner(sdr: Client, waiting: Make) -> None:
    item = waiting()
    response = sdr.post(f"/leads/{item.lead_id}/claim/", headers=from_row(item))
    html = response.content.decode()
    assert response.status_code == 200
    assert html.startswith(f'<tr role="row" id="lead-{item.lead_id}"')
    assert "You" in html
    assert 'id="my-claims"' in html


def test_it_gives_the_row_back_with_409_when_somebody_was_faster(
    sdr: Client, waiting: Make, colleague: User, here: dt.datetime
) -> None:
    item = waiting()
    claim_item(item=item, by=colleague, now=here)
    response = sdr.post(f"/leads/{item.lead_id}/claim/", headers=from_row(item))
    assert response.status_code == 409
    assert "Aisha" in response.content.decode()
    assert "Aisha claimed this lead" in response["HX-Trigger"]


def test_it_redraws_the_lead_page(sdr: Client, waiting: Make) -> None:
    item = waiting()
    response = sdr.post(f"/leads/{item.lead_id}/claim/", headers={"HX-Request": "true"})
    html = response.content.decode()
    for part in ("lead-top", "decision-bar", "journey", "discovery"):
        assert f'id="{part}"' in html
    assert "Claimed by you" in html


def test_the_page_it_redraws_says_the_new_stage(sdr: Client, waiting: Make) -> None:
    """The verb moves the stage after the lead was read."""
    item = waiting()
    response = sdr.post(f"/leads/{item.lead_id}/claim/", headers={"HX-Request": "true"})
    assert "#stage-working" in response.content.decode()


def test_it_goes_to_the_lead_without_htmx(sdr: Client, waiting: Make) -> None:
    item = waiting()
    response = sdr.post(f"/leads/{item.lead_id}/claim/")
    assert response["Location"] == f"/leads/{item.lead_id}/"


def test_it_renews_when_pressed_twice(sdr: Client, waiting: Make) -> None:
    item = waiting()
    url = f"/leads/{item.lead_id}/claim/"
    assert [sdr.post(url).status_code for _ in range(2)] == [302, 302]


def test_it_refuses_get_other_roles_and_other_teams(
    sdr: Client,
    login: Callable[[User], Client],
    people: dict[str, User],
    stranger: User,
    waiting: Make,
) -> None:
    url = f"/leads/{waiting().lead_id}/claim/"
    assert sdr.get(url).status_code == 405
    assert login(people["ae"]).post(url).status_code == 403
    assert login(stranger).post(url).status_code == 404


def test_a_manager_gives_it_to_a_colleague(
    login: Callable[[User], Client], people: dict[str, User], colleague: User, claimed: Make
) -> None:
    item = claimed()
    client = login(people["manager"])
    client.post(f"/leads/{item.lead_id}/reassign/", {"to": colleague.pk})
    item.refresh_from_db()
    assert item.holder == colleague
    client.post(f"/leads/{item.lead_id}/reassign/", {"to": people["marketing"].pk})
    item.refresh_from_db()
    assert item.holder == colleague
