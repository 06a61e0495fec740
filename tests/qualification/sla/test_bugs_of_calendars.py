"""More defects of other systems' clocks: weekends, holidays, and what ends a clock by itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

import holidays
import pytest

from crm.models import Team
from qualification.models import ReviewItem, SLAEvent
from qualification.review.queue import apply_line
from qualification.sla.business_time import due, elapsed
from qualification.sla.calendars import read_calendar, read_dates
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


LUNCH = [["09:00", "13:00"], ["14:00", "18:00"]]
# From, minutes, until: all of one week, by hand.
OVER_LUNCH = [
    ("11-23 12:30", 60, "11-23 14:30"),
    ("11-23 12:59", 1, "11-23 13:00"),
    ("11-23 12:59", 2, "11-23 14:01"),
    ("11-23 13:20", 60, "11-23 15:00"),
    ("11-23 09:00", 480, "11-23 18:00"),
    ("11-23 17:30", 60, "11-24 09:30"),
    ("11-23 08:00", 720, "11-24 13:00"),
    ("11-27 17:30", 60, "11-30 09:30"),
    ("11-28 12:00", 300, "11-30 15:00"),
]


@pytest.mark.parametrize("is_by_day", [False, True], ids=["of_the_week", "of_each_date"])
@pytest.mark.parametrize(("start", "minutes", "end"), OVER_LUNCH)
def test_osticket_6847_a_break_at_noon_moves_what_is_due_by_just_that_hour(
    start: str, minutes: int, end: str, is_by_day: bool
) -> None:
    """There the break had to be a holiday and the due time came out wrong. Here it is a second
    opening, of the week or of single dates, and a holiday is always a whole day."""
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), LUNCH)
    days = {}
    if is_by_day:
        week = {"mon": [["00:00", "24:00"]]}
        days = {f"2026-11-{day}": LUNCH for day in (*range(23, 28), 30)}
    calendar = read_calendar({"zone": "UTC", "week": week, "holidays": [], "days": days})

    def at(text: str) -> dt.datetime:
        return dt.datetime.fromisoformat(f"2026-{text}+00:00")

    assert due(calendar, at(start), minutes) == at(end)
    assert elapsed(calendar, at(start), at(end)) == minutes


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
