"""A merge against whatever else happens to the two leads at the same moment: one winner, and no
deadlock, whichever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from crm.intake.payload import ActivityPayload, LeadPayload
from crm.intake.upsert import upsert_lead
from crm.merging import merge as rows_of_merge
from crm.models import Activity, Lead, LeadIdentity, LeadMerge, Team, User
from qualification.exceptions import QualificationError
from qualification.invariants import violations
from qualification.models import Decision
from qualification.review import merge as merging
from qualification.review.claims import claim_item
from qualification.review.decisions import reject_lead
from tests.factories import NOW
from tests.qualification import decision_support as hands
from tests.qualification import queue_support as rows
from tests.qualification.merging.support import MINUTE, a_lead, merge

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + 10 * MINUTE
ROUNDS = 6


def outcome(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each returned, or the rule that refused it; nothing else is allowed."""
    found = rows.in_threads(calls)
    errors = [one for one in found if isinstance(one, Exception)]
    assert all(isinstance(one, QualificationError) for one in errors), errors
    return found


def sound() -> None:
    assert violations(now=LATER) == []


def test_both_ways_round_one_wins(team: Team, people: dict[str, User]) -> None:
    manager = people["manager"]
    for _ in range(ROUNDS):
        one, two = a_lead(team), a_lead(team)
        found = outcome(
            [
                lambda pair=pair: merge(*pair, manager)
                for pair in ((one, two), (two, one), (one, two))
            ]
        )
        assert sum(isinstance(each, LeadMerge) for each in found) == 1
        sound()


def test_a_decision_on_either_or_the_merge(people: dict[str, User]) -> None:
    sdr, manager = people["sdr"], people["manager"]
    reason = hands.reason("too_small")
    for n in range(ROUNDS):
        one, two = hands.held_item(sdr), hands.held_item(sdr)
        item = (one, two)[n % 2]
        outcome(
            [
                lambda item=item: reject_lead(
                    item=item, token=item.token, by=sdr, reason=reason, now=LATER
                ),
                lambda one=one, two=two: merge(one.lead, two.lead, manager),
            ]
        )
        merges = LeadMerge.objects.filter(loser=two.lead).count()
        decided = Decision.objects.filter(item=item).count()
        # A lead that was rejected first may still become part of another one; nothing else.
        assert (decided, merges) in {(1, 0), (0, 1)} or (
            item == two and (decided, merges) == (1, 1)
        )
        sound()
        type(one).objects.filter(pk__in=(one.pk, two.pk), state="claimed").update(
            lease_until=LATER + 60 * MINUTE, holder=people["admin"]
        )


def test_a_claim_or_the_merge(people: dict[str, User]) -> None:
    sdr, manager = people["sdr"], people["manager"]
    for _ in range(4):
        one, two = hands.waiting_item(sdr.team), hands.waiting_item(sdr.team)
        found = outcome(
            [
                lambda two=two: claim_item(item=two, by=sdr, now=LATER),
                lambda one=one, two=two: merge(one.lead, two.lead, manager),
            ]
        )
        assert sum(not isinstance(each, Exception) for each in found) == 1
        sound()


def messages(one: Lead, two: Lead) -> list[Callable[[], Any]]:
    """A message of either, by its identity and by its address."""
    calls: list[Callable[[], Any]] = []
    for lead in (one, two):
        way = LeadIdentity.objects.get(lead=lead)
        act = ActivityPayload("page_view", NOW, f"event-{lead.pk}")
        known = LeadPayload(external_id=way.external_id, activity=act)
        new = LeadPayload(external_id=f"new-{lead.pk}", values={"email": lead.email})
        for payload in (known, new):
            calls.append(
                lambda payload=payload, way=way: upsert_lead(
                    payload=payload, source=way.source, now=LATER
                )
            )
    return calls


def test_no_message_is_lost_between_the_two(team: Team, people: dict[str, User]) -> None:
    for _ in range(ROUNDS):
        one, two = a_lead(team), a_lead(team)
        outcome([*messages(one, two), lambda one=one, two=two: merge(one, two, people["manager"])])
        assert Activity.objects.filter(lead=one).count() == 2
        assert not LeadIdentity.objects.filter(lead=two).exists()
        assert Lead.objects.filter(pk__gt=two.pk).count() == 0
        sound()


def test_control_without_locks_both_ways_win(
    team: Team, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same verb that looks without taking the rows: each way sees two leads of their own."""
    seen = threading.Barrier(2)

    def unlocked(*, survivor_id: int, loser_id: int) -> rows_of_merge.Pair:
        found = Lead.objects.select_related("account").in_bulk([survivor_id, loser_id])
        seen.wait(timeout=30)
        return rows_of_merge.Pair(found[survivor_id], found[loser_id])

    monkeypatch.setattr(merging, "lock_pair", unlocked)
    one, two = a_lead(team), a_lead(team)
    found = rows.in_threads(
        [lambda pair=pair: merge(*pair, people["manager"]) for pair in ((one, two), (two, one))]
    )
    # PostgreSQL is the last to refuse: not by a rule of ours.
    assert not all(isinstance(each, LeadMerge | QualificationError) for each in found)
