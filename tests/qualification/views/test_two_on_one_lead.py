"""Two people at one lead: what other systems let happen, each a case here by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import Cadence, Decision, Framework, ReviewItem, Touch
from qualification.review.claims import claim_item
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
SECONDS = dt.timedelta(seconds=1)
Make = Callable[..., ReviewItem]
Login = Callable[[User], Client]

# What one can do with a lead one has, and what the browser sends with it. Each is done to a lead
# that its holder owns.
DOORS: dict[str, Callable[[ReviewItem], dict[str, Any]]] = {
    "touch": lambda item: {"touch": "spoke"},
    "answer": lambda item: {
        "criterion": "budget",
        "state": "confirmed",
        "value": "120k",
        "source": "Call",
    },
    "facts/title": lambda item: {"text": "Chair", "seen": item.lead.title},
    "roles": lambda item: {"role": "decision_maker", "source": "Call", "confidence": "70"},
    "framework": lambda item: {"framework": Framework.objects.get(key="meddic").pk},
    "cadence": lambda item: {"cadence": Cadence.objects.get(key="three-weeks").pk},
    "snooze": lambda item: {"preset": "days", "task": "Call back"},
    "pause": lambda item: {"preset": "days", "reason": "On leave"},
    "ask-manager": lambda item: {"question": "Demo is booked"},
    "release": lambda item: {},
    "reject": lambda item: {"token": item.token, "reason": reason("too_small").pk},
    "nurture": lambda item: {
        "token": item.token,
        "reason": reason("no_project").pk,
        "preset": "90",
    },
}


def rows_there_are() -> dict[str, int]:
    """How many rows each table of ours has; who looks at a page leaves none that counts."""
    models = [*apps.get_app_config("crm").get_models()]
    models += apps.get_app_config("qualification").get_models()
    return {model.__name__: model._base_manager.count() for model in models}


@pytest.mark.parametrize("door", DOORS)
def test_zammad_246_nobody_else_can_do_anything_with_a_lead_that_is_held(
    door: str, owned: Make, colleague: User, people: dict[str, User], login: Login
) -> None:
    item = owned(by=colleague)
    url, given = f"/leads/{item.lead_id}/{door}/", DOORS[door](item)
    before, stood = rows_there_are(), ReviewItem.objects.values().get(pk=item.pk)
    refused = login(people["sdr"]).post(url, given, headers=HTMX)
    assert refused.status_code == 409
    said = unescape(refused.content.decode() + refused.get("HX-Trigger", ""))
    assert "Aisha holds this lead." in said
    assert rows_there_are() == before
    assert ReviewItem.objects.values().get(pk=item.pk) == stood
    # The control: whoever holds it goes through the same door with the same words.
    assert login(colleague).post(url, given, headers=HTMX).status_code == 200
    assert rows_there_are() != before or ReviewItem.objects.values().get(pk=item.pk) != stood


def test_chatwoot_775_helpdesk_494_whoever_comes_second_is_told_at_once_who_works_on_it(
    waiting: Make, colleague: User, people: dict[str, User], login: Login
) -> None:
    """On the page of the lead, in the list, and on the page that was open before."""
    item = waiting()
    second = login(people["sdr"])
    page = f"/leads/{item.lead_id}/"
    assert "Nobody holds this lead" in second.get(page).content.decode()
    shown = ReviewItem.objects.get(pk=item.pk).hands
    login(colleague).post(f"{page}claim/", headers=HTMX)
    second = login(people["sdr"])
    poll = second.post(f"{page}presence/", {"hands": shown}, headers=HTMX)
    assert "Aisha holds this lead." in poll["HX-Trigger"]
    assert f'hx-post="{page}claim/"' not in poll.content.decode()
    assert "holds this lead. You can read it." in second.get(page).content.decode()
    row = second.get("/queue/").content.decode()
    assert f'hx-post="{page}claim/"' not in row
    assert "Aisha" in row
    refused = second.post(f"{page}claim/", headers=HTMX)
    assert refused.status_code == 409
    assert "Aisha claimed this lead" in refused.content.decode() + refused.get("HX-Trigger", "")


@pytest.mark.parametrize("minutes", [1, 2])
def test_osticket_2504_whoever_holds_a_lead_is_not_locked_out_of_it(
    minutes: int, waiting: Make, people: dict[str, User], login: Login, settings: Any
) -> None:
    """The shortest claims last an hour while the page is open, and every verb goes through."""
    settings.LEADQUAL = {**settings.LEADQUAL, "CLAIM_MINUTES": minutes}
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        item = claim_item(item=waiting(), by=people["sdr"], now=start)
        url = f"/leads/{item.lead_id}/"
        sdr = login(people["sdr"])
        for number in range(120):
            clock.shift(30 * SECONDS)
            beat = sdr.post(f"{url}heartbeat/", {"token": item.token}, headers=HTMX)
            assert "Read only" not in beat.content.decode(), number
        given = {**DOORS["answer"](item), "value": "After an hour"}
        assert sdr.post(f"{url}answer/", given, headers=HTMX).status_code == 200
        given = {**DOORS["reject"](item), "note": "After an hour"}
        assert sdr.post(f"{url}reject/", given, headers=HTMX).status_code == 200
    assert Decision.objects.get().note == "After an hour"


def test_osticket_2504_a_claim_that_ran_out_is_taken_again_and_the_words_go_through(
    claimed: Make, people: dict[str, User], login: Login
) -> None:
    """Refused once, with what was typed; never over and over."""
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        item = claimed()
        url = f"/leads/{item.lead_id}/"
        sdr = login(people["sdr"])
        clock.shift(2 * 3600 * SECONDS)
        given = {**DOORS["reject"](item), "note": "Typed before the break"}
        late = sdr.post(f"{url}reject/", given, headers=HTMX)
        assert late.status_code == 409
        html = unescape(late.content.decode())
        assert "Your claim ended at" in html
        assert "nobody holds this lead now" in html
        assert "Typed before the break" in html
        assert sdr.post(f"{url}claim/", headers=HTMX).status_code == 200
        item.refresh_from_db()
        again = {**given, "token": item.token}
        assert sdr.post(f"{url}reject/", again, headers=HTMX).status_code == 200
    assert Decision.objects.get().note == "Typed before the break"


def test_osticket_2504_two_windows_of_one_person_do_not_lock_each_other_out(
    claimed: Make, people: dict[str, User], client: Client
) -> None:
    item = claimed()
    url = f"/leads/{item.lead_id}/"
    first, second = Client(), Client()
    for window in (first, second):
        window.force_login(people["sdr"])
    for window in (first, second, first, second):
        assert window.post(f"{url}claim/", headers=HTMX).status_code == 200
        beat = window.post(f"{url}heartbeat/", {"token": item.token}, headers=HTMX)
        assert "Read only" not in beat.content.decode()
        assert window.post(f"{url}touch/", {"touch": "voicemail"}, headers=HTMX).status_code == 200
    assert Touch.objects.count() == 4
