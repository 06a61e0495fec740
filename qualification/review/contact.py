"""Decides in which time zone a lead lives and when calling them is worth it. Pure.

Called by the lead page, the touch menu and the steps of cadences. Hours are those of the lead's own
wall clock; what is not known is said, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from crm.matching.normalize import fold, region_of
from qualification.intervals import wilson

SATURDAY = 5
# How far ahead a good time is looked for; behind it the first open moment is better than none.
DAYS_AHEAD = 7
# An hour with fewer own calls says nothing, however they went.
HOUR_ENOUGH = 30
_SUMMER_AND_WINTER = (datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC))


@dataclass(frozen=True)
class LeadZone:
    """A lead's time zone and what says so: `city`, `country` or `phone`."""

    zone: ZoneInfo
    basis: str


@lru_cache(maxsize=4096)
def zone_of(country: str, city: str, phone: str) -> LeadZone | None:
    """The zone of a place or of a number (E.164); None when nothing says it.

    A country with several clocks needs a city that gave one of them its name, or the number.
    """
    names = _zones_by_region().get(region_of(country), ())
    by_city = [name for name in names if fold(city) == _city_of(name)]
    if city and by_city:
        return LeadZone(ZoneInfo(by_city[0]), "city")
    if names and _agree(names):
        return LeadZone(ZoneInfo(names[0]), "country")
    of_number = _zones_of_number(phone)
    # A mobile keeps its number across a border; the country they gave goes before it.
    if names:
        of_number = tuple(name for name in of_number if name in names)
    if of_number and _agree(of_number):
        return LeadZone(ZoneInfo(of_number[0]), "phone")
    return None


def _city_of(zone: str) -> str:
    return fold(zone.rpartition("/")[2].replace("_", " "))


def _agree(names: Sequence[str]) -> bool:
    """Whether these zones show the same time, in summer and in winter."""
    clocks = {
        tuple(at.astimezone(ZoneInfo(name)).utcoffset() for at in _SUMMER_AND_WINTER)
        for name in names
    }
    return len(clocks) == 1


@lru_cache(maxsize=1)
def _zones_by_region() -> dict[str, tuple[str, ...]]:
    """ISO country code → its zones, the most populous first, from the zone database."""
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            code, _place, name = line.split("\t")[:3]
            found.setdefault(code, []).append(name)
    return {code: tuple(names) for code, names in found.items()}


def _zones_of_number(phone: str) -> tuple[str, ...]:
    try:
        names = time_zones_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return ()
    return tuple(name for name in names if name != UNKNOWN_TIMEZONE)


@dataclass(frozen=True, order=True)
class Window:
    """Hours [start, end) of the wall clock, 0 ≤ start < end ≤ 24."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start:02}–{self.end:02}"


@dataclass(frozen=True)
class Windows:
    """When calls are worth it, and the number of own calls that says so; 0: the usual hours.

    `seen` is how many own calls there are, enough or not.
    """

    parts: tuple[Window, ...]
    calls: int = 0
    seen: int = 0

    def holds(self, local: datetime) -> bool:
        """Whether this moment on the lead's clock is a good one. Weekends are not."""
        is_working_day = local.weekday() < SATURDAY
        return is_working_day and any(p.start <= local.hour < p.end for p in self.parts)

    def __str__(self) -> str:
        return ", ".join(str(part) for part in self.parts)


def windows_in(text: str) -> tuple[Window, ...]:
    """Windows as written in a setting, such as `8-10, 16-17`. Raises ValueError."""
    parts = []
    for written in text.split(","):
        start, _dash, end = written.strip().partition("-")
        window = Window(int(start), int(end))
        if not 0 <= window.start < window.end <= 24:
            raise ValueError(f"{written.strip()}: hours from 0 to 24, the first before the second")
        parts.append(window)
    return tuple(sorted(parts))


# Calls and answered calls by hour of the lead's clock.
Hours = Mapping[int, tuple[int, int]]


def best_windows(hours: Hours, *, usual: tuple[Window, ...], enough: int) -> Windows:
    """The usual windows until there are `enough` own calls; then the hours (of HOUR_ENOUGH calls)
    that are answered surely more often than calls are altogether: their 95 % Wilson interval lies
    above the share of all. Where there is none, the usual ones."""
    calls = sum(made for made, _answered in hours.values())
    answered = sum(taken for _made, taken in hours.values())
    if calls < enough or not answered:
        return Windows(usual, seen=calls)
    good = [
        hour
        for hour, (made, taken) in sorted(hours.items())
        if made >= HOUR_ENOUGH and lower_bound(taken, made) > answered / calls
    ]
    return Windows(_joined(good), calls, calls) if good else Windows(usual, seen=calls)


def lower_bound(taken: int, made: int) -> float:
    """The lower end of the 95 % Wilson interval of a share."""
    return wilson(taken, made)[0]


def _joined(hours: Sequence[int]) -> tuple[Window, ...]:
    """Windows of hours that follow each other."""
    parts: list[Window] = []
    for hour in hours:
        if parts and parts[-1].end == hour:
            parts[-1] = Window(parts[-1].start, hour + 1)
        else:
            parts.append(Window(hour, hour + 1))
    return tuple(parts)


def next_good(
    at: datetime, *, zone: ZoneInfo, windows: Windows, next_open: Callable[[datetime], datetime]
) -> datetime | None:
    """The first moment from `at` on that is good for the lead and open for whoever calls; None
    within a week. `next_open` moves a moment to the caller's next open one."""
    first = at.astimezone(zone).date()
    for ahead in range(DAYS_AHEAD + 1):
        day = first + timedelta(days=ahead)
        for part in windows.parts if day.weekday() < SATURDAY else ():
            midnight = datetime.combine(day, time(), tzinfo=zone)
            opens = midnight.replace(hour=part.start).astimezone(UTC)
            last = midnight.replace(hour=part.end - 1).astimezone(UTC) + timedelta(hours=1)
            moment = next_open(max(opens, at.astimezone(UTC)))
            if moment < last:
                return moment
    return None
