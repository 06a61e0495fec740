"""One row that PostgreSQL refuses, among others that are due: whatever sweeper, they go on."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from crm.models import Team, User
from qualification.choices import ItemState, NoticeKind
from qualification.invariants import violations
from qualification.models import Leave, NurturePlan, OutboxMessage, ReviewItem, SLAFollowUp
from qualification.neighbours import ALL_FAIL, do_due, each, tried
from qualification.notices.tell import Told, tell_all
from qualification.pipeline import facts_changed
from qualification.review.claims import _expire
from qualification.review.pauses import pause_clock
from qualification.sla.sweep import record_due
from qualification.sweeps import SWEEPERS, run_all
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification import routing_support as routing
from tests.qualification.decision_support import held_item, nurtured

pytestmark = pytest.mark.django_db
NOW = rows.NOW
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
LATER = NOW + 2 * DAY


@contextmanager
def refused(table: str, condition: str) -> Iterator[None]:
    """PostgreSQL writes no row of this table for which the condition holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF {condition} THEN RAISE 'refused'; END IF; RETURN NEW; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER refuse ON {table}; DROP FUNCTION refuse()")


def broken(now: dt.datetime) -> dict[str, tuple[int, ...]]:
    return {found.kind: found.ids for found in violations(now=now)}


def states(items: Sequence[ReviewItem]) -> list[str]:
    return [ReviewItem.objects.get(pk=item.pk).state for item in items]


def claimed(team: Team, n: int) -> list[ReviewItem]:
    """Claims of as many people, all to run out at one moment."""
    return [held_item(sdr) for sdr in rows.sdrs(n, team)]


def test_the_claims_beside_a_bad_one_run_out(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    items = claimed(team, 5)
    bad = items[2]
    with refused("crm_stageevent", f"NEW.lead_id = {bad.lead_id}"):
        with caplog.at_level(logging.ERROR):
            assert SWEEPERS["leases"](LATER) == 4
        assert f"sweep.row_refused what=lease id={bad.pk} error=" in caplog.text
        assert states(items) == ["waiting", "waiting", "claimed", "waiting", "waiting"]
        assert broken(LATER)["a claim ran out five minutes ago and nobody took it back"] == (
            bad.pk,
        )
    assert SWEEPERS["leases"](LATER) == 1
    assert states(items) == ["waiting"] * 5


def test_control_in_one_transaction_a_bad_claim_keeps_them_all(team: Team) -> None:
    items = claimed(team, 3)
    with refused("crm_stageevent", f"NEW.lead_id = {items[1].lead_id}"):
        with pytest.raises(DatabaseError), transaction.atomic():
            _expire([item.pk for item in items], now=LATER)
        assert states(items) == ["claimed"] * 3


def test_the_leads_beside_a_bad_one_are_scored_and_queued() -> None:
    rows.active_model(base_fit="45.0")
    leads = [factories.LeadFactory() for _ in range(3)]
    facts_changed([lead.pk for lead in leads], now=NOW)
    with refused("qualification_leadscore", f"NEW.lead_id = {leads[0].pk}"):
        assert SWEEPERS["scores"](NOW) == 2
        assert set(ReviewItem.objects.values_list("lead", flat=True)) == {
            lead.pk for lead in leads[1:]
        }
        assert broken(NOW + 6 * MINUTE)["a lead waits for its score for five minutes"] == (
            leads[0].pk,
        )
    assert SWEEPERS["scores"](NOW) == 1
    assert ReviewItem.objects.count() == 3


def test_the_pauses_beside_a_bad_one_end(people: dict[str, User], team: Team) -> None:
    items = [rows.waiting_item(team=team) for _ in range(4)]
    for item in items:
        pause_clock(item=item, by=people["manager"], reason="Fair", until=NOW + DAY, now=NOW)
    with refused("qualification_itemevent", f"NEW.item_id = {items[0].pk}"):
        assert SWEEPERS["pauses"](LATER) == 3
        assert [item.timers.get().state for item in items] == ["paused", *["running"] * 3]
    assert SWEEPERS["pauses"](LATER) == 1


def test_the_leads_beside_a_bad_one_wake(people: dict[str, User]) -> None:
    on = NOW.date() + dt.timedelta(days=1)
    plans = [NurturePlan.objects.get(decision=nurtured(people["sdr"], on=on)) for _ in range(3)]
    bad = plans[0]
    with refused("crm_stageevent", f"NEW.lead_id = {bad.lead_id}"):
        assert SWEEPERS["wakeups"](LATER) == 2
        assert list(NurturePlan.objects.waiting()) == [bad]
    assert SWEEPERS["wakeups"](LATER) == 1


def test_the_tasks_beside_a_bad_one_are_told(people: dict[str, User]) -> None:
    items = [held_item(sdr, ItemState.OWNED) for sdr in rows.sdrs(3, people["sdr"].team)]
    ReviewItem.objects.update(next_task="Call again", next_task_at=NOW + DAY)
    with refused("qualification_notice", f"NEW.lead_id = {items[1].lead_id}"):
        assert SWEEPERS["tasks"](LATER) == 2
        untold = broken(LATER)["a task fell due five minutes ago and its owner was not told"]
        assert untold == (items[1].pk,)
    assert SWEEPERS["tasks"](LATER) == 1


def test_the_notices_beside_a_bad_one_leave(people: dict[str, User]) -> None:
    leads = [rows.scored_lead(500) for _ in range(3)]
    readers = rows.sdrs(3, people["sdr"].team)
    tell_all(
        [
            Told(reader.pk, NoticeKind.SLA_BREACH, f"sla:{lead.pk}", lead.pk, {"clock": "Hot"})
            for reader, lead in zip(readers, leads, strict=True)
        ],
        now=NOW,
    )
    with refused("qualification_notice", f"NEW.lead_id = {leads[2].pk}"):
        assert SWEEPERS["notices"](NOW) == 2
        assert OutboxMessage.objects.filter(kind="notice-mail").count() == 2
        late = broken(NOW + 6 * MINUTE)
        assert len(late["a notice is due for five minutes and no message of it was posted"]) == 1
    assert SWEEPERS["notices"](NOW) == 1


def test_the_leads_of_somebody_who_left_go_on_beside_a_bad_one(team: Team) -> None:
    aisha, ben = rows.sdrs(2, team)
    routing.rule(routing.pool(team, {aisha: 1, ben: 1}))
    routing.arriving(team, 6)
    Leave.objects.create(profile=routing.profile(aisha), starts_on=NOW.date(), ends_on=LATER.date())
    gone = ReviewItem.objects.filter(assignee=aisha)
    assert gone.count() == 3
    bad = gone.order_by("pk")[1]
    with refused("qualification_assignment", f"NEW.lead_id = {bad.lead_id}"):
        assert SWEEPERS["assignments"](NOW + DAY) == 2
        assert list(gone.all()) == [bad]
    assert SWEEPERS["assignments"](NOW + DAY) == 1


def test_what_a_policy_asks_for_is_named_while_it_is_put_off(team: Team) -> None:
    factories.person("manager", team)
    items = [rows.waiting_item(tier="hot", team=team) for _ in range(3)]
    now = NOW + 15 * MINUTE
    record_due(now=now)
    bad = SLAFollowUp.objects.get(event__timer__item=items[1])
    kind = "what a policy asks for after a breach is not done after five minutes"
    with refused("qualification_notice", f"NEW.key = 'sla:{bad.pk}'"):
        assert SWEEPERS["overdue"](now) == 2
        assert kind not in broken(now + 4 * MINUTE)
        assert broken(now + 6 * MINUTE)[kind] == (bad.pk,)
    assert SWEEPERS["overdue"](now + 61 * MINUTE) == 1
    assert kind not in broken(now + 61 * MINUTE)


def test_a_team_that_cannot_be_looked_at_keeps_no_claim(team: Team) -> None:
    items = claimed(team, 2)
    alone = factories.person("sdr", factories.TeamFactory())
    unstaffed = rows.waiting_item(team=alone.team)
    User.objects.filter(pk=alone.pk).update(is_active=False)
    with refused("qualification_itemevent", f"NEW.item_id = {unstaffed.pk}"):
        handled = run_all(now=LATER)
    assert "holds" not in handled
    assert handled["leases"] == 2
    assert states(items) == ["waiting"] * 2


def test_several_that_all_fail_are_no_bad_rows() -> None:
    asked: list[list[int]] = []

    def fails(ids: Sequence[int]) -> int:
        asked.append(list(ids))
        raise DatabaseError("no room")

    with pytest.raises(DatabaseError):
        tried(range(100), fails, batch=500)
    assert sum(len(ids) == 1 for ids in asked) == ALL_FAIL
    asked.clear()
    with pytest.raises(DatabaseError):
        tried([1, 2], fails, batch=500)
    assert do_due([7], fails, what="row") == 0


def test_many_bad_ones_in_front_keep_nothing_behind_them() -> None:
    def do(ids: Sequence[int]) -> int:
        if min(ids) < 2 * ALL_FAIL:
            raise DatabaseError("bad")
        return len(ids)

    found = tried(range(1000), do, batch=300)
    assert found.changed == 1000 - 2 * ALL_FAIL
    assert sorted(found.refused) == list(range(2 * ALL_FAIL))


def test_a_locked_table_is_waited_for_three_times_and_a_locked_row_keeps_no_other() -> None:
    asked: list[list[int]] = []

    def waits(ids: Sequence[int]) -> int:
        asked.append(list(ids))
        if 7 in ids or is_whole:
            raise OperationalError("lock timeout") from LockNotAvailable()
        return len(ids)

    is_whole = True
    with pytest.raises(OperationalError):
        tried(range(100), waits, batch=500)
    assert len(asked) == 3
    is_whole = False
    found = tried(range(100), waits, batch=500)
    assert (found.changed, list(found.refused)) == (99, [7])


def test_a_server_that_fails_is_asked_once() -> None:
    asked = []

    def away(ids: Sequence[int]) -> int:
        asked.append(ids)
        raise OperationalError("server closed the connection unexpectedly")

    with pytest.raises(OperationalError):
        tried(range(10), away, batch=500)
    assert len(asked) == 1


def test_other_work_has_its_turn_where_nothing_goes_through() -> None:
    def nothing() -> int:
        raise DatabaseError("no room")

    done: list[str] = []
    with pytest.raises(DatabaseError, match="no room"):
        each(nothing, lambda: done.append("other") or 1)
    assert done == ["other"]
    with pytest.raises(OperationalError):
        each(partial(_raises, OperationalError("away")), lambda: done.append("never") or 1)
    assert done == ["other"]
    assert each(lambda: 2, lambda: 3) == 5


def _raises(error: Exception) -> int:
    raise error


def test_nothing_due_asks_nothing() -> None:
    assert do_due([], lambda ids: 1 // 0, what="row") == 0
