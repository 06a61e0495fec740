"""Clocks: times by tier, one of a kind, stopped or cancelled with what fell due before."""

import datetime as dt

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction

from crm.models import User
from qualification.choices import Bucket, TierRank, TimerKind
from qualification.models import SLAEvent, SLAPolicy, SLATimer
from qualification.review.claims import claim_item
from qualification.sla.policies import policies_by_tier
from qualification.sla.timers import cancel_timers, start_timer, stop_timers
from tests.qualification import queue_support as rows

NOW = rows.NOW


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "tier", "expected"),
    [
        ("first_response", "hot", (15, 5)),
        ("first_response", "warm", (60, 15)),
        ("first_response", "cool", (240, 30)),
        ("first_response", "cold", (480, 60)),
        ("first_response", "", (240, 30)),
        ("decision", "hot", (2880, 240)),
        ("handoff_acceptance", "cold", (240, 60)),
    ],
)
def test_the_shipped_policy(kind: str, tier: str, expected: tuple[int, int]) -> None:
    policy = policies_by_tier(kind)[TierRank[tier.upper() or "NONE"]]
    assert (policy.minutes, policy.warn_minutes) == expected


@pytest.mark.django_db
def test_a_missing_policy_names_itself() -> None:
    SLAPolicy.objects.filter(kind="decision").delete()
    with pytest.raises(ImproperlyConfigured, match="No SLA policy for “decision”"):
        policies_by_tier("decision")


@pytest.mark.django_db
def test_one_that_runs_keeps_its_times() -> None:
    item = rows.waiting_item(tier="hot")
    again = start_timer(item=item, kind=TimerKind.FIRST_RESPONSE, now=NOW + rows.minutes(9))
    assert again.due_at == NOW + rows.minutes(15)
    assert SLATimer.objects.count() == 1


@pytest.mark.django_db
def test_postgres_refuses_a_second_one() -> None:
    item = rows.waiting_item()
    timer = item.timers.get()
    timer.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        timer.save()


@pytest.mark.django_db
def test_a_stopped_clock_leaves_only_what_fell_due_before() -> None:
    for minute, levels in [(9.9, []), (10, ["warning"]), (15, ["warning", "breach"])]:
        item = rows.waiting_item(tier="hot")
        assert stop_timers(item=item, now=NOW + rows.minutes(minute)) == 1
        timer = item.timers.get()
        assert (timer.state, timer.next_at) == ("stopped", None)
        assert list(timer.events.order_by("at").values_list("level", flat=True)) == levels
        assert stop_timers(item=item, now=NOW + rows.minutes(99)) == 0
        assert timer.events.count() == len(levels)


@pytest.mark.django_db
def test_a_cancelled_clock_keeps_its_breach() -> None:
    item = rows.waiting_item(tier="hot")
    assert cancel_timers(item=item, now=NOW + rows.minutes(20)) == 1
    assert item.timers.get().state == "cancelled"
    assert SLAEvent.objects.get(level="breach").at == NOW + rows.minutes(15)


@pytest.mark.django_db
def test_stopping_one_kind_leaves_the_others(people: dict[str, User]) -> None:
    item = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    assert stop_timers(item=item, now=NOW, kinds=[TimerKind.DECISION]) == 0
    assert rows.live_timers(item) == ["first_response"]


@pytest.mark.django_db
def test_a_clock_of_a_closed_item_does_not_touch_the_rank() -> None:
    item = rows.waiting_item()
    due_at = item.due_at
    type(item).objects.filter(pk=item.pk).update(
        state="closed", close_reason="decided", closed_at=NOW
    )
    item.refresh_from_db()
    timer = start_timer(item=item, kind=TimerKind.HANDOFF_ACCEPTANCE, now=NOW)
    item.refresh_from_db()
    assert (item.due_at, timer.due_at) == (due_at, NOW + rows.minutes(240))


@pytest.mark.django_db
def test_a_policy_that_warns_from_the_start_burns_at_once() -> None:
    SLAPolicy.objects.filter(kind="first_response", tier="hot").update(warn_minutes=15)
    assert rows.waiting_item(tier="hot").bucket == Bucket.URGENT


@pytest.mark.django_db
def test_an_edited_policy_moves_no_running_clock() -> None:
    item = rows.waiting_item(tier="hot")
    SLAPolicy.objects.filter(kind="first_response", tier="hot").update(minutes=99)
    assert item.timers.get().due_at == NOW + dt.timedelta(minutes=15)
