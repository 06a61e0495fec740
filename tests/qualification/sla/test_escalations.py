"""Levels after a breach: each a fact at its own open time, once; and what the policy then asks."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from crm.models import Team, User
from qualification.choices import NoticeKind, TouchKind, TouchResult
from qualification.invariants import violations
from qualification.models import (
    Notice,
    PoolMember,
    ReviewItem,
    RoutingPool,
    RoutingRule,
    SLAEvent,
    SLAFollowUp,
    SLAPolicy,
    SLATimer,
)
from qualification.review.claims import claim_item
from qualification.review.overdue import follow_up
from qualification.review.touches import log_touch
from qualification.sla.sweep import record_due
from qualification.sla.timers import stop_timers
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import calendar_for

NOW = rows.NOW
FRIDAY = dt.datetime(2026, 11, 20, 17, 50, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


def hot_policy(**fields: Any) -> None:
    """What the shipped policy of hot leads (15 minutes) asks for."""
    SLAPolicy.objects.filter(kind="first_response", tier="hot").update(**fields)


def levels(item: ReviewItem) -> list[tuple[str, dt.datetime]]:
    found = SLAEvent.objects.filter(timer__item=item).order_by("at")
    return list(found.values_list("level", "at"))


def dies_after(step: Callable[[], int]) -> int:
    """Runs a step of a sweeper that is gone before it commits; what the step returned."""
    with transaction.atomic():
        done = step()
        transaction.set_rollback(True)
    return done


@pytest.mark.django_db
def test_every_level_is_a_fact_at_its_own_time() -> None:
    hot_policy(escalate_after=[10, 60])
    item = rows.waiting_item(tier="hot")
    expected = [("warning", 10), ("breach", 15), ("escalation_1", 25), ("escalation_2", 75)]
    for count, (_level, minute) in enumerate(expected):
        record_due(now=NOW + rows.minutes(minute - 0.01))
        assert len(levels(item)) == count
        record_due(now=NOW + rows.minutes(minute))
    assert levels(item) == [(level, NOW + rows.minutes(n)) for level, n in expected]
    for days in (2, -2, 3, 30):  # the clock jumps
        record_due(now=NOW + dt.timedelta(days=days))
    assert len(levels(item)) == 4
    assert item.timers.get().next_at is None
    kinds = {violation.kind for violation in violations(now=NOW + dt.timedelta(days=30))}
    assert not any("clock" in kind for kind in kinds)


@pytest.mark.django_db
def test_escalations_count_open_time(team: Team) -> None:
    calendar_for(team)
    hot_policy(escalate_after=[30])
    item = rows.waiting_item(tier="hot", team=team, now=FRIDAY - rows.minutes(10))
    assert item.due_at == FRIDAY + rows.minutes(5)
    record_due(now=MONDAY + rows.minutes(24))
    assert [level for level, _at in levels(item)] == ["warning", "breach"]
    record_due(now=MONDAY + rows.minutes(25))
    assert levels(item)[-1] == ("escalation_1", MONDAY + rows.minutes(25))


@pytest.mark.django_db
def test_whoever_ends_a_clock_first_writes_down_its_escalations() -> None:
    hot_policy(escalate_after=[10, 60])
    item = rows.waiting_item(tier="hot")
    stop_timers(item=item, now=NOW + rows.minutes(30))
    assert [level for level, _at in levels(item)] == ["warning", "breach", "escalation_1"]


@pytest.mark.django_db(transaction=True)
def test_several_sweepers_write_and_follow_up_once(team: Team) -> None:
    hot_policy(escalate_after=[10, 60])
    manager = factories.person("manager", team)
    rows.many_waiting(120, team)
    hot = SLATimer.objects.filter(policy__tier="hot")
    expected = {
        (timer.pk, level, at)
        for timer in hot
        for level, at in zip(
            ("warning", "breach", "escalation_1", "escalation_2"),
            (timer.warn_at, timer.due_at, *timer.escalate_at),
            strict=True,
        )
    }
    last = max(at for *_, at in expected)
    minutes = sorted(random.Random(5).sample(range(int((last - NOW).total_seconds() // 60)), 5))

    def sweep() -> None:
        for now in [*(NOW + rows.minutes(minute) for minute in minutes), last]:
            record_due(now=now, limit=13)
            follow_up(now=now, limit=13)

    results = rows.in_threads([sweep for _ in range(4)])
    assert results == [None] * 4
    while record_due(now=last) or follow_up(now=last):
        pass
    found = SLAEvent.objects.filter(timer__in=hot).values_list("timer_id", "level", "at")
    assert set(found) == expected
    assert len(found) == len(expected)
    asked = SLAFollowUp.objects.filter(event__timer__in=hot)
    assert asked.count() == asked.filter(outcome="told").count() == 3 * hot.count()
    told = Notice.objects.filter(person=manager, key__in=[f"sla:{row.pk}" for row in asked])
    assert told.count() == asked.count()


@pytest.mark.django_db
def test_a_sweeper_that_dies_between_the_steps_leaves_nothing_half_done(team: Team) -> None:
    factories.person("manager", team)
    item = rows.waiting_item(tier="hot", team=team)
    due_at = item.due_at

    assert dies_after(lambda: record_due(now=due_at)) == 1
    assert not SLAEvent.objects.exists()
    record_due(now=due_at)
    assert dies_after(lambda: follow_up(now=due_at)) == 1
    # That the lead is held was told when it entered.
    told = Notice.objects.exclude(kind=NoticeKind.LEADS_HELD)
    assert not told.exists()
    late = due_at + rows.minutes(3)
    assert (follow_up(now=late), follow_up(now=late)) == (1, 0)
    assert told.count() == 1
    assert SLAEvent.objects.get(level="breach").at == due_at


@pytest.mark.django_db(transaction=True)
def test_a_frozen_sweeper_holds_up_only_its_own_rows(team: Team) -> None:
    frozen, free = (rows.waiting_item(tier="hot", team=team) for _ in range(2))
    now = NOW + rows.minutes(15)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM qualification_slatimer WHERE item_id = %s FOR UPDATE", [frozen.pk]
        )
        assert rows.in_threads([lambda: record_due(now=now)]) == [1]
        assert (len(levels(free)), len(levels(frozen))) == (2, 0)
    assert record_due(now=now) == 1
    assert len(levels(frozen)) == 2


@pytest.mark.django_db
def test_a_warning_is_told_to_who_has_the_lead_a_breach_also_to_managers(
    people: dict[str, User], team: Team
) -> None:
    claim_item(item=rows.waiting_item(tier="hot", team=team), by=people["sdr"], now=NOW)
    for minute, told in [(10, {"sdr"}), (15, {"sdr", "manager"})]:
        now = NOW + rows.minutes(minute)
        record_due(now=now)
        follow_up(now=now)
        asked = SLAFollowUp.objects.get(done_at=now)
        persons = Notice.objects.filter(key=f"sla:{asked.pk}").values_list("person", flat=True)
        assert set(persons) == {people[role].pk for role in told}


@pytest.mark.django_db
def test_a_policy_that_asks_for_nothing_is_silent(people: dict[str, User], team: Team) -> None:
    hot_policy(on_breach="", escalate_after=[5], on_escalation="")
    rows.waiting_item(tier="hot", team=team)
    record_due(now=NOW + rows.minutes(30))
    assert SLAEvent.objects.count() == 3
    assert not SLAFollowUp.objects.exists()


@pytest.mark.django_db
def test_a_breached_claim_goes_back_to_the_queue_once(people: dict[str, User], team: Team) -> None:
    hot_policy(on_breach="reassign")
    item = claim_item(
        item=rows.waiting_item(tier="hot", team=team), by=people["sdr"], now=NOW + rows.minutes(1)
    )
    now = NOW + rows.minutes(15)
    record_due(now=now)
    assert (follow_up(now=now), follow_up(now=now)) == (2, 0)
    item.refresh_from_db()
    assert (item.state, item.holder, item.due_at) == ("waiting", None, now)
    assert rows.verbs(item).count("item:taken_back") == 1
    assert SLAFollowUp.objects.get(action="reassign").outcome == "taken_back"
    assert not violations(now=now)


@pytest.mark.django_db
def test_a_breached_lead_goes_to_the_next_one_in_turn(team: Team) -> None:
    hot_policy(on_breach="reassign")
    pool = RoutingPool.objects.create(name="EMEA SDRs", team=team)
    pair = rows.sdrs(2, team)
    for person in pair:
        PoolMember.objects.create(pool=pool, person=person)
    RoutingRule.objects.create(name="All", team=team, pool=pool)
    item = rows.waiting_item(tier="hot", team=team)
    first = item.assignee
    now = NOW + rows.minutes(15)
    record_due(now=now)
    follow_up(now=now)
    item.refresh_from_db()
    assert first in pair
    assert item.assignee in pair
    assert item.assignee != first
    assert not violations(now=now)


@pytest.mark.django_db
def test_answered_meanwhile_is_not_taken_away(people: dict[str, User], team: Team) -> None:
    hot_policy(on_breach="reassign")
    item = claim_item(item=rows.waiting_item(tier="hot", team=team), by=people["sdr"], now=NOW)
    record_due(now=NOW + rows.minutes(15))
    later = NOW + rows.minutes(16)
    log_touch(item=item, by=people["sdr"], kind=TouchKind.CALL, result=TouchResult.SPOKE, now=later)
    follow_up(now=later)
    item.refresh_from_db()
    assert (item.state, item.holder) == ("owned", people["sdr"])
    assert SLAFollowUp.objects.get(action="reassign").outcome == "too_late"


@pytest.mark.django_db
def test_a_poisoned_follow_up_does_not_hold_up_the_others(team: Team) -> None:
    factories.person("manager", team)
    items = [rows.waiting_item(tier="hot", team=team) for _ in range(3)]
    now = NOW + rows.minutes(15)
    record_due(now=now)
    poisoned = SLAFollowUp.objects.get(event__timer__item=items[1])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.key = 'sla:{poisoned.pk}' THEN RAISE 'poisoned'; END IF;"
            " RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER poison BEFORE INSERT ON qualification_notice"
            " FOR EACH ROW EXECUTE FUNCTION poison()"
        )
    assert follow_up(now=now) == 2
    poisoned.refresh_from_db()
    assert (poisoned.done_at, poisoned.due_at) == (None, now + dt.timedelta(hours=1))
    assert follow_up(now=now) == 0
