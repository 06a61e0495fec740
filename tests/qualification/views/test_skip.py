"""Skip on the lead page: the dialog, and on to the next lead."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem, Skip

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def test_the_dialog_asks_for_a_reason(sdr: Client, claimed: Make) -> None:
    item = claimed()
    assert (
        "Why somebody else should take it"
        in sdr.get(f"/leads/{item.lead_id}/skip/", headers=HTMX).content.decode()
    )
    assert sdr.post(f"/leads/{item.lead_id}/skip/", headers=HTMX).status_code == 422
    words = {"reason": "other"}
    assert sdr.post(f"/leads/{item.lead_id}/skip/", words, headers=HTMX).status_code == 422
    assert not Skip.objects.exists()


def test_it_opens_the_next_lead(
    sdr: Client, claimed: Make, waiting: Make, people: dict[str, User]
) -> None:
    item, following = claimed(), waiting(400)
    response = sdr.post(f"/leads/{item.lead_id}/skip/", {"reason": "language"})
    assert response["Location"] == f"/leads/{following.lead_id}/"
    following.refresh_from_db()
    assert following.holder == people["sdr"]
    assert Skip.objects.get().item == item


def test_it_goes_to_the_queue_when_nothing_is_left(sdr: Client, claimed: Make) -> None:
    item = claimed()
    response = sdr.post(f"/leads/{item.lead_id}/skip/", {"reason": "time"})
    assert response["Location"] == "/queue/"


def test_it_says_who_holds_it_instead(sdr: Client, claimed: Make, colleague: User) -> None:
    item = claimed(by=colleague)
    response = sdr.post(f"/leads/{item.lead_id}/skip/", {"reason": "time"}, headers=HTMX)
    assert response.status_code == 409
    assert "Aisha" in response.content.decode()
