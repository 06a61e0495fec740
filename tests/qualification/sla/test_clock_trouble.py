"""The clock of a host is wrong for a while, or the night changes its hours: every sweep there is,
with the clock two hours ahead, two hours behind, or hour by hour through the night.

What a night with trouble leaves behind must be what the same night without any leaves behind: no
warning, breach or escalation twice, none left out, nobody told twice, nothing taken back twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection, transaction

from crm.models import Team, User
from qualification import sweeps
from qualification.invariants import violations
from qualification.models import (
    ItemEvent,
    Notice,
    ReviewItem,
    SLAEvent,
    SLAFollowUp,
    SLAPolicy,
    SLATimer,
)
from qualification.review.claims import claim_item
from qualification.review.pauses import pause_clock
from qualification.sla import levels, sweep
from tests.oracles.minute_clock import MinuteClock
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import calendar_for, office

HOUR = dt.timedelta(hours=1)
# Berlin: 3:00 becomes 2:00, and half a year later 2:00 becomes 3:00.
NIGHTS = {
    "longer": dt.datetime(2026, 10, 24, 20, tzinfo=dt.UTC),
    "shorter": dt.datetime(2027, 3, 27, 20, tzinfo=dt.UTC),
}
HOURS = 14
# Open through the hour that comes twice or never, and closed around it.
WEEK = {"sat": [["21:00", "23:30"]], "sun": [["01:30", "02:15"], ["02:45", "09:00"]]}
MINUTES = {"hot": 15, "warm": 60, "cool": 240, "cold": 480}

Look = dt.datetime


@pytest.fixture
def a_night(team: Team, people: dict[str, User]) -> Callable[[dt.datetime], list[ReviewItem]]:
    """Leads of every tier wait; one is claimed, one paused, and breaches take leads back."""
    calendar_for(team, office("Europe/Berlin", week=WEEK))
    SLAPolicy.objects.filter(kind="first_response").update(
        on_breach="reassign", escalate_after=[20, 90], on_escalation="notify"
    )

    def begin(at: dt.datetime) -> list[ReviewItem]:
        rows.active_model()
        items = [
            rows.waiting_item(tier=tier, team=team, now=at) for tier in MINUTES for _ in range(2)
        ]
        claim_item(item=items[0], by=people["sdr"], now=at)
        pause_clock(item=items[2], by=people["manager"], reason="Fair", until=at + 5 * HOUR, now=at)
        return items

    return begin


def swept(looks: Sequence[Look]) -> dict[str, list[Any]]:
    """What stands after sweeps at these moments; when it was written down does not matter."""
    for now in looks:
        handled = sweeps.run_all(now=now)
        assert set(handled) == set(sweeps.SWEEPERS)
    verbs = ItemEvent.objects.exclude(verb="item:entered")
    return {
        "events": sorted(SLAEvent.objects.values_list("timer__item", "level", "at")),
        "followed": sorted(
            SLAFollowUp.objects.values_list("event__timer__item", "event__level", "outcome")
        ),
        "verbs": sorted(verbs.values_list("item", "verb")),
        "told": sorted(
            Notice.objects.filter(key__startswith="sla:").values_list("person", "kind", "lead")
        ),
        "items": sorted(ReviewItem.objects.values_list("pk", "state", "bucket", "due_at")),
        "clocks": list(
            SLATimer.objects.order_by("pk").values_list("pk", "state", "due_at", "next_at")
        ),
    }


def without_ids(said: dict[str, list[Any]], first: dict[str, int]) -> dict[str, list[Any]]:
    """Rows of two nights are compared by their place: ids go on counting."""
    return {
        "events": [(pk - first["item"], level, at) for pk, level, at in said["events"]],
        "followed": [(pk - first["item"], *rest) for pk, *rest in said["followed"]],
        "verbs": [(pk - first["item"], verb) for pk, verb in said["verbs"]],
        "told": [(person, kind, lead - first["lead"]) for person, kind, lead in said["told"]],
        "items": [(pk - first["item"], *rest) for pk, *rest in said["items"]],
        "clocks": [(pk - first["timer"], *rest) for pk, *rest in said["clocks"]],
    }


def one_night(
    begin: Callable[[dt.datetime], list[ReviewItem]], at: dt.datetime, looks: Sequence[Look]
) -> dict[str, list[Any]]:
    """The night, and then as if it never was."""
    with transaction.atomic():
        items = begin(at)
        first = {
            "item": items[0].pk,
            "lead": items[0].lead_id,
            "timer": min(SLATimer.objects.values_list("pk", flat=True)),
        }
        found = without_ids(swept(looks), first)
        found["broken"] = [each.kind for each in violations(now=max(looks))]
        transaction.set_rollback(True)
    return found


def at_hours(at: dt.datetime, hours: Sequence[float]) -> list[Look]:
    """A look at each of these hours of the night by the clock of the host."""
    return [at + hour * HOUR for hour in hours]


EVERY_HOUR = [*range(HOURS)]
# What a host shows hour by hour; in the end its clock is right.
TROUBLES = {
    "two hours behind, once": [0, 1, 2, 3, 4, 3, 6, *range(7, HOURS)],
    "two hours behind for the night": [0, 1, 2, 3, 4, *range(3, HOURS - 2), *range(11, HOURS)],
    "two hours to and fro": [0, 1, 2, 0, 4, 2, 6, 4, 8, 6, 10, 8, *range(12, HOURS)],
    "seven hours without a look": [0, 1, 2, *range(9, HOURS)],
    "two hours ahead, once": [0, 1, 2, 5, 4, *range(5, HOURS)],
    "two hours ahead, then set back": [0, 1, 2, 3, 6, 7, 8, 7, 8, 9, 10, *range(10, HOURS)],
}


@pytest.mark.django_db
@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_with_trouble_leaves_what_one_without_leaves(
    night: str, a_night: Callable[[dt.datetime], list[ReviewItem]]
) -> None:
    at = NIGHTS[night]
    quiet = one_night(a_night, at, at_hours(at, EVERY_HOUR))
    assert len(quiet["events"]) > 20
    assert quiet["told"]
    assert quiet["broken"] == []
    for trouble, hours in TROUBLES.items():
        assert max(hours) == EVERY_HOUR[-1]
        assert one_night(a_night, at, at_hours(at, hours)) == quiet, trouble


@pytest.mark.django_db
@pytest.mark.parametrize("night", NIGHTS)
def test_hour_by_hour_each_level_is_written_in_the_hour_it_falls_due(
    night: str, a_night: Callable[[dt.datetime], list[ReviewItem]]
) -> None:
    at = NIGHTS[night]
    a_night(at)
    clock = MinuteClock({"zone": "Europe/Berlin", "week": WEEK, "holidays": [], "days": {}})
    # Of what was not paused: as a minute hand says that stands while the team is closed.
    due = {
        timer.pk: clock.due(at, MINUTES[timer.policy.tier])
        for timer in SLATimer.objects.filter(state="running").select_related("policy")
        if timer.policy is not None
    }
    assert {timer: SLATimer.objects.get(pk=timer).due_at for timer in due} == due
    seen: set[tuple[int, str]] = set()
    for hour in range(HOURS):
        now = at + hour * HOUR
        sweeps.run_all(now=now)
        new = SLAEvent.objects.filter(recorded_at=now).values_list("timer", "level", "at")
        for timer, level, moment in new:
            assert now - HOUR < moment <= now
            assert (timer, level) not in seen
            seen.add((timer, level))
        for timer, moment in due.items():
            assert ((timer, "breach") in seen) == (moment <= now)
    assert len(seen) > 10


@pytest.mark.django_db
def test_control_a_sweep_that_asks_only_for_the_last_hour_skips(
    a_night: Callable[[dt.datetime], list[ReviewItem]], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = NIGHTS["longer"]
    quiet = one_night(a_night, at, at_hours(at, EVERY_HOUR))
    recent = "due.at <= %(now)s AND due.at > %(now)s - interval '1 hour'"
    monkeypatch.setattr(levels, "_RECORD", levels._RECORD.replace("due.at <= %(now)s", recent))
    assert one_night(a_night, at, at_hours(at, EVERY_HOUR)) == quiet
    late = one_night(a_night, at, at_hours(at, TROUBLES["seven hours without a look"]))
    assert len(late["events"]) < len(quiet["events"])


@pytest.mark.django_db
def test_control_without_its_two_walls_a_clock_set_back_fires_again(
    a_night: Callable[[dt.datetime], list[ReviewItem]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One wall is when the sweep looks next, the other that a level is written once."""
    at = NIGHTS["longer"]
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE qualification_slaevent DROP CONSTRAINT qualification_slaevent_once"
        )
    naive = levels._RECORD.replace("ON CONFLICT (timer_id, level) DO NOTHING", "").replace(
        "due.at <= %(now)s", "due.at <= %(now)s AND due.at > %(now)s - interval '1 hour'"
    )
    monkeypatch.setattr(levels, "_RECORD", naive)
    monkeypatch.setattr(sweep, "NEXT_AT_SQL", "%(now)s - interval '3 hours'")
    quiet = one_night(a_night, at, at_hours(at, EVERY_HOUR))
    again = one_night(a_night, at, at_hours(at, TROUBLES["two hours to and fro"]))
    assert len(quiet["events"]) == len(set(quiet["events"]))
    assert len(again["events"]) > len(set(again["events"]))
