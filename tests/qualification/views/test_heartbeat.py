"""The heartbeat of an open page keeps the lease, and tells when it is gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem
from qualification.review.claims import reassign_item

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def beat(client: Client, item: ReviewItem) -> str:
    response = client.post(f"/leads/{item.lead_id}/heartbeat/", {"token": item.token}, headers=HTMX)
    assert response.status_code == 200
    return response.content.decode()


def test_it_renews_the_lease(sdr: Client, claimed: Make, here: dt.datetime) -> None:
    item = claimed()
    soon = here + dt.timedelta(minutes=1)
    ReviewItem.objects.filter(pk=item.pk).update(lease_until=soon)
    html = beat(sdr, item)
    item.refresh_from_db()
    assert item.lease_until is not None
    assert item.lease_until > soon + dt.timedelta(minutes=25)
    assert 'id="lease-left"' in html
    assert 'id="decision-bar"' not in html


def test_it_turns_the_page_read_only_when_the_claim_ran_out(
    sdr: Client, claimed: Make, here: dt.datetime
) -> None:
    item = claimed()
    ReviewItem.objects.filter(pk=item.pk).update(lease_until=here - dt.timedelta(seconds=1))
    html = beat(sdr, item)
    assert "Read only" in html
    assert 'id="ask"' not in html


def test_it_redraws_the_page_of_a_new_holder(
    sdr: Client, claimed: Make, people: dict[str, User], colleague: User, here: dt.datetime
) -> None:
    item = claimed()
    reassign_item(item=item, to=colleague, by=people["manager"], now=here)
    html = beat(sdr, item)
    assert "Aisha" in html
    assert "Read only" in html
