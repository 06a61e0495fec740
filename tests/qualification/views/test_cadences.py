"""Cadences and touches on the pages: start, stop, one key a touch from My work."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client

from qualification.models import Cadence, CadenceRun, ReviewItem, Touch

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


@pytest.fixture
def owned(sdr: Client, claimed: Make) -> ReviewItem:
    item = claimed()
    sdr.post(f"/leads/{item.lead_id}/touch/", {"touch": "voicemail"}, headers=HTMX)
    return item


def start(sdr: Client, item: ReviewItem) -> str:
    cadence = Cadence.objects.get(key="three-weeks")
    url = f"/leads/{item.lead_id}/cadence/"
    return sdr.post(url, {"cadence": cadence.pk}, headers=HTMX)["HX-Trigger"]


def test_it_starts_shows_the_step_and_stops(sdr: Client, owned: ReviewItem) -> None:
    assert "First: Call for the first time" in json.loads(start(sdr, owned))["toast"]["message"]
    assert "Step 1 of 7" in sdr.get(f"/leads/{owned.lead_id}/").content.decode()
    sdr.post(f"/leads/{owned.lead_id}/cadence/stop/", headers=HTMX)
    assert not CadenceRun.objects.filter(ended_at=None).exists()
    stopped_again = sdr.post(f"/leads/{owned.lead_id}/cadence/stop/", headers=HTMX)
    assert stopped_again.status_code == 409


def test_a_claimed_lead_has_no_cadence(sdr: Client, claimed: Make) -> None:
    item = claimed()
    cadence = Cadence.objects.get()
    response = sdr.post(f"/leads/{item.lead_id}/cadence/", {"cadence": cadence.pk}, headers=HTMX)
    assert response.status_code == 409


@pytest.mark.parametrize("number", ["", "0", "x", "9" * 30])
def test_an_unknown_cadence_is_not_found(sdr: Client, owned: ReviewItem, number: str) -> None:
    response = sdr.post(f"/leads/{owned.lead_id}/cadence/", {"cadence": number}, headers=HTMX)
    assert response.status_code == 404


def test_a_touch_from_my_work_completes_the_step(sdr: Client, owned: ReviewItem) -> None:
    start(sdr, owned)
    page = sdr.get("/my-work/").content.decode()
    assert "Step 1 of 7" in page
    assert f'action="/leads/{owned.lead_id}/touch/"' in page
    given = {"touch": "no-answer", "from": "list"}
    response = sdr.post(f"/leads/{owned.lead_id}/touch/", given, headers=HTMX)
    told = json.loads(response["HX-Trigger"])
    assert "Next: Mail what you called about" in told["toast"]["message"]
    assert told["poll"]
    assert response.content == b""
    assert Touch.objects.filter(lead=owned.lead).count() == 2
    assert "Step 2 of 7" in sdr.get("/my-work/").content.decode()


def test_due_tasks_are_counted_in_the_navigation(sdr: Client, owned: ReviewItem) -> None:
    counted = '<span class="count">1</span>'
    assert counted not in sdr.get("/nurture/").content.decode()
    ReviewItem.objects.filter(pk=owned.pk).update(next_task_at=owned.entered_at)
    assert counted in sdr.get("/nurture/").content.decode()


def test_the_lead_page_says_what_time_it_is_for_them(sdr: Client, claimed: Make) -> None:
    here = claimed(country="Germany")
    assert " for them" in sdr.get(f"/leads/{here.lead_id}/").content.decode()
    nowhere = claimed()
    assert "Their time is unknown" in sdr.get(f"/leads/{nowhere.lead_id}/").content.decode()
