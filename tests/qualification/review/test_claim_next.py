"""Next lead: best first, one holder each, the limit, clear when it is clear."""

import datetime as dt
import threading
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from crm.models import Lead, Team, User
from qualification.choices import Bucket, ItemState
from qualification.exceptions import ClaimLimitReached
from qualification.models import ItemEvent, ReviewItem
from qualification.review.next_lead import claim_next
from tests import factories
from tests.qualification import queue_support as rows

NOW = rows.NOW


@pytest.mark.django_db
def test_it_claims_the_best_with_lease_token_stage_and_event(people: dict[str, User]) -> None:
    rows.waiting_item(900, tier="warm")
    best = rows.waiting_item(500, tier="hot")
    item = claim_next(by=people["sdr"], now=NOW)
    assert item is not None
    assert (item.pk, item.state, item.holder) == (best.pk, "claimed", people["sdr"])
    assert (item.claimed_at, item.lease_until) == (NOW, NOW + rows.minutes(30))
    assert item.token == best.token + 1
    assert item.lead.stage == "working"
    assert rows.verbs(item) == ["item:entered", "item:claimed"]
    assert (item.due_at, rows.live_timers(item)) == (best.due_at, ["first_response"])


@pytest.mark.django_db
def test_it_is_clear_when_nothing_waits(people: dict[str, User]) -> None:
    assert claim_next(by=people["sdr"], now=NOW) is None


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["ae", "marketing"])
def test_other_roles_may_not(people: dict[str, User], role: str) -> None:
    rows.waiting_item()
    with pytest.raises(PermissionDenied):
        claim_next(by=people[role], now=NOW)


@pytest.mark.django_db
def test_it_takes_from_own_team_and_fallback_only(people: dict[str, User]) -> None:
    rows.waiting_item(900, team=factories.TeamFactory(name="US"))
    inbox = rows.waiting_item(500, team=Team.objects.get(is_fallback=True))
    item = claim_next(by=people["sdr"], now=NOW)
    assert item == inbox
    assert claim_next(by=people["sdr"], now=NOW) is None
    assert claim_next(by=people["admin"], now=NOW) is not None


@pytest.mark.django_db
def test_the_limit_counts_leases_that_run(people: dict[str, User]) -> None:
    for _ in range(7):
        rows.waiting_item()
    claimed = [claim_next(by=people["sdr"], now=NOW) for _ in range(5)]
    with pytest.raises(ClaimLimitReached, match="5 of 5"):
        claim_next(by=people["sdr"], now=NOW)
    assert all(claimed)
    later = NOW + rows.minutes(30)
    assert claim_next(by=people["sdr"], now=later) is not None


@pytest.mark.django_db(transaction=True)
def test_two_tabs_cannot_pass_the_limit(team: Team) -> None:
    (sdr,) = rows.sdrs(1, team)
    rows.many_waiting(20, team)
    results = rows.in_threads([lambda: claim_next(by=sdr, now=NOW) for _ in range(10)])
    assert sum(isinstance(result, ReviewItem) for result in results) == 5
    assert sum(isinstance(result, ClaimLimitReached) for result in results) == 5


def drain(people: list[User], claim: Any) -> list[tuple[int, int]]:
    """(item, person) of everything they claim until nothing is left, all at once."""
    claimed: list[tuple[int, int]] = []

    def work(person: User) -> None:
        while (item := claim(person)) is not None:
            claimed.append((item, person.pk))

    errors = rows.in_threads([lambda person=person: work(person) for person in people])
    assert [error for error in errors if error] == []
    return claimed


@pytest.mark.django_db(transaction=True)
def test_a_thousand_leads_and_ten_people_no_lead_twice_none_left(team: Team, settings: Any) -> None:
    settings.LEADQUAL = {**settings.LEADQUAL, "CLAIM_LIMIT": 10_000}
    people = rows.sdrs(10, team)
    rows.many_waiting(1000, team)
    order = list(ReviewItem.objects.ranked().values_list("pk", flat=True))

    def claim(person: User) -> int | None:
        item = claim_next(by=person, now=NOW)
        return item.pk if item else None

    claimed = drain(people, claim)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT item_id) FROM qualification_itemevent"
            " WHERE verb = 'item:claimed'"
        )
        assert cursor.fetchone() == (1000, 1000)
    assert len(claimed) == len(set(dict(claimed))) == 1000
    assert not ReviewItem.objects.waiting().exists()
    assert set(Lead.objects.values_list("stage", flat=True)) == {"working"}
    # A better lead was passed over only while somebody else had it in hand.
    events = ItemEvent.objects.filter(verb="item:claimed").order_by("id")
    place = {pk: n for n, pk in enumerate(order)}
    seen = [place[pk] for pk in events.values_list("item_id", flat=True)]
    passed_over = [sum(later < here for later in seen[n:]) for n, here in enumerate(seen)]
    assert max(passed_over) < len(people)


@pytest.mark.django_db(transaction=True)
def test_control_read_then_write_claims_twice(team: Team) -> None:
    people = rows.sdrs(8, team)
    rows.many_waiting(40, team)
    chosen = threading.Barrier(len(people))

    def naive(person: User) -> int:
        item = ReviewItem.objects.waiting().ranked()[0]
        chosen.wait(timeout=30)
        ReviewItem.objects.filter(pk=item.pk).update(
            state=ItemState.CLAIMED, holder=person, lease_until=NOW
        )
        return item.pk

    claimed = rows.in_threads([lambda person=person: naive(person) for person in people])
    assert len(set(claimed)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_lead_in_other_hands_for_a_moment_is_not_a_clear_queue(team: Team) -> None:
    (sdr,) = rows.sdrs(1, team)
    item = rows.waiting_item()

    def rescore() -> Lead:
        return Lead.objects.select_for_update(no_key=True).get(pk=item.lead_id)

    _, claimed = rows.in_turn(rescore, lambda: claim_next(by=sdr, now=NOW))
    assert claimed == item


@pytest.mark.django_db
def test_a_burning_lead_goes_before_a_better_one(people: dict[str, User]) -> None:
    rows.waiting_item(900, tier="hot")
    burning = rows.waiting_item(400, tier="cold", now=NOW - dt.timedelta(hours=9))
    ReviewItem.objects.filter(pk=burning.pk).update(bucket=Bucket.URGENT)
    assert claim_next(by=people["sdr"], now=NOW) == burning
