"""The bulk bar of the queue: rows told in place, refusals listed, nothing with a foreign id."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from html import unescape

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.choices import TouchKind, TouchResult
from qualification.models import ReviewItem
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch
from tests import factories

pytestmark = pytest.mark.django_db
Make = Callable[..., ReviewItem]
HTMX = {"HX-Request": "true"}
CLAIM, ASSIGN, RELEASE = (f"/queue/bulk/{verb}/" for verb in ("claim", "assign", "release"))


def words(*items: ReviewItem) -> list[str]:
    return [f"{item.lead_id}-{item.token}" for item in items]


def said(response: object) -> dict[str, object]:
    triggers: dict[str, object] = json.loads(response["HX-Trigger"])  # type: ignore[index]
    return triggers


def test_it_claims_and_tells_the_rows_in_place(sdr: Client, waiting: Make) -> None:
    items = [waiting(), waiting()]
    response = sdr.post(CLAIM, {"lead": words(*items)}, headers=HTMX)
    html = response.content.decode()
    for item in items:
        assert f'id="own-{item.pk}" data-token="2" hx-swap-oob="true"' in html
    assert "<tr" not in html
    assert said(response)["leadqual:unpick"] == {"leads": [item.lead_id for item in items]}
    toast = said(response)["toast"]
    assert isinstance(toast, dict)
    assert toast["message"] == "2 claimed."
    back = sdr.post(toast["undo_url"], follow=True)
    assert "2 taken back." in back.content.decode()
    assert ReviewItem.objects.waiting().count() == 2


def test_it_lists_those_it_could_not_have(
    sdr: Client, waiting: Make, colleague: User, here: dt.datetime
) -> None:
    items = [waiting(), waiting(first_name="Marcus", last_name="Webb")]
    claim_item(item=items[1], by=colleague, now=here)
    response = sdr.post(CLAIM, {"lead": words(*items)}, headers=HTMX)
    toast = said(response)["toast"]
    assert isinstance(toast, dict)
    assert toast["message"] == f"1 claimed, 1 had been taken by {colleague}."
    html = unescape(response.content.decode())
    assert "Marcus Webb" in html
    assert "Aisha claimed this lead" in html


def test_a_manager_assigns_by_a_dialog(
    login: Callable[[User], Client], people: dict[str, User], colleague: User, waiting: Make
) -> None:
    items = [waiting(), waiting()]
    client = login(people["manager"])
    dialog = client.get(ASSIGN, {"lead": words(*items)}, headers=HTMX).content.decode()
    assert "Assign 2 leads" in dialog
    assert f'value="{words(items[0])[0]}"' in dialog
    sent = {"lead": words(*items), "to": colleague.pk}
    response = client.post(ASSIGN, sent, headers=HTMX)
    assert said(response)["leadqual:close-dialog"] is True
    assert ReviewItem.objects.held_by(colleague).count() == 2
    again = client.post(ASSIGN, {"lead": words(*items), "to": people["ae"].pk}, headers=HTMX)
    assert again.status_code == 422


def test_what_was_somebodys_already_is_said_and_not_counted(
    login: Callable[[User], Client],
    people: dict[str, User],
    colleague: User,
    waiting: Make,
    here: dt.datetime,
) -> None:
    items = [claim_item(item=waiting(), by=colleague, now=here), waiting()]
    manager = login(people["manager"])
    sent = {"lead": words(*items), "to": colleague.pk}
    toast = said(manager.post(ASSIGN, sent, headers=HTMX))["toast"]
    assert isinstance(toast, dict)
    assert toast["message"] == f"1 assigned to {colleague}, 1 was theirs already."
    undone = manager.post(toast["undo_url"], headers=HTMX)
    assert '"1 taken back."' in undone["HX-Trigger"]
    assert list(ReviewItem.objects.held_by(colleague)) == [items[0]]
    answer = login(colleague).post(CLAIM, {"lead": words(items[0])}, headers=HTMX)
    toast = said(answer)["toast"]
    assert isinstance(toast, dict)
    assert toast["message"] == "0 claimed, 1 was yours already."
    assert not toast.get("undo_url")
    assert said(answer)["leadqual:unpick"] == {"leads": [items[0].lead_id]}


def test_giving_back_what_others_hold_wants_words(
    login: Callable[[User], Client], people: dict[str, User], claimed: Make
) -> None:
    item = claimed()
    client = login(people["manager"])
    response = client.post(RELEASE, {"lead": words(item)}, headers=HTMX)
    assert response.status_code == 422
    assert "others hold some" in response.content.decode()
    client.post(RELEASE, {"lead": words(item), "note": "on leave"}, headers=HTMX)
    item.refresh_from_db()
    assert item.state == "waiting"


def test_it_works_without_htmx(sdr: Client, waiting: Make, claimed: Make) -> None:
    item = claimed()
    assert "Give 1 lead back" in sdr.get(RELEASE, {"lead": words(item)}).content.decode()
    response = sdr.post(RELEASE, {"lead": words(item)}, follow=True)
    assert "1 given back." in response.content.decode()


def test_one_foreign_or_absent_or_broken_id_refuses_all(sdr: Client, waiting: Make) -> None:
    ours = waiting()
    foreign = waiting(team=factories.TeamFactory(name="Americas"))
    wrong = [words(foreign)[0], "987654321-1", "x", "1-", "-", "9" * 30, "²"]
    for word in wrong:
        for verb in (CLAIM, RELEASE):
            response = sdr.post(verb, {"lead": [*words(ours), word]}, headers=HTMX)
            assert response.status_code == 404, word
    assert ReviewItem.objects.exclude(state="waiting").count() == 0


def test_it_takes_no_more_than_it_says(sdr: Client, waiting: Make) -> None:
    response = sdr.post(CLAIM, {"lead": [str(n) for n in range(1, 102)]}, headers=HTMX)
    assert response.status_code == 422
    assert "from 1 to 100" in response["HX-Trigger"]
    assert sdr.post(CLAIM, headers=HTMX).status_code == 422


def test_only_managers_see_assign(
    sdr: Client, waiting: Make, login: Callable[[User], Client], people: dict[str, User]
) -> None:
    waiting()
    assert ASSIGN not in sdr.get("/queue/").content.decode()
    assert ASSIGN in login(people["manager"]).get("/queue/").content.decode()


def test_a_manager_takes_an_assignment_back_but_for_what_was_worked_on(
    login: Callable[[User], Client],
    people: dict[str, User],
    colleague: User,
    waiting: Make,
    here: dt.datetime,
) -> None:
    items = [waiting(last_name="Webb", first_name="Marcus"), waiting()]
    client = login(people["manager"])
    sent = {"lead": words(*items), "to": colleague.pk}
    toast = said(client.post(ASSIGN, sent, headers=HTMX))["toast"]
    assert isinstance(toast, dict)
    assert toast["undo_in_place"] is True
    taken = ReviewItem.objects.get(pk=items[0].pk)
    log_touch(
        item=taken, by=colleague, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=timezone.now()
    )
    response = client.post(toast["undo_url"], headers=HTMX)
    told = said(response)["toast"]
    assert isinstance(told, dict)
    assert told["message"] == "1 taken back, 1 could not be taken back."
    assert "undo_url" not in told
    html = unescape(response.content.decode())
    assert "Marcus Webb" in html
    assert "worked on this lead at" in html
    assert f'id="own-{items[1].pk}" data-token="3" hx-swap-oob="true"' in html
    again = client.post(toast["undo_url"], follow=True).content.decode()
    assert "0 taken back, 2 could not be taken back." in again
    assert "This was taken back already." in again


def test_an_undo_is_of_whoever_did_it_and_in_time(
    login: Callable[[User], Client], people: dict[str, User], colleague: User, claimed: Make
) -> None:
    item = claimed()
    client = login(people["manager"])
    sent = {"lead": words(item), "note": "on leave"}
    toast = said(client.post(RELEASE, sent, headers=HTMX))["toast"]
    assert isinstance(toast, dict)
    url = str(toast["undo_url"])
    assert client.get(url).status_code == 405
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=31)):
        late = client.post(url, headers=HTMX)
        assert (late.status_code, "seconds to undo are over" in late["HX-Trigger"]) == (409, True)
    for other, status in ((people["admin"], 404), (colleague, 404), (people["ae"], 403)):
        assert login(other).post(url, headers=HTMX).status_code == status
    assert login(people["manager"]).post(url).status_code == 302
    item.refresh_from_db()
    assert (item.state, item.holder) == ("claimed", people["sdr"])
