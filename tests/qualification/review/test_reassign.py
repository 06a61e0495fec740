"""Reassign: by a manager, to somebody who works this queue."""

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Team, User
from qualification.choices import CloseReason, TouchKind, TouchResult
from qualification.exceptions import AlreadyDecided, ClaimLimitReached, NotHolder
from qualification.models import ReviewItem
from qualification.review.claims import claim_item, reassign_item
from qualification.review.queue import close_item
from qualification.review.touches import log_touch
from tests import factories
from tests.qualification import queue_support as rows

NOW = rows.NOW
LATER = NOW + rows.minutes(5)


@pytest.fixture
def aisha(team: Team) -> User:
    return factories.person("sdr", team, first_name="Aisha")


@pytest.mark.django_db
def test_ownership_moves_with_its_clock(people: dict[str, User], aisha: User) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    moved = reassign_item(item=item, to=aisha, by=people["manager"], now=LATER)
    assert (moved.state, moved.holder, moved.token) == ("owned", aisha, item.token + 1)
    assert (moved.due_at, rows.live_timers(moved)) == (item.due_at, ["decision"])
    assert rows.verbs(moved)[-1] == "item:reassigned"
    with pytest.raises(NotHolder, match="Aisha holds it"):
        log_touch(
            item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=LATER
        )


@pytest.mark.django_db
def test_a_claim_or_a_waiting_lead_becomes_a_claim(people: dict[str, User], aisha: User) -> None:
    claimed = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    for item in (claimed, rows.waiting_item()):
        moved = reassign_item(item=item, to=aisha, by=people["manager"], now=LATER)
        assert (moved.state, moved.holder) == ("claimed", aisha)
        assert moved.lease_until == LATER + rows.minutes(30)
        assert (moved.lead.stage, moved.token) == ("working", item.token + 1)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["sdr", "ae", "marketing"])
def test_only_managers_may(people: dict[str, User], aisha: User, role: str) -> None:
    with pytest.raises(PermissionDenied):
        reassign_item(item=rows.waiting_item(), to=aisha, by=people[role], now=NOW)


@pytest.mark.django_db
def test_a_manager_of_another_team_may_not(aisha: User) -> None:
    other = factories.person("manager", factories.TeamFactory(name="US"))
    with pytest.raises(PermissionDenied):
        reassign_item(item=rows.waiting_item(), to=aisha, by=other, now=NOW)


@pytest.mark.django_db
def test_nobody_gets_a_lead_they_cannot_work(people: dict[str, User]) -> None:
    stranger = factories.person("sdr", factories.TeamFactory(name="US"))
    gone = factories.person("sdr", people["sdr"].team, is_active=False)
    for to in (people["ae"], stranger, gone):
        with pytest.raises(NotHolder, match="does not work this queue"):
            reassign_item(item=rows.waiting_item(), to=to, by=people["manager"], now=NOW)


@pytest.mark.django_db
def test_twice_changes_nothing_more(people: dict[str, User], aisha: User) -> None:
    item = rows.waiting_item()
    first = reassign_item(item=item, to=aisha, by=people["manager"], now=NOW)
    again = reassign_item(item=item, to=aisha, by=people["manager"], now=NOW)
    assert again.token == first.token
    assert rows.verbs(item).count("item:reassigned") == 1


@pytest.mark.django_db
def test_the_claim_limit_and_closed_items(people: dict[str, User], aisha: User) -> None:
    for _ in range(5):
        claim_item(item=rows.waiting_item(), by=aisha, now=NOW)
    item = rows.waiting_item()
    with pytest.raises(ClaimLimitReached, match="Aisha"):
        reassign_item(item=item, to=aisha, by=people["manager"], now=NOW)
    close_item(item=item, reason=CloseReason.MERGED, by=None, now=NOW)
    with pytest.raises(AlreadyDecided):
        reassign_item(item=item, to=people["sdr"], by=people["manager"], now=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_managers_at_once_leave_one_holder(team: Team) -> None:
    first, second = rows.sdrs(2, team)
    manager = factories.person("manager", team)
    item = rows.waiting_item()
    results = rows.in_threads(
        [
            lambda person=person: reassign_item(item=item, to=person, by=manager, now=NOW)
            for person in (first, second)
        ]
    )
    assert all(isinstance(result, ReviewItem) for result in results)
    item.refresh_from_db()
    assert item.token == 3
    assert rows.verbs(item).count("item:reassigned") == 2
