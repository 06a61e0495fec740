"""Exit below the line, by a rule, and what stays."""

import pytest

from crm.models import Team, User
from qualification.choices import CloseReason, EntryReason, TierRank
from qualification.exceptions import AlreadyDecided
from qualification.models import ReviewItem
from qualification.review.claims import claim_item
from qualification.review.queue import apply_line, close_item, enter_queue
from tests.qualification import queue_support as rows

NOW = rows.NOW
LATER = NOW + rows.minutes(5)


def applied(item: ReviewItem) -> ReviewItem:
    apply_line([item.lead_id], model=rows.active_model(), now=LATER)
    return ReviewItem.objects.select_related("lead").get(pk=item.pk)


@pytest.mark.django_db
def test_five_points_below_the_line_stays_and_a_tenth_more_leaves() -> None:
    item = rows.waiting_item()
    rows.give_score(item.lead, 350)
    assert applied(item).state == "waiting"
    rows.give_score(item.lead, 349)
    left = applied(item)
    assert (left.state, left.close_reason, left.closed_at) == ("closed", "below_line", LATER)
    assert left.lead.stage == "new"
    assert item.timers.get().state == "cancelled"
    assert rows.verbs(item)[-1] == "item:closed"


@pytest.mark.django_db
def test_it_may_enter_again_when_the_score_is_back() -> None:
    item = rows.waiting_item()
    rows.give_score(item.lead, 100)
    applied(item)
    rows.give_score(item.lead, 400)
    applied(item)
    assert list(item.lead.items.order_by("id").values_list("state", flat=True)) == [
        "closed",
        "waiting",
    ]


@pytest.mark.django_db
def test_a_claimed_lead_stays_with_its_holder(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    rows.give_score(item.lead, 10, disqualified="competitor")
    kept = applied(item)
    assert (kept.state, kept.lead.stage, kept.score_tenths) == ("claimed", "working", 10)
    assert kept.tier_rank == TierRank.NONE


@pytest.mark.django_db
def test_a_disqualifying_rule_takes_a_waiting_lead_out() -> None:
    item = rows.waiting_item()
    rows.give_score(item.lead, 900, disqualified="competitor")
    left = applied(item)
    assert (left.close_reason, left.lead.stage) == ("disqualified", "disqualified")
    assert left.lead.disqualified_by == "rule"
    assert rows.live_timers(item) == []


@pytest.mark.django_db
def test_who_came_back_by_a_person_does_not_leave_by_the_score() -> None:
    lead = rows.scored_lead(100, stage="lost")
    (pk,) = enter_queue([lead.pk], reason=EntryReason.REINQUIRY, now=NOW)
    assert applied(ReviewItem.objects.get(pk=pk)).state == "waiting"


@pytest.mark.django_db
def test_the_rank_follows_score_and_tier_and_the_due_time_does_not() -> None:
    item = rows.waiting_item(500, tier="warm")
    rows.give_score(item.lead, 800, tier="hot")
    now = applied(item)
    assert (now.score_tenths, now.tier_rank, now.due_at) == (800, TierRank.HOT, item.due_at)


@pytest.mark.django_db
def test_close_ends_the_clocks_and_refuses_an_old_token(people: dict[str, User]) -> None:
    old = rows.waiting_item()
    item = claim_item(item=old, by=people["sdr"], now=NOW)
    with pytest.raises(AlreadyDecided):
        close_item(item=old, reason=CloseReason.DECIDED, by=people["sdr"], now=LATER)
    closed = close_item(item=item, reason=CloseReason.DECIDED, by=people["sdr"], now=LATER)
    assert (closed.state, closed.holder, closed.lease_until) == ("closed", people["sdr"], None)
    assert item.timers.get().state == "stopped"
    with pytest.raises(AlreadyDecided):
        close_item(item=closed, reason=CloseReason.DECIDED, by=people["sdr"], now=LATER)


@pytest.mark.django_db(transaction=True)
def test_a_claim_at_the_same_moment_wins_or_finds_it_gone(team: Team) -> None:
    (sdr,) = rows.sdrs(1, team)
    for _ in range(10):
        item = rows.waiting_item()
        rows.give_score(item.lead, 10)
        rows.in_threads(
            [
                lambda item=item: claim_item(item=item, by=sdr, now=NOW),
                lambda item=item: applied(item),
            ]
        )
        item.refresh_from_db()
        item.lead.refresh_from_db()
        assert (item.state, item.lead.stage) in {("claimed", "working"), ("closed", "new")}
        type(item).objects.filter(pk=item.pk, state="claimed").update(lease_until=NOW)
