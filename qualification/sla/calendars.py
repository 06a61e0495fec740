"""Decides what a calendar may say: in which minutes of the wall clock a team works.

Pure values and their written form (JSON). Called by `openings.py`, the command `business_time` and
whatever stores calendars; refuses with one line that names the place and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, cached_property
from itertools import pairwise
from zoneinfo import available_timezones

from django.utils.translation import gettext as _

from qualification.exceptions import BusinessTimeInvalid

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = 24 * 60
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ONE_DAY = timedelta(days=1)

# Minutes [from, to) of one wall date, 0 ≤ from < to ≤ 1440.
Part = tuple[int, int]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One opening as written: minutes after midnight [opens, closes). One that closes before it
    opens runs past midnight; what lies behind midnight belongs to the next wall date."""

    opens: int
    closes: int

    def __str__(self) -> str:
        return f"{clock_text(self.opens)}–{clock_text(self.closes)}"

    def part(self) -> Part:
        """What lies on the date it is written at."""
        return self.opens, self.closes if self.closes > self.opens else MIDNIGHT

    def part_behind_midnight(self) -> list[Part]:
        """What lies on the date after: nothing or one part."""
        return [(0, self.closes)] if 0 < self.closes < self.opens else []


Windows = tuple[Window, ...]


@dataclass(frozen=True)
class Calendar:
    """The working hours of one place. Cannot exist without open time or with a wrong window.

    `week` holds the windows of each weekday, Monday first. A holiday closes its date from 00:00 to
    24:00 and no other; an entry in `days` says everything about its date (an empty one closes it)
    and wins over holidays. Raises BusinessTimeInvalid.
    """

    zone: str
    week: tuple[Windows, ...]
    holidays: frozenset[date] = frozenset()
    days: tuple[tuple[date, Windows], ...] = field(default=())

    def __post_init__(self) -> None:
        if self.zone not in _zone_names():
            raise BusinessTimeInvalid(_("zone: “%(zone)s” is not known") % {"zone": self.zone})
        if len(self.week) != len(WEEKDAYS):
            raise BusinessTimeInvalid(_("week: it has seven days"))
        for name, windows in zip(WEEKDAYS, self.week, strict=True):
            _refuse_bad_windows(windows, f"week.{name}")
        for day, windows in self.days:
            _refuse_bad_windows(windows, f"days.{day}")
            _refuse_overlap(_parts(windows), f"days.{day}")
        for name, parts in zip(WEEKDAYS, self.week_parts, strict=True):
            _refuse_overlap(parts, f"week.{name}")
        if not any(self.week) and not any(windows for _day, windows in self.days):
            raise BusinessTimeInvalid(_("the calendar never opens"))

    def parts_on(self, day: date) -> Sequence[Part]:
        """The open minutes of a wall date, ascending and apart from each other."""
        entry = self._entries.get(day)
        if entry is not None:
            return _parts(entry)
        if day in self.holidays:
            return ()
        parts = self.week_parts[day.weekday()]
        before = self._entries.get(day - _ONE_DAY) if self._entries else None
        return _joined([*parts, *_behind_midnight(before)]) if before else parts

    @cached_property
    def _entries(self) -> dict[date, Windows]:
        return dict(self.days)

    @cached_property
    def week_parts(self) -> list[list[Part]]:
        """Open minutes of each weekday, those from the night before included."""
        return [
            sorted([*_behind_midnight(self.week[number - 1]), *_parts(windows)])
            for number, windows in enumerate(self.week)
        ]


def _parts(windows: Windows) -> list[Part]:
    return sorted(window.part() for window in windows)


def _behind_midnight(windows: Windows) -> list[Part]:
    return [part for window in windows for part in window.part_behind_midnight()]


def _joined(parts: Iterable[Part]) -> list[Part]:
    """The same minutes without overlaps: the night before an ordinary day may reach into it."""
    joined: list[Part] = []
    for start, end in sorted(parts):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _refuse_bad_windows(windows: Windows, place: str) -> None:
    for window in windows:
        if window.opens == window.closes:
            raise BusinessTimeInvalid(
                _("%(place)s: %(window)s is empty; the whole day is 00:00–24:00")
                % {"place": place, "window": window}
            )
        if not (0 <= window.opens < MIDNIGHT and 0 <= window.closes <= MIDNIGHT):
            raise BusinessTimeInvalid(
                _("%(place)s: %(window)s is no opening; 24:00 is an end only")
                % {"place": place, "window": window}
            )


def _refuse_overlap(parts: Sequence[Part], place: str) -> None:
    for first, second in pairwise(parts):
        if second[0] < first[1]:
            raise BusinessTimeInvalid(
                _("%(place)s: %(first)s and %(second)s overlap")
                % {"place": place, "first": Window(*first), "second": Window(*second)}
            )


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def clock_text(minute: int) -> str:
    """Minutes after midnight as `HH:MM`."""
    return f"{minute // 60:02}:{minute % 60:02}"


# -- the written form ---------------------------------------------------------------------------


def read_calendar(written: Mapping[str, object]) -> Calendar:
    """The calendar of a written form: `zone`, `week`, `holidays`, `days`; all but `zone` may be
    left out. Other keys mean nothing here. Raises BusinessTimeInvalid."""
    zone = written.get("zone")
    if not isinstance(zone, str):
        raise BusinessTimeInvalid(_("zone: a name such as Europe/Berlin is missing"))
    return Calendar(
        zone=zone,
        week=read_week(written.get("week", {})),
        holidays=frozenset(read_dates(written.get("holidays", []))),
        days=_read_days(written.get("days", {})),
    )


def read_week(written: object) -> tuple[Windows, ...]:
    """The windows of `{"mon": [["09:00", "12:00"], …], …}`; a day left out is closed."""
    by_name = _mapping(written, "week")
    for name in by_name:
        if name not in WEEKDAYS:
            raise BusinessTimeInvalid(
                _("week: “%(name)s” is no weekday; they are %(all)s")
                % {"name": name, "all": ", ".join(WEEKDAYS)}
            )
    return tuple(read_windows(by_name.get(name, []), f"week.{name}") for name in WEEKDAYS)


def _read_days(written: object) -> tuple[tuple[date, Windows], ...]:
    by_date = _mapping(written, "days")
    return tuple(
        sorted(
            (_read_date(day, "days"), read_windows(windows, f"days.{day}"))
            for day, windows in by_date.items()
        )
    )


def read_dates(written: object) -> list[date]:
    """The dates of a list of `YYYY-MM-DD`."""
    if not isinstance(written, list):
        raise BusinessTimeInvalid(_("holidays: a list of dates is expected"))
    return [_read_date(day, "holidays") for day in written]


def read_windows(written: object, place: str) -> Windows:
    """The windows of `[["09:00", "12:00"], ["13:00", "24:00"]]`, ascending."""
    if not isinstance(written, list):
        raise BusinessTimeInvalid(_("%(place)s: a list of openings is expected") % {"place": place})
    return tuple(sorted(_read_window(pair, place) for pair in written))


def _read_window(written: object, place: str) -> Window:
    if not isinstance(written, list) or len(written) != 2:
        raise BusinessTimeInvalid(
            _('%(place)s: an opening is written ["09:00", "17:00"]') % {"place": place}
        )
    return Window(*(_read_minute(time, place) for time in written))


def _read_minute(written: object, place: str) -> int:
    if not isinstance(written, str) or not _TIME.fullmatch(written):
        raise BusinessTimeInvalid(
            _("%(place)s: “%(time)s” is no time such as 09:00")
            % {"place": place, "time": str(written)[:20]}
        )
    return int(written[:2]) * 60 + int(written[3:])


def _read_date(written: object, place: str) -> date:
    try:
        if isinstance(written, str) and _DATE.fullmatch(written):
            return date.fromisoformat(written)
    except ValueError:  # no such day in that month
        pass
    raise BusinessTimeInvalid(
        _("%(place)s: “%(date)s” is no date such as 2026-12-24")
        % {"place": place, "date": str(written)[:20]}
    )


def _mapping(written: object, place: str) -> Mapping[str, object]:
    if not isinstance(written, dict):
        raise BusinessTimeInvalid(_("%(place)s: an object is expected") % {"place": place})
    return written


def written_form(calendar: Calendar) -> dict[str, object]:
    """What `read_calendar` reads back."""
    return {
        "zone": calendar.zone,
        "week": {
            name: _written_windows(windows)
            for name, windows in zip(WEEKDAYS, calendar.week, strict=True)
            if windows
        },
        "holidays": sorted(day.isoformat() for day in calendar.holidays),
        "days": {day.isoformat(): _written_windows(windows) for day, windows in calendar.days},
    }


def _written_windows(windows: Windows) -> list[list[str]]:
    return [[clock_text(window.opens), clock_text(window.closes)] for window in windows]
