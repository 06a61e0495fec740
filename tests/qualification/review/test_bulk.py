"""Bulk verbs: each lead through its own door; one that cannot be had does not stop the next."""

from __future__ import annotations

from unittest import mock
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Team, User
from qualification.exceptions import ClaimTaken, NotHolder, ReleaseUnexplained
from qualification.models import ReviewItem
from qualification.review import bulk, claims
from qualification.review.claims import claim_item, reassign_item, release_from
from tests import factories
from tests.qualification import queue_support as rows

NOW = rows.NOW
LATER = NOW + rows.minutes(5)


def chosen(*items: ReviewItem) -> dict[int, int | None]:
    return {item.lead_id: item.token for item in items}


@pytest.fixture
def aisha(team: Team) -> User:
    return factories.person("sdr", team, first_name="Aisha")


@pytest.mark.django_db
def test_it_claims_best_first_up_to_the_limit(people: dict[str, User]) -> None:
    items = [rows.waiting_item(400 + 10 * n) for n in range(7)]
    outcomes = bulk.claim_leads(chosen(*items), by=people["sdr"], key=uuid4(), now=NOW)
    best_first = [item.lead_id for item in reversed(items)]
    assert [one.lead.pk for one in outcomes] == best_first
    assert [bool(one.refusal) for one in outcomes] == [False] * 5 + [True] * 2
    assert "of 5 claims" in outcomes[-1].refusal
    assert ReviewItem.objects.held_by(people["sdr"]).count() == 5


@pytest.mark.django_db
def test_it_names_who_was_faster(people: dict[str, User], aisha: User) -> None:
    items = [rows.waiting_item() for _ in range(3)]
    claim_item(item=items[1], by=aisha, now=NOW)
    outcomes = bulk.claim_leads(chosen(*items), by=people["sdr"], key=uuid4(), now=LATER)
    assert [one.taken_by for one in outcomes if one.refusal] == [aisha]
    assert bulk.takers(outcomes) == [aisha]


@pytest.mark.django_db
def test_a_manager_does_not_take_what_changed_hands_since(
    people: dict[str, User], aisha: User
) -> None:
    items = [rows.waiting_item() for _ in range(3)]
    seen = chosen(*items)
    claim_item(item=items[0], by=people["sdr"], now=NOW)
    outcomes = bulk.assign_leads(seen, to=aisha, by=people["manager"], key=uuid4(), now=LATER)
    refused = [one for one in outcomes if one.refusal]
    assert [(one.lead.pk, one.taken_by) for one in refused] == [(items[0].lead_id, people["sdr"])]
    assert ReviewItem.objects.held_by(aisha).count() == 2


@pytest.mark.django_db
def test_a_manager_may_move_what_they_saw_with_its_holder(
    people: dict[str, User], aisha: User
) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    bulk.assign_leads(chosen(item), to=aisha, by=people["manager"], key=uuid4(), now=LATER)
    item.refresh_from_db()
    assert item.holder == aisha


@pytest.mark.django_db
def test_it_gives_back_ones_own_and_as_a_manager_those_of_others(
    people: dict[str, User], aisha: User
) -> None:
    manager = people["manager"]
    own = claim_item(item=rows.waiting_item(), by=manager, now=NOW)
    others = claim_item(item=rows.waiting_item(), by=aisha, now=NOW)
    waits = rows.waiting_item()
    leads = chosen(own, others, waits)
    outcomes = bulk.release_leads(leads, by=manager, note="shift over", key=uuid4(), now=LATER)
    assert {one.lead.pk: one.refusal for one in outcomes if one.refusal} == {
        waits.lead_id: "Nobody holds this lead: it waits already."
    }
    event = others.events.get(verb="item:taken_back")
    assert (event.by, event.note) == (manager, "shift over")
    assert not ReviewItem.objects.exclude(state="waiting").exists()


@pytest.mark.django_db
def test_a_release_of_others_keeps_the_clock_and_wants_words(
    people: dict[str, User], aisha: User
) -> None:
    item = claim_item(item=rows.waiting_item(), by=aisha, now=NOW)
    with pytest.raises(ReleaseUnexplained):
        release_from(item=item, by=people["manager"], note="  ", now=LATER)
    back = release_from(item=item, by=people["manager"], note="leave", now=LATER)
    assert (back.state, back.due_at, back.token) == ("waiting", item.due_at, item.token + 1)
    assert back.lead.stage == "mql"
    with pytest.raises(NotHolder):
        release_from(item=item, by=people["manager"], note="twice", now=LATER)


@pytest.mark.django_db
def test_only_managers_of_the_team_release_for_others(people: dict[str, User], aisha: User) -> None:
    item = claim_item(item=rows.waiting_item(), by=aisha, now=NOW)
    elsewhere = factories.person("manager", factories.TeamFactory(name="US"))
    for other in (people["sdr"], people["ae"], people["marketing"], elsewhere):
        with pytest.raises(PermissionDenied):
            release_from(item=item, by=other, note="mine now", now=LATER)
    outcomes = bulk.release_leads(chosen(item), by=people["sdr"], note="x", key=uuid4(), now=LATER)
    assert [bool(one.refusal) for one in outcomes] == [True]


@pytest.mark.django_db
def test_leads_out_of_sight_or_out_of_the_queue_are_left(people: dict[str, User]) -> None:
    foreign = rows.waiting_item(team=factories.TeamFactory(name="US"))
    new = rows.scored_lead(100)
    outcomes = bulk.claim_leads(
        {foreign.lead_id: 1, new.pk: None}, by=people["sdr"], key=uuid4(), now=NOW
    )
    assert [(one.lead, one.refusal) for one in outcomes] == [
        (new, "This lead is no longer in the queue.")
    ]


def _claims_while_a_manager_assigns(team: Team, taken: list[ReviewItem]) -> list[object]:
    """An SDR claims and a manager gives the same leads to a colleague, at the same moment."""
    sdr, other = rows.sdrs(2, team)
    manager = factories.person("manager", team)
    seen = chosen(*taken)
    return rows.in_threads(
        [
            lambda: bulk.claim_leads(seen, by=sdr, key=uuid4(), now=NOW),
            lambda: bulk.assign_leads(seen, to=other, by=manager, key=uuid4(), now=NOW),
        ]
    )


def _done(result: object) -> int:
    assert isinstance(result, list), result
    return sum(not one.refusal for one in result)


@pytest.mark.django_db(transaction=True)
def test_a_lead_goes_to_one_of_two_bulk_verbs(team: Team) -> None:
    items = [rows.waiting_item() for _ in range(5)]
    claimed, assigned = _claims_while_a_manager_assigns(team, items)
    assert _done(claimed) + _done(assigned) == 5
    assert {item.token for item in ReviewItem.objects.all()} == {2}


@pytest.mark.django_db
def test_without_the_token_the_manager_takes_it_all_the_same(
    people: dict[str, User], aisha: User
) -> None:
    """The control: the comparison of tokens is what stops a stale choice."""
    item = rows.waiting_item()
    claim_item(item=item, by=people["sdr"], now=NOW)
    with pytest.raises(ClaimTaken):
        reassign_item(item=item, to=aisha, by=people["manager"], token=item.token, now=LATER)
    with mock.patch.object(claims, "_refuse_changed"):
        moved = reassign_item(
            item=item, to=aisha, by=people["manager"], token=item.token, now=LATER
        )
    assert moved.holder == aisha
