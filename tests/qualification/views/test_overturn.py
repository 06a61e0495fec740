"""Overturn: a manager puts a rejected lead back into the queue, with a note."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import Decision, ReviewItem
from qualification.review.decisions import nurture_lead, reject_lead
from qualification.review.nurture import WakeWish
from tests import factories
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


@pytest.fixture
def rejected(claimed: Make, people: dict[str, User], here: dt.datetime) -> Decision:
    item = claimed()
    return reject_lead(
        item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=here
    )


@pytest.fixture
def manager(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["manager"])


def url(decision: Decision) -> str:
    return f"/decisions/{decision.pk}/overturn/"


def test_it_puts_the_lead_back(manager: Client, rejected: Decision) -> None:
    page = manager.get(f"/decisions/{rejected.pk}/").content.decode()
    assert url(rejected) in page
    assert b"Overturn rejection" in manager.get(url(rejected), headers=HTMX).content
    answer = manager.post(url(rejected), {"note": "The buyer was never asked."}, headers=HTMX)
    assert answer["HX-Redirect"] == f"/decisions/{rejected.pk}/"
    item = ReviewItem.objects.open().get(lead=rejected.lead_id)
    assert item.entry_reason == "overturned"
    page = manager.get(f"/decisions/{rejected.pk}/").content.decode()
    assert "Overturned" in page
    assert "The buyer was never asked." in page
    assert url(rejected) not in page


def test_it_works_without_scripts(manager: Client, rejected: Decision) -> None:
    assert b"<nav" in manager.get(url(rejected)).content
    answer = manager.post(url(rejected), {"note": "Wrong region."})
    assert answer["Location"] == f"/decisions/{rejected.pk}/"


@pytest.mark.parametrize("note", ["", "   "])
def test_it_wants_a_note(manager: Client, rejected: Decision, note: str) -> None:
    answer = manager.post(url(rejected), {"note": note}, headers=HTMX)
    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content
    assert not Decision.objects.filter(kind="overturned").exists()


def test_it_overturns_once(manager: Client, rejected: Decision) -> None:
    manager.post(url(rejected), {"note": "One"})
    assert manager.post(url(rejected), {"note": "Two"}, headers=HTMX).status_code == 409
    assert Decision.objects.filter(kind="overturned").count() == 1


def test_it_is_not_for_ones_own_rejection(
    manager: Client, claimed: Make, people: dict[str, User], here: dt.datetime
) -> None:
    by = people["manager"]
    item = claimed(by=by)
    own = reject_lead(item=item, token=item.token, by=by, reason=reason("too_small"), now=here)
    assert url(own) not in manager.get(f"/decisions/{own.pk}/").content.decode()
    assert manager.post(url(own), {"note": "x"}, headers=HTMX).status_code == 409


def test_it_is_for_rejections_only(
    manager: Client, claimed: Make, people: dict[str, User], here: dt.datetime
) -> None:
    item = claimed()
    asleep = nurture_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("no_project"),
        wake=WakeWish(on=here.date() + dt.timedelta(days=3)),
        now=here,
    )
    assert url(asleep) not in manager.get(f"/decisions/{asleep.pk}/").content.decode()
    assert manager.post(url(asleep), {"note": "x"}, headers=HTMX).status_code == 409


def test_an_sdr_is_offered_nothing(
    login: Callable[[User], Client], people: dict[str, User], rejected: Decision
) -> None:
    client = login(people["sdr"])
    assert url(rejected) not in client.get(f"/decisions/{rejected.pk}/").content.decode()
    assert client.post(url(rejected), {"note": "x"}).status_code == 403


def test_another_team_does_not_know_it(login: Callable[[User], Client], rejected: Decision) -> None:
    foreign = factories.person("manager", factories.TeamFactory(name="Americas"))
    assert login(foreign).post(url(rejected), {"note": "x"}).status_code == 404
