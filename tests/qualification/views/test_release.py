"""Release from the lead page and from the row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ItemEvent, ReviewItem

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def test_it_goes_back_to_the_queue(sdr: Client, claimed: Make) -> None:
    item = claimed()
    response = sdr.post(f"/leads/{item.lead_id}/release/", {"note": "wrong language"})
    item.refresh_from_db()
    assert (item.state, item.holder) == ("waiting", None)
    assert response["Location"] == "/queue/"
    assert ItemEvent.objects.filter(item=item, note="wrong language").exists()


def test_it_redirects_htmx_by_header_and_rows_in_place(sdr: Client, claimed: Make) -> None:
    item, other = claimed(), claimed()
    response = sdr.post(f"/leads/{item.lead_id}/release/", headers=HTMX)
    assert response["HX-Redirect"] == "/queue/"
    row = {**HTMX, "HX-Target": f"lead-{other.lead_id}"}
    response = sdr.post(f"/leads/{other.lead_id}/release/", headers=row)
    assert response.content.decode().startswith("<tr")


def test_it_refuses_what_is_not_ones_own(sdr: Client, claimed: Make, colleague: User) -> None:
    item = claimed(by=colleague)
    response = sdr.post(f"/leads/{item.lead_id}/release/", headers=HTMX)
    assert response.status_code == 409
    assert "Aisha" in response["HX-Trigger"]
    assert sdr.get(f"/leads/{item.lead_id}/release/").status_code == 405
