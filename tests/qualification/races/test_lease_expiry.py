"""Leases run out while their holders submit: each lead has the old holder's decision or a new
claim, never both, never neither.

`EXPIRY_LEADS=500` on demand; the suite plays twelve.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.conf import LazySettings

from crm.models import Team, User
from qualification.exceptions import NotHolder, QualificationError
from qualification.invariants import violations
from qualification.models import Decision, ReviewItem
from qualification.review import claims, guard
from qualification.review.decisions import reject_lead
from qualification.sla.sweep import record_due
from tests.qualification import decision_support as hands
from tests.qualification import queue_support as rows

LEADS = int(os.environ.get("EXPIRY_LEADS", "12"))
PEOPLE = 20
END = rows.NOW + dt.timedelta(minutes=30)


def reject(item: ReviewItem, by: User, at: dt.datetime) -> Decision:
    reason = hands.reason("too_small")
    return reject_lead(item=item, token=item.token, by=by, reason=reason, now=at)


def claimed_by_all(people: list[User], settings: LazySettings) -> list[ReviewItem]:
    """Every lead claimed at NOW, so that all leases end in the same second."""
    settings.LEADQUAL = settings.LEADQUAL | {"CLAIM_LIMIT": LEADS}
    rows.many_waiting(LEADS, people[0].team)
    items = ReviewItem.objects.order_by("pk")
    return [
        claims.claim_item(item=item, by=people[place % PEOPLE], now=rows.NOW)
        for place, item in enumerate(items)
    ]


def at_the_last_second(
    items: list[ReviewItem], people: list[User], chance: random.Random
) -> list[Callable[[], Any]]:
    """What each person does around the end of the leases: submits their own, takes others'."""

    def work(person: User, seed: int) -> list[Any]:
        mine = random.Random(seed)
        steps = list(items)
        mine.shuffle(steps)
        return [
            _one(item, person, END + dt.timedelta(milliseconds=mine.randint(-900, 900)))
            for item in steps
        ]

    seeds = [chance.randint(0, 10**6) for _ in people]
    return [partial(work, person, seed) for person, seed in zip(people, seeds, strict=True)]


def _one(item: ReviewItem, person: User, at: dt.datetime) -> Any:
    try:
        if item.holder_id == person.pk:
            return reject(item, person, at)
        return claims.claim_item(item=item, by=person, now=at)
    except QualificationError as refused:
        return refused


@pytest.mark.django_db(transaction=True)
def test_either_the_decision_or_the_next_claim(team: Team, settings: LazySettings) -> None:
    people = rows.sdrs(PEOPLE, team)
    items = claimed_by_all(people, settings)
    answers = rows.in_threads(at_the_last_second(items, people, random.Random(7)))
    assert all(isinstance(each, list) for each in answers), answers
    claims.expire_leases(now=END + dt.timedelta(seconds=1))
    for item in items:
        decided = Decision.objects.filter(item=item).first()
        item.refresh_from_db()
        later = item.events.filter(verb="item:claimed").count() - 1
        if decided is None:
            assert (item.state, later) in {("claimed", 1), ("waiting", 0)}
        else:
            assert (item.state, later, decided.by_id) == ("closed", 0, item.holder_id)
            assert decided.at < END
    record_due(now=END)
    assert violations(now=END) == []


@pytest.mark.django_db(transaction=True)
def test_control_a_lease_that_nobody_looks_at(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look at its end a decision stands that came after it."""
    person = rows.sdrs(1, team)[0]
    item = claims.claim_item(item=rows.waiting_item(team=team), by=person, now=rows.NOW)
    with pytest.raises(NotHolder):
        reject(item, person, END)
    monkeypatch.setattr(guard, "has_lapsed", lambda item, now: False)
    assert reject(item, person, END).at >= END
