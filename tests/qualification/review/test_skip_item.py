"""Skipping a claimed lead: back to its rank with a reason, and not offered again for a while."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Team, User
from qualification.choices import SkipReason, TouchKind, TouchResult
from qualification.exceptions import AlreadyDecided, NotHolder, SkipUnexplained
from qualification.models import ReviewItem, Skip
from qualification.review.claims import claim_item
from qualification.review.next_lead import claim_next
from qualification.review.skips import SKIPPED_FOR, skip_item
from qualification.review.touches import log_touch
from tests import factories
from tests.qualification import queue_support as rows

NOW = rows.NOW
LATER = NOW + rows.minutes(5)


def skip(item: ReviewItem, by: User, **fields: object) -> Skip:
    return skip_item(item=item, by=by, **{"reason": SkipReason.LANGUAGE, "now": LATER, **fields})


@pytest.mark.django_db
def test_it_waits_again_at_its_rank_under_the_old_clock(people: dict[str, User]) -> None:
    before = rows.waiting_item(700)
    item = claim_item(item=before, by=people["sdr"], now=NOW)
    made = skip(item, people["sdr"])
    item.refresh_from_db()
    assert (item.state, item.holder, item.lease_until) == ("waiting", None, None)
    assert (item.due_at, item.bucket, item.score_tenths) == (before.due_at, before.bucket, 700)
    assert item.token == before.token + 2
    assert item.lead.stage == "mql"
    assert (made.reason, made.score_tenths, made.until) == ("language", 700, LATER + SKIPPED_FOR)
    assert rows.verbs(item) == ["item:entered", "item:claimed", "item:skipped"]
    assert rows.live_timers(item) == ["first_response"]


@pytest.mark.django_db
def test_the_same_person_is_not_offered_it_for_a_while_but_others_are(team: Team) -> None:
    aisha, ben = rows.sdrs(2, team)
    best, other = rows.waiting_item(900, team=team), rows.waiting_item(500, team=team)
    skip(claim_item(item=best, by=aisha, now=NOW), aisha)
    assert claim_next(by=aisha, now=LATER) == other
    assert claim_next(by=aisha, now=LATER) is None
    assert claim_next(by=ben, now=LATER) == best


@pytest.mark.django_db
def test_it_is_offered_again_when_the_time_is_over(team: Team) -> None:
    (sdr,) = rows.sdrs(1, team)
    item = rows.waiting_item(team=team)
    skip(claim_item(item=item, by=sdr, now=NOW), sdr)
    assert claim_next(by=sdr, now=LATER + SKIPPED_FOR - rows.minutes(1)) is None
    assert claim_next(by=sdr, now=LATER + SKIPPED_FOR) == item


@pytest.mark.django_db
def test_another_reason_needs_words(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    with pytest.raises(SkipUnexplained):
        skip(item, people["sdr"], reason=SkipReason.OTHER, note="  ")
    assert skip(item, people["sdr"], reason=SkipReason.OTHER, note="Ex-employer").note


@pytest.mark.django_db
def test_only_the_holder_of_a_claim_may(people: dict[str, User], team: Team) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    for role in ("ae", "marketing"):
        with pytest.raises(PermissionDenied):
            skip(item, people[role])
    with pytest.raises(NotHolder):
        skip(item, factories.person("sdr", team))
    with pytest.raises(NotHolder):  # the claim ran out
        skip(item, people["sdr"], now=NOW + rows.minutes(30))
    assert not Skip.objects.exists()


@pytest.mark.django_db
def test_an_owned_lead_cannot_be_skipped(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=LATER)
    with pytest.raises(NotHolder, match="Release it instead"):
        skip(item, people["sdr"])


@pytest.mark.django_db(transaction=True)
def test_twice_at_once_is_one_skip(team: Team) -> None:
    (sdr,) = rows.sdrs(1, team)
    item = claim_item(item=rows.waiting_item(team=team), by=sdr, now=NOW)
    results = rows.in_threads([lambda: skip(item, sdr) for _ in range(4)])
    assert sum(isinstance(result, Skip) for result in results) == 1
    assert sum(isinstance(result, NotHolder | AlreadyDecided) for result in results) == 3
    assert Skip.objects.count() == 1
