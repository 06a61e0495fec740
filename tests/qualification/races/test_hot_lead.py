"""Fifty people press Claim on the same lead at the same moment: one has it, the others learn who.

`HOT_LEAD_ROUNDS=500` on demand; the suite plays two.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.models import Team, User
from qualification.models import ItemEvent, ReviewItem
from qualification.review import claims, guard
from tests.qualification import queue_support as rows

ROUNDS = int(os.environ.get("HOT_LEAD_ROUNDS", "2"))
PEOPLE = 50
BACKEND = "crm.log_in.PersonBackend"


def logged_in(person: User) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(person, backend=BACKEND)
    return browser


def answers(people: list[User], browsers: list[Client], item: ReviewItem) -> list[Any]:
    """What each browser gets, all pressing at once."""
    url = reverse("qualification:lead-claim", args=[item.lead_id])
    return rows.in_threads([lambda browser=browser: browser.post(url) for browser in browsers])


@pytest.mark.django_db(transaction=True)
def test_one_of_fifty_wins_and_the_others_learn_who(team: Team) -> None:
    people = rows.sdrs(PEOPLE, team)
    for place, person in enumerate(people):
        person.first_name = f"Name{place}x"
        person.save()
    browsers = [logged_in(person) for person in people]
    for _ in range(ROUNDS):
        item = rows.waiting_item(team=team)
        found = answers(people, browsers, item)
        statuses = sorted(answer.status_code for answer in found)
        assert statuses == [302] + [409] * (PEOPLE - 1)
        item.refresh_from_db()
        assert item.holder is not None
        named = f"{item.holder.first_name} claimed this lead".encode()
        assert all(named in answer.content for answer in found if answer.status_code == 409)
        assert ItemEvent.objects.filter(item=item, verb="item:claimed").count() == 1
        ReviewItem.objects.filter(pk=item.pk).update(lease_until=rows.NOW)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_several_win(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same verb, looking without taking the row: everybody sees it free, everybody claims."""
    people = rows.sdrs(6, team)
    seen = threading.Barrier(len(people))

    def unlocked(item: ReviewItem) -> ReviewItem:
        found = ReviewItem.objects.select_related("holder", "assignee", "lead").get(pk=item.pk)
        seen.wait(timeout=30)
        return found

    monkeypatch.setattr(guard, "lock_item", unlocked)
    item = rows.waiting_item(team=team)
    found = rows.in_threads(
        [lambda p=person: claims.claim_item(item=item, by=p, now=rows.NOW) for person in people]
    )
    assert sum(isinstance(each, ReviewItem) for each in found) > 1
