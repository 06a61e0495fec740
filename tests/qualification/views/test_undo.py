"""Undo: one's own decision, while the time runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import Decision, ReviewItem
from qualification.review.decisions import reject_lead
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


@pytest.fixture
def rejected(claimed: Make, people: dict[str, User]) -> Decision:
    item = claimed()
    return reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("too_small"),
        now=timezone.now(),
    )


def url(decision: Decision) -> str:
    return f"/decisions/{decision.pk}/undo/"


def test_it_opens_the_lead_again(sdr: Client, rejected: Decision) -> None:
    response = sdr.post(url(rejected))
    assert response["Location"] == f"/leads/{rejected.lead_id}/"
    html = sdr.get(response["Location"]).content.decode()
    assert "is yours again" in html
    assert "Claimed by you" in html


def test_it_says_no_the_second_time(sdr: Client, rejected: Decision) -> None:
    sdr.post(url(rejected))
    assert sdr.post(url(rejected), headers=HTMX).status_code == 409
    assert sdr.post(url(rejected))["Location"] == "/queue/"


def test_it_says_no_after_the_time(sdr: Client, rejected: Decision) -> None:
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=31)):
        response = sdr.post(url(rejected), headers=HTMX)
    assert response.status_code == 409
    assert "seconds to undo are over" in response["HX-Trigger"]


def test_it_is_for_the_person_who_decided(
    login: Callable[[User], Client],
    colleague: User,
    stranger: User,
    people: dict[str, User],
    rejected: Decision,
) -> None:
    assert login(colleague).post(url(rejected), headers=HTMX).status_code == 409
    assert login(stranger).post(url(rejected)).status_code == 404
    assert login(people["ae"]).post(url(rejected)).status_code == 403
    assert login(colleague).get(url(rejected)).status_code == 405
    assert not Decision.objects.filter(kind="reversed").exists()
