"""Decisions from pages that are older than the truth: one stands, the other keeps what was typed.

`STALE_PAIRS=1000` on demand; the suite plays every pair of verbs once.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.models import Team, User
from qualification.models import Decision, Handoff, OutboxMessage, ReviewItem
from qualification.review import claims, decisions
from tests import factories
from tests.qualification import decision_support as hands
from tests.qualification import queue_support as rows

TYPED = "Spoke to the office manager, call again after the fair."
KINDS = ("accept", "reject", "nurture")
ROUNDS = max(int(os.environ.get("STALE_PAIRS", "9")) // 9, 1)
BACKEND = "crm.log_in.PersonBackend"


def browser_of(person: User) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(person, backend=BACKEND)
    return browser


def form(kind: str, item: ReviewItem, ae: User) -> dict[str, Any]:
    """What the dialog of this decision sends, from a page drawn when `item` was read."""
    said: dict[str, Any] = {"token": item.token, "note": TYPED}
    if kind == "accept":
        said["to"] = f"ae:{ae.pk}"
    if kind == "reject":
        said["reason"] = hands.reason("too_small").pk
    if kind == "nurture":
        said |= {"reason": hands.reason("no_project").pk, "preset": "14"}
        said["wake_on"] = (dt.datetime.now(dt.UTC) + dt.timedelta(days=9)).date().isoformat()
    return said


def post(browser: Client, kind: str, item: ReviewItem, ae: User) -> Any:
    url = reverse(f"qualification:lead-{kind}", args=[item.lead_id])
    return browser.post(url, form(kind, item, ae))


def held(by: User) -> ReviewItem:
    """A lead in this person's hands at this very moment, everything answered."""
    now = dt.datetime.now(dt.UTC)
    item = rows.waiting_item(team=by.team, now=now)
    item = claims.claim_item(item=item, by=by, now=now)
    hands.answer_required(item.lead, by)
    item.refresh_from_db()
    return item


def assert_decided_once(item: ReviewItem) -> Decision:
    """One decision; an accepted lead has its one handoff and one message, others none."""
    decision = Decision.objects.get(lead=item.lead)
    is_accept = decision.kind == "accept"
    assert OutboxMessage.objects.filter(decision=decision).count() == is_accept
    assert Handoff.objects.filter(lead=item.lead).count() == is_accept
    assert item.events.filter(verb="item:closed").count() == 1
    return decision


def assert_told_and_kept(answer: Any, words: str) -> None:
    assert answer.status_code == 409
    page = answer.content.decode()
    assert words in page
    assert TYPED in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("first", "second"), list(product(KINDS, KINDS)))
def test_two_tabs_decide_at_once(people: dict[str, User], first: str, second: str) -> None:
    """Two tabs of one person, both drawn before either decided, both pressed together."""
    tabs = [browser_of(people["sdr"]) for _ in range(2)]
    for _ in range(ROUNDS):
        item = held(people["sdr"])
        answers = rows.in_threads(
            [
                lambda tab=tab, kind=kind, item=item: post(tab, kind, item, people["ae"])
                for tab, kind in zip(tabs, (first, second), strict=True)
            ]
        )
        assert sorted(answer.status_code for answer in answers) == [302, 409]
        assert_decided_once(item)
        loser = next(answer for answer in answers if answer.status_code == 409)
        assert_told_and_kept(loser, "You ")


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_the_book_has_two_decisions(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same verb twice, the row and its token read but not taken: both decide."""
    item = held(people["sdr"])
    seen = threading.Barrier(2)

    def unlocked(item: ReviewItem, **_: object) -> ReviewItem:
        found = ReviewItem.objects.select_related("lead", "holder").get(pk=item.pk)
        seen.wait(timeout=30)
        return found

    def closes_whatever_it_is(*, item: ReviewItem, **_: object) -> ReviewItem:
        ReviewItem.objects.filter(pk=item.pk).update(
            state="closed", closed_at=rows.NOW, close_reason="decided"
        )
        return item

    monkeypatch.setattr(decisions, "hold_item", unlocked)
    monkeypatch.setattr(decisions, "close_item", closes_whatever_it_is)
    monkeypatch.setattr(decisions, "move_lead", lambda **_: None)
    rows.in_threads(
        [
            lambda: decisions.reject_lead(
                item=item,
                token=item.token,
                by=people["sdr"],
                reason=hands.reason("too_small"),
                now=rows.NOW,
            )
        ]
        * 2
    )
    assert Decision.objects.filter(item=item).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_the_lease_ran_out_while_the_page_was_open(people: dict[str, User], kind: str) -> None:
    item = held(people["sdr"])
    ReviewItem.objects.filter(pk=item.pk).update(lease_until=dt.datetime.now(dt.UTC))
    answer = post(browser_of(people["sdr"]), kind, item, people["ae"])
    assert_told_and_kept(answer, "Your claim ended")
    assert not Decision.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_a_manager_gave_it_to_somebody_else(people: dict[str, User], team: Team, kind: str) -> None:
    item = held(people["sdr"])
    aisha = factories.person("sdr", team, first_name="Aisha")
    now = dt.datetime.now(dt.UTC)
    claims.reassign_item(item=item, to=aisha, by=people["manager"], now=now)
    answer = post(browser_of(people["sdr"]), kind, item, people["ae"])
    assert_told_and_kept(answer, "Aisha holds")
    assert not Decision.objects.exists()


def released(item: ReviewItem, people: dict[str, User], now: dt.datetime) -> None:
    claims.release_item(item=item, by=people["sdr"], now=now)
    claims.claim_item(item=item, by=people["sdr"], now=now)


def lapsed(item: ReviewItem, people: dict[str, User], now: dt.datetime) -> None:
    ReviewItem.objects.filter(pk=item.pk).update(lease_until=now)
    claims.expire_leases(now=now)
    claims.claim_item(item=ReviewItem.objects.get(pk=item.pk), by=people["sdr"], now=now)


def lent(item: ReviewItem, people: dict[str, User], now: dt.datetime) -> None:
    other = factories.person("sdr", people["sdr"].team)
    for person in (other, people["sdr"]):
        found = ReviewItem.objects.get(pk=item.pk)
        claims.reassign_item(item=found, to=person, by=people["manager"], now=now)


def decided_and_undone(item: ReviewItem, people: dict[str, User], now: dt.datetime) -> None:
    decision = decisions.reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=hands.reason("too_small"),
        now=now,
    )
    decisions.undo_decision(decision=decision, by=people["sdr"], now=now)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("round_trip", [released, lapsed, lent, decided_and_undone])
def test_optimistic_lock_6_nest_3855_it_went_away_and_came_back_to_the_same_person(
    people: dict[str, User], kind: str, round_trip: Callable[..., None]
) -> None:
    """The page is of an earlier claim: facts may have changed meanwhile. Every way there raises the
    number the page sends; elsewhere a write of some columns did not, and the old page won."""
    item = held(people["sdr"])
    round_trip(item, people, dt.datetime.now(dt.UTC))
    stands = set(Decision.objects.values_list("pk", flat=True))
    assert ReviewItem.objects.open().get(lead=item.lead).holder == people["sdr"]
    answer = post(browser_of(people["sdr"]), kind, item, people["ae"])
    assert_told_and_kept(answer, "changed hands")
    assert set(Decision.objects.values_list("pk", flat=True)) == stands


@pytest.mark.django_db
@pytest.mark.parametrize(("first", "second"), list(product(KINDS, KINDS)))
def test_back_button_and_double_click(people: dict[str, User], first: str, second: str) -> None:
    """The dialog of a decided lead is sent again, as it was or as another decision."""
    item = held(people["sdr"])
    browser = browser_of(people["sdr"])
    assert post(browser, first, item, people["ae"]).status_code == 302
    answer = post(browser, second, item, people["ae"])
    assert_told_and_kept(answer, "You ")
    assert assert_decided_once(item).kind == first
