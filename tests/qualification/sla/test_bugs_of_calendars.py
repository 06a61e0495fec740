"""More defects of other systems' clocks: weekends, holidays, and what ends a clock by itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

import holidays
import pytest

from crm.models import Team
from qualification.models import ReviewItem, SLAEvent
from qualification.review.queue import apply_line
from qualification.sla.calendars import read_dates
from qualification.sla.edits import edit_calendar, moves
from qualification.sweeps import run_all
from tests.qualification import queue_support as rows
from tests.qualification.sla.calendar_support import calendar_for, office

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
FRIDAY = dt.datetime(2026, 11, 20, 17, 50, tzinfo=dt.UTC)
MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


def test_osticket_1168_what_comes_before_a_weekend_is_not_late_in_it(team: Team) -> None:
    calendar_for(team)
    item = rows.waiting_item(tier="warm", team=team, now=FRIDAY)
    assert item.due_at == MONDAY + 50 * MINUTE
    for hour in range(1, 64):  # until Monday 08:50
        run_all(now=FRIDAY + hour * HOUR)
        assert not SLAEvent.objects.exists()
    item.refresh_from_db()
    assert item.bucket == 1
    run_all(now=item.due_at)
    breach = SLAEvent.objects.get(level="breach")
    assert breach.at == item.due_at


def test_zammad_390_a_new_list_of_holidays_moves_no_clock_until_somebody_agreed(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The days a calendar observes are in its version; the new list shows what it would move."""
    content = office(country="DE", region="BY")
    version = calendar_for(team, content)
    item = rows.waiting_item(tier="warm", team=team, now=FRIDAY)
    real = holidays.country_holidays

    def newer(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        found.append({MONDAY.date(): "A day nobody thought of"})
        return found

    monkeypatch.setattr(holidays, "country_holidays", newer)
    later = rows.waiting_item(tier="warm", team=team, now=FRIDAY + MINUTE)
    assert later.due_at == MONDAY + 51 * MINUTE
    (first, second) = moves(version.calendar, content, now=FRIDAY + HOUR)
    assert first.is_moved
    assert second.is_moved
    item.refresh_from_db()
    assert item.due_at == MONDAY + 50 * MINUTE
    new, moved = edit_calendar(
        calendar=version.calendar, content=content, by=None, now=FRIDAY + HOUR
    )
    assert moved == 2
    assert set(read_dates(new.holidays)) - set(read_dates(version.holidays)) == {MONDAY.date()}
    item.refresh_from_db()
    assert item.due_at == MONDAY + DAY + 50 * MINUTE


@pytest.mark.parametrize("why", ["below the line", "by a rule"])
def test_erpnext_29288_what_ends_by_itself_ends_its_clock(why: str, team: Team) -> None:
    """Nobody saved anything: the score fell, or a rule turned it away, while it waited."""
    item = rows.waiting_item(tier="hot", team=team)
    fell, rule = why == "below the line", "competitor"
    rows.give_score(item.lead, 10 if fell else 900, disqualified="" if fell else rule)
    apply_line([item.lead_id], model=rows.active_model(), now=rows.NOW + MINUTE)
    run_all(now=rows.NOW + 9 * DAY)
    closed = ReviewItem.objects.get(pk=item.pk)
    assert closed.state == "closed"
    assert list(closed.timers.values_list("state", flat=True)) == ["cancelled"]
    assert not SLAEvent.objects.exists()
