"""What a calendar may say, and the one line that refuses the rest."""

from __future__ import annotations

from typing import Any

import pytest

from qualification.exceptions import BusinessTimeInvalid
from qualification.sla.calendars import read_calendar, written_form

WRITTEN: dict[str, Any] = {
    "zone": "Europe/Berlin",
    "week": {"mon": [["09:00", "12:00"], ["12:00", "24:00"]], "fri": [["22:00", "06:00"]]},
    "holidays": ["2026-12-25", "2026-12-26"],
    "days": {"2026-12-24": [["09:00", "12:00"]], "2026-12-31": []},
}


def test_the_written_form_is_read_back() -> None:
    assert written_form(read_calendar(WRITTEN)) == WRITTEN


def test_order_and_omission_do_not_matter() -> None:
    first = read_calendar(
        {"zone": "UTC", "week": {"mon": [["13:00", "14:00"], ["09:00", "12:00"]]}}
    )
    second = read_calendar(
        {"zone": "UTC", "days": {}, "holidays": [], "week": written_form(first)["week"]}
    )
    assert first == second


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zone": "Europe/Atlantis"}, "zone: “Europe/Atlantis” is not known"),
        ({"zone": "Europe"}, "zone: “Europe” is not known"),
        ({"zone": "../../etc/passwd"}, "zone: .* is not known"),
        ({"zone": ""}, "zone: “” is not known"),
        ({"zone": None}, "zone: a name"),
        ({"week": []}, "week: an object is expected"),
        ({"week": {"monday": []}}, "week: “monday” is no weekday"),
        ({"week": {"mon": {}}}, "week.mon: a list of openings"),
        ({"week": {"mon": ["09:00", "10:00"]}}, "week.mon: an opening is written"),
        ({"week": {"mon": [["09:00"]]}}, "week.mon: an opening is written"),
        ({"week": {"mon": [[9, 10]]}}, "week.mon: “9” is no time"),
        ({"week": {"mon": [["9:00", "10:00"]]}}, "week.mon: “9:00” is no time"),
        ({"week": {"mon": [["09:00", "24:01"]]}}, "week.mon: “24:01” is no time"),
        ({"week": {"mon": [["09:00", "１0:00"]]}}, "is no time"),
        ({"week": {"mon": [["24:00", "06:00"]]}}, "24:00 is an end only"),
        ({"week": {"mon": [["09:00", "09:00"]]}}, "09:00–09:00 is empty"),
        ({"week": {"mon": [["24:00", "24:00"]]}}, "is empty"),
        ({"week": {"mon": [["09:00", "12:00"]] * 2}}, "week.mon: .* overlap"),
        ({"week": {"mon": [["09:00", "12:00"], ["11:59", "13:00"]]}}, "overlap"),
        ({"week": {"mon": [["22:00", "06:00"]], "tue": [["05:00", "09:00"]]}}, "week.tue: .* ov"),
        ({"week": {"sun": [["22:00", "06:00"]], "mon": [["05:00", "09:00"]]}}, "week.mon: .* ov"),
        ({"days": {"2026-12-24": [["09:00", "12:00"], ["10:00", "11:00"]]}}, "days.2026-12-24: "),
        ({"days": {"2026-02-30": []}}, "days: “2026-02-30” is no date"),
        ({"days": {"24.12.2026": []}}, "days: “24.12.2026” is no date"),
        ({"holidays": "2026-12-25"}, "holidays: a list"),
        ({"holidays": [20261225]}, "holidays: “20261225” is no date"),
        ({"week": {}, "days": {"2026-12-31": []}}, "the calendar never opens"),
        ({"week": {"mon": []}, "days": {}}, "the calendar never opens"),
    ],
)
def test_it_is_refused_with_one_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BusinessTimeInvalid, match=message) as refused:
        read_calendar(WRITTEN | change)
    assert "\n" not in str(refused.value)


def test_openings_that_touch_are_allowed() -> None:
    touching = {"sun": [["22:00", "06:00"]], "mon": [["06:00", "12:00"], ["22:00", "00:00"]]}
    assert read_calendar(WRITTEN | {"week": touching})
