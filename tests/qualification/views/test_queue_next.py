"""Next lead: claims and opens, says when there is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem

pytestmark = pytest.mark.django_db
NEXT = "/queue/next/"
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def test_it_claims_the_best_and_opens_it(
    sdr: Client, waiting: Make, people: dict[str, User]
) -> None:
    waiting(450)
    best = waiting(900)
    response = sdr.post(NEXT)
    best.refresh_from_db()
    assert response.status_code == 302
    assert response["Location"] == f"/leads/{best.lead_id}/"
    assert (best.state, best.holder) == ("claimed", people["sdr"])


def test_it_redirects_htmx_by_header(sdr: Client, waiting: Make) -> None:
    item = waiting()
    response = sdr.post(NEXT, headers=HTMX)
    assert response["HX-Redirect"] == f"/leads/{item.lead_id}/"


def test_it_answers_204_with_a_toast_when_the_queue_is_clear(sdr: Client) -> None:
    response = sdr.post(NEXT, headers=HTMX)
    assert response.status_code == 204
    assert "Queue clear" in response["HX-Trigger"]
    assert sdr.post(NEXT)["Location"] == "/queue/"


def test_it_says_when_no_claim_is_left(sdr: Client, claimed: Make, waiting: Make) -> None:
    for _ in range(settings.LEADQUAL["CLAIM_LIMIT"]):
        claimed()
    item = waiting()
    response = sdr.post(NEXT, headers=HTMX)
    item.refresh_from_db()
    assert response.status_code == 204
    assert "5 of 5 claims" in response["HX-Trigger"]
    assert item.state == "waiting"


def test_it_refuses_get_and_other_roles(
    sdr: Client, login: Callable[[User], Client], people: dict[str, User]
) -> None:
    assert sdr.get(NEXT).status_code == 405
    assert login(people["ae"]).post(NEXT).status_code == 403
