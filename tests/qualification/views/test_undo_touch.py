"""Undo of a touch on the pages: the toast of the lead page, of My work, and without scripts."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import ReviewItem, Touch, TouchUndo
from tests.qualification.decision_support import nurtured

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def log(client: Client, item: ReviewItem, **said: str) -> dict[str, object]:
    """What the toast says after a voicemail."""
    said = {"touch": "voicemail", **said}
    response = client.post(f"/leads/{item.lead_id}/touch/", said, headers=HTMX)
    toast: dict[str, object] = json.loads(response["HX-Trigger"])["toast"]
    return toast


def url(touch: Touch | None = None) -> str:
    return f"/touches/{(touch or Touch.objects.latest('pk')).pk}/undo/"


def test_the_toast_offers_it_and_the_page_is_as_before(sdr: Client, claimed: Make) -> None:
    item = claimed()
    toast = log(sdr, item)
    assert "Logged: voicemail." in str(toast["message"])
    assert (toast["undo_url"], toast["undo_in_place"]) == (url(), True)
    response = sdr.post(url(), headers=HTMX)
    html = response.content.decode()
    assert "Undone: voicemail." in response["HX-Trigger"]
    assert response["HX-Reswap"] == "none"
    assert 'id="decision-bar"' in html
    assert "Claimed by you" in html
    assert "logged: call, voicemail</s>" in html
    assert "Taken back" in html
    assert "became the owner" not in html
    item.refresh_from_db()
    assert item.state == "claimed"


def test_in_a_list_the_list_is_fetched_anew(sdr: Client, claimed: Make) -> None:
    item = claimed()
    toast = log(sdr, item, **{"from": "list"})
    assert toast["undo_url"] == f"{url()}?from=list"
    response = sdr.post(str(toast["undo_url"]), headers=HTMX)
    assert json.loads(response["HX-Trigger"])["poll"] is True
    assert response.content == b""


def test_without_scripts_the_message_offers_it(sdr: Client, claimed: Make) -> None:
    item = claimed()
    sdr.post(f"/leads/{item.lead_id}/touch/", {"touch": "mail"})
    page = sdr.get(f"/leads/{item.lead_id}/").content.decode()
    assert f'action="{url()}"' in page
    response = sdr.post(url())
    assert response["Location"] == f"/leads/{item.lead_id}/"
    assert "Undone: sent." in sdr.get(response["Location"]).content.decode()


def test_of_a_lead_that_sleeps(sdr: Client, people: dict[str, User]) -> None:
    decision = nurtured(people["sdr"], now=timezone.now())
    toast = log(sdr, decision.item)
    assert toast["undo_url"] == url()
    assert "Undone" in sdr.post(url(), headers=HTMX)["HX-Trigger"]
    assert TouchUndo.objects.count() == 1


def test_it_says_no_the_second_time(sdr: Client, claimed: Make) -> None:
    item = claimed()
    log(sdr, item)
    sdr.post(url(), headers=HTMX)
    response = sdr.post(url(), headers=HTMX)
    assert response.status_code == 409
    assert "taken back already" in response["HX-Trigger"]
    assert sdr.post(url())["Location"] == f"/leads/{item.lead_id}/"


def test_it_says_no_after_the_time(sdr: Client, claimed: Make) -> None:
    log(sdr, claimed())
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=31)):
        response = sdr.post(url(), headers=HTMX)
    assert response.status_code == 409
    assert "seconds to undo are over" in response["HX-Trigger"]


def test_it_is_for_the_person_who_logged_it(
    login: Callable[[User], Client],
    claimed: Make,
    colleague: User,
    stranger: User,
    people: dict[str, User],
) -> None:
    log(login(people["sdr"]), claimed())
    assert login(colleague).post(url(), headers=HTMX).status_code == 409
    assert login(stranger).post(url()).status_code == 404
    assert login(people["ae"]).post(url()).status_code == 403
    assert login(colleague).get(url()).status_code == 405
    assert not TouchUndo.objects.exists()
