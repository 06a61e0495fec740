"""Business time: the rule by example, and each defect known from other systems by its name."""

from __future__ import annotations

import datetime as dt
import time
from zoneinfo import ZoneInfo

import pytest

from qualification.exceptions import BusinessTimeInvalid
from qualification.sla.business_time import (
    due,
    due_after_pause,
    elapsed,
    next_open,
    open_time,
    openings,
)
from qualification.sla.calendars import WEEKDAYS, Calendar, read_calendar

OFFICE = [["09:00", "18:00"]]
WEEK = dict.fromkeys(WEEKDAYS[:5], OFFICE)


def calendar(
    zone: str = "UTC", week: dict[str, list[list[str]]] | None = None, **more: object
) -> Calendar:
    """Monday to Friday 09–18 unless said otherwise."""
    return read_calendar({"zone": zone, "week": WEEK if week is None else week, **more})


def all_week(start: str, end: str, zone: str = "UTC") -> Calendar:
    return calendar(zone, {key: [[start, end]] for key in WEEKDAYS})


def at(text: str, zone: str = "UTC") -> dt.datetime:
    """A wall clock time in a zone; `~` at the end: the second of two equal ones. In UTC, for
    Python calls no ambiguous time of two zones equal."""
    naive = dt.datetime.fromisoformat(text.rstrip("~"))
    return naive.replace(tzinfo=ZoneInfo(zone), fold=text.endswith("~")).astimezone(dt.UTC)


# -- the rule ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [
        ("2026-11-20 17:00", 60, "2026-11-20 18:00"),
        ("2026-11-20 17:00", 61, "2026-11-23 09:01"),
        ("2026-11-20 17:59:30", 1, "2026-11-23 09:00:30"),
        ("2026-11-20 17:00:07", 30, "2026-11-20 17:30:07"),
        ("2026-11-20 18:00", 0, "2026-11-23 09:00"),
        ("2026-11-20 17:59:59", 0, "2026-11-20 17:59:59"),
        ("2026-11-23 08:59:59", 9 * 60, "2026-11-23 18:00"),
        ("2026-11-23 10:00", 0.5, "2026-11-23 10:00:30"),
    ],
)
def test_due(start: str, minutes: float, expected: str) -> None:
    assert due(calendar(), at(start), minutes) == at(expected)


def test_answers_are_in_utc() -> None:
    found = due(calendar("Europe/Berlin"), at("2026-11-21 15:00", "Europe/Berlin"), 60)
    assert found.isoformat() == "2026-11-23T09:00:00+00:00"


def test_elapsed_keeps_four_decimals_and_is_never_negative() -> None:
    start = at("2026-11-23 10:00")
    assert elapsed(calendar(), start, start + dt.timedelta(seconds=10)) == 0.1667
    assert elapsed(calendar(), start, start) == 0
    assert elapsed(calendar(), start, start - dt.timedelta(days=1)) == 0
    assert elapsed(calendar(), at("2026-11-20 17:00"), at("2026-11-23 10:00")) == 120


def test_an_hour_shown_twice_counts_twice_and_one_never_shown_not_at_all() -> None:
    berlin = all_week("02:00", "03:00", "Europe/Berlin")
    night = at("2026-10-25 00:00", "Europe/Berlin")
    assert elapsed(berlin, night, night + dt.timedelta(hours=12)) == 120
    assert due(berlin, night, 90) == at("2026-10-25 02:30~", "Europe/Berlin")
    night = at("2026-03-29 00:00", "Europe/Berlin")
    assert elapsed(berlin, night, night + dt.timedelta(hours=12)) == 0
    assert next_open(berlin, night) == at("2026-03-30 02:00", "Europe/Berlin")


def test_an_opening_in_the_repeated_hour_opens_twice() -> None:
    york = all_week("01:45", "02:15", "America/New_York")
    start = at("2026-11-01 00:00", "America/New_York")
    spans = list(openings(york, start, start + dt.timedelta(hours=6)))
    lengths = [(closes - opens) / dt.timedelta(minutes=1) for opens, closes in spans]
    assert lengths == [15, 30]


def test_a_skipped_date_has_no_minutes() -> None:
    samoa = all_week("00:00", "24:00", "Pacific/Apia")
    start = at("2011-12-29 23:00", "Pacific/Apia")
    assert due(samoa, start, 120) == at("2011-12-31 01:00", "Pacific/Apia")


def test_a_night_shift_belongs_to_two_dates() -> None:
    nights = {"fri": [["22:00", "06:00"]]}
    friday = at("2026-11-20 12:00")
    assert due(calendar(week=nights), friday, 480) == at("2026-11-21 06:00")
    # A holiday closes its own date only.
    on_friday = calendar(week=nights, holidays=["2026-11-20"])
    assert next_open(on_friday, friday) == at("2026-11-21 00:00")
    on_saturday = calendar(week=nights, holidays=["2026-11-21"])
    assert elapsed(on_saturday, friday, at("2026-11-22 00:00")) == 120
    # An entry says everything about its date, whatever began the night before.
    short = calendar(week=nights, days={"2026-11-21": [["10:00", "11:00"]]})
    assert elapsed(short, friday, at("2026-11-22 00:00")) == 180
    # Sunday night runs into Monday.
    assert elapsed(calendar(week={"sun": nights["fri"]}), friday, at("2026-11-24 00:00")) == 480


def test_an_entry_for_a_date_wins_over_the_week_and_over_holidays() -> None:
    day = "2026-12-24"
    half = calendar(days={day: [["09:00", "12:00"]]}, holidays=[day, "2026-12-25"])
    assert due(half, at("2026-12-24 11:00"), 120) == at("2026-12-28 10:00")
    shut = calendar(days={day: []})
    assert next_open(shut, at("2026-12-24 10:00")) == at("2026-12-25 09:00")
    late = calendar(days={day: [["20:00", "02:00"]]}, holidays=["2026-12-25"])
    assert elapsed(late, at("2026-12-24 00:00"), at("2026-12-26 00:00")) == 240
    assert due(calendar(days={day: [["20:00", "02:00"]]}), at("2026-12-24 20:00"), 420) == at(
        "2026-12-25 10:00"
    )


def test_a_pause_moves_the_due_time_by_its_open_time() -> None:
    started = at("2026-11-20 16:00")
    due_at = due(calendar(), started, 240)  # Monday 11:00
    moved = due_after_pause(calendar(), due_at, at("2026-11-20 17:00"), at("2026-11-23 09:30"))
    assert moved == at("2026-11-23 12:30")
    overnight = due_after_pause(calendar(), due_at, at("2026-11-21 00:00"), at("2026-11-22 00:00"))
    assert overnight == due_at
    assert due_after_pause(calendar(), due_at, due_at, at("2026-11-24 12:00")) == due_at


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "minutes", "message"),
    [
        (dt.datetime(2026, 11, 21, 15), 60, "has no offset to UTC"),  # noqa: DTZ001
        (at("2026-11-21 15:00"), -1, "from 0 upwards"),
        (at("2026-11-21 15:00"), float("nan"), "from 0 upwards"),
        (at("2026-11-21 15:00"), float("inf"), "from 0 upwards"),
        (at("2026-11-21 15:00"), 10**9, "nothing falls due within ten years"),
        (at("2026-11-21 15:00"), 10**400, "nothing falls due within ten years"),
        (at("1899-12-31 15:00"), 1, "does not lie in the years"),
        (dt.datetime.fromisoformat("9999-12-31T23:00-05:00"), 1, "does not lie in the years"),
        (dt.datetime.fromisoformat("0001-01-01T00:00+14:00"), 1, "does not lie in the years"),
    ],
)
def test_a_question_without_sense_is_refused(
    start: dt.datetime, minutes: float, message: str
) -> None:
    with pytest.raises(BusinessTimeInvalid, match=message):
        due(calendar(), start, minutes)


def test_nothing_is_due_later_than_in_ten_years() -> None:
    once = calendar(week={}, days={"2036-11-20": [["09:00", "10:00"]]})
    assert due(once, at("2026-11-21 15:00"), 60) == at("2036-11-20 10:00")
    for start, minutes in [("2026-11-21 15:00", 61), ("2026-11-18 15:00", 0), ("2040-01-01", 0)]:
        with pytest.raises(BusinessTimeInvalid, match="nothing falls due"):
            due(once, at(start), minutes)


# -- what went wrong elsewhere -------------------------------------------------------------------


@pytest.mark.parametrize("start", ["2026-11-21 08:00", "2026-11-21 15:00", "2026-11-22 23:30"])
def test_frappe_saturday_afternoon_keeps_the_time_of_day(start: str) -> None:
    assert due(calendar(), at(start), 60) == at("2026-11-23 10:00")


def test_frappe_thirty_days_take_no_time() -> None:
    began = time.process_time()
    assert elapsed(calendar(), at("2026-11-02 00:00"), at("2026-12-02 00:00")) == 22 * 540
    assert time.process_time() - began < 0.5


def test_frappe_a_week_without_working_days_is_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(BusinessTimeInvalid, match="never opens"):
        calendar(week={})
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("start", "expected"),
    [("2026-11-01 00:30", "2026-11-01 03:30"), ("2026-03-08 00:30", "2026-03-08 05:30")],
)
def test_micropyramid_four_hours_are_four_hours_when_clocks_change(
    start: str, expected: str
) -> None:
    zone = "America/New_York"
    found = due(all_week("00:00", "24:00", zone), at(start, zone), 240)
    assert found == at(expected, zone)
    assert found - at(start, zone) == dt.timedelta(hours=4)


def test_micropyramid_2359_is_a_minute_short_and_2400_is_not() -> None:
    assert due(all_week("00:00", "24:00"), at("2026-11-23 23:00"), 120) == at("2026-11-24 01:00")
    assert due(all_week("00:00", "23:59"), at("2026-11-23 23:00"), 120) == at("2026-11-24 01:01")


def test_zammad_no_closed_minute_at_midnight() -> None:
    start = at("2026-11-23 00:00")
    spans = list(openings(all_week("00:00", "24:00"), start, start + dt.timedelta(days=90)))
    assert spans == [(start, start + dt.timedelta(days=90))]


def test_zammad_nothing_is_due_at_midnight_of_a_closed_night() -> None:
    for minutes in range(0, 2 * 540 + 1, 30):
        found = due(calendar(), at("2026-11-22 23:59"), minutes)
        assert 9 <= found.hour <= 18


@pytest.mark.parametrize("weekday", WEEKDAYS)
def test_osticket_any_single_working_day_will_do(weekday: str) -> None:
    found = due(calendar(week={weekday: OFFICE}), at("2026-11-23 00:00"), 600)
    assert found.weekday() == WEEKDAYS.index(weekday)
    assert found.time() == dt.time(10)


def test_chatwoot_and_helpdesk_a_lunch_break_does_not_count() -> None:
    lunch = calendar(week={"mon": [["09:00", "12:00"], ["13:00", "18:00"]]})
    assert due(lunch, at("2026-11-23 11:30"), 60) == at("2026-11-23 13:30")
    assert due(lunch, at("2026-11-23 12:15"), 60) == at("2026-11-23 14:00")
    assert elapsed(lunch, at("2026-11-23 09:00"), at("2026-11-23 18:00")) == 480


def test_helpdesk_created_on_a_day_off_starts_with_the_next_opening() -> None:
    off = calendar(holidays=["2026-11-23"])
    assert due(off, at("2026-11-23 11:00"), 30) == at("2026-11-24 09:30")


def test_glpi_two_windows_before_a_weekend_do_not_lead_to_midnight() -> None:
    two = calendar(week={key: [["08:00", "12:00"], ["14:00", "18:00"]] for key in WEEKDAYS[:5]})
    assert due(two, at("2026-11-20 11:00"), 5 * 60) == at("2026-11-20 18:00")
    assert due(two, at("2026-11-20 11:00"), 5 * 60 + 1) == at("2026-11-23 08:01")


def test_oncall_hours_stay_on_the_wall_clock_over_the_year() -> None:
    berlin = calendar("Europe/Berlin")
    assert next_open(berlin, at("2026-07-06 00:00")).hour == 7
    assert next_open(berlin, at("2026-11-23 00:00")).hour == 8


def test_dbt_zendesk_history_is_counted_with_the_offsets_of_its_time() -> None:
    berlin = calendar("Europe/Berlin")
    july, november = at("2026-07-06 06:00"), at("2026-11-23 06:00")
    assert elapsed(berlin, july, july + dt.timedelta(hours=2)) == 60
    assert elapsed(berlin, november, november + dt.timedelta(hours=3)) == 60


# -- speed ---------------------------------------------------------------------------------------


def test_100_000_due_times_take_seconds() -> None:
    berlin = calendar(
        "Europe/Berlin",
        {key: [["08:00", "12:00"], ["13:00", "18:00"]] for key in WEEKDAYS[:5]},
        holidays=[f"{year}-12-25" for year in range(2020, 2040)],
        days={"2026-12-24": [["09:00", "12:00"]]},
    )
    start = at("2026-01-01 00:00")
    began = time.process_time()
    for number in range(100_000):
        due(berlin, start + dt.timedelta(seconds=317 * number), number % 3000)
    assert time.process_time() - began < 5


def test_open_time_is_exact() -> None:
    start = at("2026-11-23 10:00:00.000001")
    found = open_time(calendar(), start, at("2026-11-23 10:00:01"))
    assert found == dt.timedelta(microseconds=999_999)
