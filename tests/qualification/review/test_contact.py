"""The lead's own time zone, good hours to call and the next good moment: pure, with own figures."""

from __future__ import annotations

import datetime as dt
import math
from zoneinfo import ZoneInfo

import pytest

from qualification.review.contact import (
    Window,
    Windows,
    best_windows,
    lower_bound,
    next_good,
    windows_in,
    zone_of,
)

USUAL = windows_in("8-10, 16-17")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("country", "city", "phone", "expected"),
    [
        ("Germany", "", "", ("Europe/Berlin", "country")),
        ("DE", "Hamburg", "", ("Europe/Berlin", "country")),
        ("Spain", "Madrid", "", ("Europe/Madrid", "city")),
        ("United States", "Chicago", "", ("America/Chicago", "city")),
        ("USA", "Los Angeles", "+12125551234", ("America/Los_Angeles", "city")),
        ("United States", "Springfield", "+12125551234", ("America/New_York", "phone")),
        ("United States", "Springfield", "", None),
        ("United States", "", "+18005551234", None),
        ("United States", "", "+4930123456", None),
        ("", "", "+4930123456", ("Europe/Berlin", "phone")),
        ("", "Berlin", "", None),
        ("", "", "", None),
        ("Atlantis", "", "no number", None),
        ("India", "", "", ("Asia/Kolkata", "country")),
    ],
)
def test_the_zone_is_known_or_said_unknown(
    country: str, city: str, phone: str, expected: tuple[str, str] | None
) -> None:
    found = zone_of(country, city, phone)
    assert (found and (found.zone.key, found.basis)) == expected


@pytest.mark.parametrize("text", ["8", "10-8", "8-25", "-1-4", "8-8", "eight-ten", ""])
def test_windows_are_refused_when_they_make_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        windows_in(text)


def by_hand(taken: int, made: int) -> float:
    """The lower Wilson bound, from its formula."""
    z, p = 1.959963984540054, taken / made
    centre = p + z * z / (2 * made)
    spread = z * math.sqrt(p * (1 - p) / made + z * z / (4 * made * made))
    return (centre - spread) / (1 + z * z / made)


@pytest.mark.parametrize(("taken", "made"), [(1, 2), (30, 100), (99, 100), (7, 1000)])
def test_the_bound_is_that_of_the_formula(taken: int, made: int) -> None:
    assert lower_bound(taken, made) == pytest.approx(by_hand(taken, made), abs=1e-9)


def test_too_few_own_calls_say_nothing() -> None:
    found = best_windows({11: (199, 199)}, usual=USUAL, enough=200)
    assert (found.parts, found.calls, found.seen) == (USUAL, 0, 199)


def test_own_calls_give_the_hours_that_stand_out() -> None:
    hours = dict.fromkeys(range(8, 18), (100, 10)) | {11: (100, 45), 12: (100, 40)}
    found = best_windows(hours, usual=USUAL, enough=200)
    assert (found.parts, found.calls) == ((Window(11, 13),), 1000)
    assert str(found) == "11–13"


def test_hours_that_are_alike_leave_the_usual_ones() -> None:
    hours = {hour: (100, 20 + hour % 2) for hour in range(8, 18)}
    found = best_windows(hours, usual=USUAL, enough=200)
    assert (found.parts, found.calls, found.seen) == (USUAL, 0, 1000)


def test_one_lucky_call_is_no_good_hour() -> None:
    hours = {10: (1, 1), 11: (300, 60)}
    assert best_windows(hours, usual=USUAL, enough=200).parts == USUAL


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def always(moment: dt.datetime) -> dt.datetime:
    return moment


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-11-23T06:00:00+00:00", "2026-11-23T08:00:00+01:00"),
        ("2026-11-23T08:30:00+00:00", "2026-11-23T09:30:00+01:00"),
        ("2026-11-23T09:00:00+00:00", "2026-11-23T16:00:00+01:00"),
        ("2026-11-23T16:00:00+00:00", "2026-11-24T08:00:00+01:00"),
        # Friday evening: not on the weekend.
        ("2026-11-27T16:00:00+00:00", "2026-11-30T08:00:00+01:00"),
        # The clock changes in the night to Sunday.
        ("2027-03-26T17:00:00+00:00", "2027-03-29T08:00:00+02:00"),
    ],
)
def test_the_next_good_moment_is_on_their_clock(start: str, expected: str) -> None:
    windows = Windows(USUAL)
    found = next_good(at(start), zone=BERLIN, windows=windows, next_open=always)
    assert found == at(expected)


def test_it_lies_in_open_hours_of_whoever_calls() -> None:
    def opens_at_noon(moment: dt.datetime) -> dt.datetime:
        noon = moment.replace(hour=12, minute=0)
        return max(moment, noon)

    start = at("2026-11-23T05:00:00+00:00")
    found = next_good(start, zone=BERLIN, windows=Windows(USUAL), next_open=opens_at_noon)
    assert found == at("2026-11-23T15:00:00+00:00")


def test_nothing_within_a_week_is_none() -> None:
    def never(moment: dt.datetime) -> dt.datetime:
        return moment + dt.timedelta(days=30)

    start = at("2026-11-23T05:00:00+00:00")
    assert next_good(start, zone=BERLIN, windows=Windows(USUAL), next_open=never) is None


def test_every_moment_it_names_is_a_good_one() -> None:
    windows = Windows(windows_in("8-10, 16-17, 23-24"))
    for zone in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"):
        moment = at("2026-10-20T00:07:00+00:00")
        for _n in range(300):
            found = next_good(moment, zone=ZoneInfo(zone), windows=windows, next_open=always)
            assert found is not None
            assert found >= moment
            assert windows.holds(found.astimezone(ZoneInfo(zone)))
            moment += dt.timedelta(minutes=97)
