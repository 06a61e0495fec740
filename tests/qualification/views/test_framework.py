"""Switching the checklist keeps what is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from qualification.models import Framework, ReviewItem

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def test_it_shows_the_answers_in_the_other_checklist(sdr: Client, claimed: Make) -> None:
    item = claimed()
    given = {"criterion": "pain", "state": "confirmed", "value": "mis-picks", "source": "Call"}
    sdr.post(f"/leads/{item.lead_id}/answer/", given)
    meddic = Framework.objects.get(key="meddic")
    url = f"/leads/{item.lead_id}/framework/"
    html = sdr.post(url, {"framework": meddic.pk}, headers=HTMX).content.decode()
    item.refresh_from_db()
    assert item.framework == meddic
    assert "mis-picks" in html
    assert "Champion" in html


def test_it_refuses_an_unknown_one(sdr: Client, claimed: Make) -> None:
    item = claimed()
    url = f"/leads/{item.lead_id}/framework/"
    assert sdr.post(url, {"framework": "99999"}, headers=HTMX).status_code == 422
    assert sdr.post(url, {"framework": "99999"}).status_code == 302
