"""Pause and resume on the lead page: the dialog, the verb, and what is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem, SLAPause

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]
FORM = {"preset": "days", "reason": "Asked us to call in December"}


def test_it_draws_the_dialog(sdr: Client, claimed: Make) -> None:
    item = claimed()
    url = f"/leads/{item.lead_id}/pause/"
    assert "dialog-head" in sdr.get(url, headers=HTMX).content.decode()
    assert "<html" in sdr.get(url).content.decode()


def test_it_pauses_shows_why_and_resumes(sdr: Client, claimed: Make) -> None:
    item = claimed()
    page = f"/leads/{item.lead_id}/"
    assert "Pause the clock" in sdr.get(page).content.decode()
    response = sdr.post(f"{page}pause/", FORM, headers=HTMX)
    assert response.status_code == 200
    assert "leadqual:close-dialog" in response["HX-Trigger"]
    shown = sdr.get(page).content.decode()
    assert "Asked us to call in December" in shown
    assert "Resume" in shown
    assert sdr.post(f"{page}resume/", headers=HTMX).status_code == 200
    assert SLAPause.objects.get().ended_at is not None
    assert f'hx-get="{page}clock/"' in sdr.get(page).content.decode()
    assert "Why this clock" in sdr.get(f"{page}clock/", headers=HTMX).content.decode()
    assert "Back to the lead" in sdr.get(f"{page}clock/").content.decode()


def test_without_scripts_it_comes_back_to_the_page(sdr: Client, claimed: Make) -> None:
    item = claimed()
    response = sdr.post(f"/leads/{item.lead_id}/pause/", FORM)
    assert (response.status_code, response["Location"]) == (302, f"/leads/{item.lead_id}/")


def test_what_is_wrong_is_said_and_the_text_kept(sdr: Client, claimed: Make) -> None:
    item = claimed()
    url = f"/leads/{item.lead_id}/pause/"
    response = sdr.post(url, {"preset": "days", "reason": ""}, headers=HTMX)
    assert response.status_code == 422
    assert "Say why the clock stops" in response.content.decode()
    late = {"reason": "Kept text", "until": "2099-01-01T10:00"}
    response = sdr.post(url, late, headers=HTMX)
    assert response.status_code == 422
    assert "Kept text" in response.content.decode()


def test_twice_is_refused(sdr: Client, claimed: Make) -> None:
    item = claimed()
    sdr.post(f"/leads/{item.lead_id}/pause/", FORM, headers=HTMX)
    response = sdr.post(f"/leads/{item.lead_id}/pause/", FORM, headers=HTMX)
    assert response.status_code == 409
    assert "paused already" in response.content.decode()


def test_a_colleague_may_not_a_manager_may(
    claimed: Make, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    item = claimed()
    client = login(people["manager"])
    assert client.post(f"/leads/{item.lead_id}/pause/", FORM, headers=HTMX).status_code == 200
    assert "Resume" in client.get(f"/leads/{item.lead_id}/").content.decode()
