"""Snooze: a dialog with presets, or a time of one's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def test_it_draws_the_dialog(sdr: Client, owned: Make) -> None:
    item = owned()
    url = f"/leads/{item.lead_id}/snooze/"
    assert "dialog-head" in sdr.get(url, headers=HTMX).content.decode()
    assert "<html" in sdr.get(url).content.decode()


@pytest.mark.parametrize(
    ("preset", "least_hours"), [("hours", 1.9), ("morning", 0), ("days", 48), ("week", 140)]
)
def test_it_puts_off_by_a_preset(
    sdr: Client, owned: Make, here: dt.datetime, preset: str, least_hours: float
) -> None:
    item = owned()
    form = {"preset": preset, "task": "Call back"}
    response = sdr.post(f"/leads/{item.lead_id}/snooze/", form, headers=HTMX)
    item.refresh_from_db()
    assert response.status_code == 200
    assert "leadqual:close-dialog" in response["HX-Trigger"]
    assert item.next_task == "Call back"
    assert item.next_task_at is not None
    assert item.next_task_at > here + dt.timedelta(hours=least_hours)


def test_it_keeps_the_form_when_the_time_has_passed(sdr: Client, owned: Make) -> None:
    item = owned()
    form = {"until": "2020-01-01T10:00", "task": "Kept text"}
    response = sdr.post(f"/leads/{item.lead_id}/snooze/", form, headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 422
    assert "Kept text" in html
    assert 'aria-invalid="true"' in html


def test_it_refuses_a_mere_claim(sdr: Client, claimed: Make) -> None:
    item = claimed()
    response = sdr.post(f"/leads/{item.lead_id}/snooze/", {"preset": "days"}, headers=HTMX)
    assert response.status_code == 409
    assert "Log a touch first" in response.content.decode()


def test_it_refuses_a_time_no_page_could_show(
    sdr: Client, owned: Make, people: dict[str, User]
) -> None:
    item = owned()
    User.objects.filter(pk=people["sdr"].pk).update(time_zone="America/New_York")
    form = {"until": "9999-12-31T23:59"}
    response = sdr.post(f"/leads/{item.lead_id}/snooze/", form, headers=HTMX)
    assert response.status_code == 422
    assert "within ten years" in response.content.decode()
    assert sdr.get("/my-work/").status_code == 200
