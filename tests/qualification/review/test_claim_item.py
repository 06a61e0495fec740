"""Claim of one lead: one winner, the loser learns who."""

import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction

from crm.models import Team, User
from qualification.choices import CloseReason
from qualification.exceptions import AlreadyDecided, ClaimLimitReached, ClaimTaken
from qualification.models import ItemEvent, ReviewItem
from qualification.review.claims import claim_item, renew_lease
from qualification.review.queue import close_item
from tests import factories
from tests.qualification import queue_support as rows

NOW = rows.NOW


@pytest.mark.django_db
def test_it_claims(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    assert (item.state, item.holder, item.token) == ("claimed", people["sdr"], 2)
    assert item.lead.stage == "working"
    assert rows.verbs(item) == ["item:entered", "item:claimed"]


@pytest.mark.django_db
def test_the_second_learns_who_was_faster(people: dict[str, User], team: Team) -> None:
    aisha = factories.person("sdr", team, first_name="Aisha")
    item = rows.waiting_item()
    claim_item(item=item, by=aisha, now=NOW)
    with pytest.raises(ClaimTaken) as refused:
        claim_item(item=item, by=people["sdr"], now=NOW + rows.minutes(4 / 60))
    assert str(refused.value) == "Aisha claimed this lead 4 s ago. Open the next one."


@pytest.mark.django_db
def test_twice_by_the_same_person_renews(people: dict[str, User]) -> None:
    item = rows.waiting_item()
    claim_item(item=item, by=people["sdr"], now=NOW)
    again = claim_item(item=item, by=people["sdr"], now=NOW + rows.minutes(10))
    assert (again.token, again.lease_until) == (2, NOW + rows.minutes(40))
    assert rows.verbs(item) == ["item:entered", "item:claimed"]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["ae", "marketing"])
def test_other_roles_may_not(people: dict[str, User], role: str) -> None:
    with pytest.raises(PermissionDenied):
        claim_item(item=rows.waiting_item(), by=people[role], now=NOW)


@pytest.mark.django_db
def test_the_queue_of_another_team_is_not_mine(people: dict[str, User]) -> None:
    item = rows.waiting_item(team=factories.TeamFactory(name="US"))
    with pytest.raises(PermissionDenied):
        claim_item(item=item, by=people["sdr"], now=NOW)


@pytest.mark.django_db
def test_a_closed_item_is_refused(people: dict[str, User]) -> None:
    item = rows.waiting_item()
    close_item(item=item, reason=CloseReason.MERGED, by=None, now=NOW)
    with pytest.raises(AlreadyDecided, match="Merged"):
        claim_item(item=item, by=people["sdr"], now=NOW)


@pytest.mark.django_db
def test_the_limit_holds_here_too(people: dict[str, User]) -> None:
    for _ in range(5):
        claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    with pytest.raises(ClaimLimitReached):
        claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)


@pytest.mark.django_db
def test_a_claim_that_ran_out_is_free_before_any_sweep(people: dict[str, User]) -> None:
    item = rows.waiting_item()
    claim_item(item=item, by=people["sdr"], now=NOW)
    later = NOW + rows.minutes(30)
    taken = claim_item(item=item, by=people["manager"], now=later)
    assert (taken.holder, taken.token) == (people["manager"], 4)
    assert rows.verbs(item)[1:] == ["item:claimed", "item:lapsed", "item:claimed"]
    assert rows.live_timers(item) == ["first_response"]


@pytest.mark.django_db(transaction=True)
def test_one_winner_on_a_hot_lead(team: Team) -> None:
    people = rows.sdrs(12, team)
    for _ in range(15):
        item = rows.waiting_item()
        results = rows.in_threads(
            [
                lambda person=person, item=item: claim_item(item=item, by=person, now=NOW)
                for person in people
            ]
        )
        winners = [result for result in results if isinstance(result, ReviewItem)]
        losers = [result for result in results if isinstance(result, ClaimTaken)]
        assert (len(winners), len(losers)) == (1, 11), results
        name = winners[0].holder.first_name
        assert all(str(loser).startswith(f"{name} claimed this lead") for loser in losers)
        assert ItemEvent.objects.filter(item=item, verb="item:claimed").count() == 1
        item.refresh_from_db()
        item.lead.refresh_from_db()
        assert (item.token, item.lead.stage) == (2, "working")
        ReviewItem.objects.filter(pk=item.pk).update(lease_until=NOW)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_several_win(team: Team) -> None:
    people = rows.sdrs(6, team)
    item = rows.waiting_item()

    def naive(person: User) -> bool:
        found = ReviewItem.objects.get(pk=item.pk)
        seen.wait(timeout=30)
        ReviewItem.objects.filter(pk=item.pk).update(
            state="claimed", holder=person, lease_until=NOW
        )
        return found.holder is None

    seen = threading.Barrier(len(people))
    wins = rows.in_threads([lambda person=person: naive(person) for person in people])
    assert sum(wins) > 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_held", [True, False])
def test_too_long_a_wait_still_names_the_holder(
    people: dict[str, User], team: Team, is_held: bool
) -> None:
    aisha = factories.person("sdr", team, first_name="Aisha")
    item = rows.waiting_item()
    if is_held:
        claim_item(item=item, by=aisha, now=NOW)

    def impatient() -> ReviewItem:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        return claim_item(item=item, by=people["sdr"], now=NOW)

    with transaction.atomic():
        ReviewItem.objects.select_for_update().get(pk=item.pk)
        (refused,) = rows.in_threads([impatient])
    if is_held:
        assert str(refused).startswith("Aisha claimed this lead")
    else:
        assert isinstance(refused, OperationalError)


@pytest.mark.django_db
def test_renewing_needs_the_claim(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    renewed = renew_lease(item=item, by=people["sdr"], now=NOW + rows.minutes(29))
    assert renewed.lease_until == NOW + rows.minutes(59)
