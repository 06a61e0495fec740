"""The touch menu: five results, each with its next step."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ReviewItem, Touch
from qualification.review.next_steps import TOUCHES

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


@pytest.mark.parametrize("choice", TOUCHES, ids=lambda choice: choice.key)
def test_it_logs_each_entry_with_its_next_step(sdr: Client, claimed: Make, choice: object) -> None:
    item = claimed()
    response = sdr.post(f"/leads/{item.lead_id}/touch/", {"touch": choice.key}, headers=HTMX)  # type: ignore[attr-defined]
    item.refresh_from_db()
    touch = Touch.objects.get(item=item)
    assert response.status_code == 200
    assert (touch.kind, touch.result) == (choice.kind, choice.result)  # type: ignore[attr-defined]
    assert item.state == "owned"
    assert item.next_task == str(choice.task)  # type: ignore[attr-defined]
    assert item.next_task_at is not None
    assert "Logged" in response["HX-Trigger"]


def test_it_stays_on_the_page(sdr: Client, claimed: Make) -> None:
    item = claimed()
    url = f"/leads/{item.lead_id}/touch/"
    html = sdr.post(url, {"touch": "spoke"}, headers=HTMX).content.decode()
    assert "Answered in" in html
    assert 'id="decision-bar"' in html
    assert sdr.post(url, {"touch": "mail"})["Location"] == f"/leads/{item.lead_id}/"


def test_it_takes_every_field_by_itself(sdr: Client, claimed: Make) -> None:
    item = claimed()
    form = {"kind": "meeting", "result": "spoke", "note": "Coffee"}
    sdr.post(f"/leads/{item.lead_id}/touch/", form)
    assert Touch.objects.get(item=item).note == "Coffee"


def test_it_refuses_what_it_does_not_know(sdr: Client, claimed: Make) -> None:
    item = claimed()
    response = sdr.post(f"/leads/{item.lead_id}/touch/", {"touch": "smoke"}, headers=HTMX)
    assert response.status_code == 422
    assert not Touch.objects.exists()


def test_it_refuses_somebody_else(sdr: Client, claimed: Make, colleague: User) -> None:
    item = claimed(by=colleague)
    response = sdr.post(f"/leads/{item.lead_id}/touch/", {"touch": "spoke"}, headers=HTMX)
    assert response.status_code == 409
    assert not Touch.objects.exists()


def test_it_takes_a_note_with_a_nul(sdr: Client, claimed: Make) -> None:
    item = claimed()
    sdr.post(f"/leads/{item.lead_id}/touch/", {"touch": "spoke", "note": "a\x00b"})
    assert Touch.objects.get(item=item).note == "ab"


@pytest.mark.parametrize("when", ["9999-12-31T23:59", "0001-01-01T00:00"])
def test_it_refuses_a_time_no_page_could_show(
    sdr: Client, claimed: Make, people: dict[str, User], when: str
) -> None:
    item = claimed()
    User.objects.filter(pk=people["sdr"].pk).update(time_zone="America/New_York")
    form = {"kind": "call", "result": "spoke", "next_task": "Call", "next_task_at": when}
    assert sdr.post(f"/leads/{item.lead_id}/touch/", form, headers=HTMX).status_code == 422
    assert sdr.get("/my-work/").status_code == 200


@pytest.mark.parametrize("charset", ["base64", "raw_unicode_escape", "undefined"])
def test_it_refuses_fields_in_a_strange_charset(sdr: Client, claimed: Make, charset: str) -> None:
    item = claimed()
    body = b'--B\r\nContent-Disposition: form-data; name="touch"\r\n\r\n\\ud800\r\n--B--\r\n'
    kind = f"multipart/form-data; boundary=B; charset={charset}"
    response = sdr.generic("POST", f"/leads/{item.lead_id}/touch/", body, content_type=kind)
    assert response.status_code == 415
