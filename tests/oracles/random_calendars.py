"""Random calendars and questions, most of them near a change of the clocks. Imports nothing from
the app."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

# Half an hour, three quarters off, two hours, negative, moved by decree, skipped a day, abolished.
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Istanbul",
    "Europe/London",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
    "UTC",
)
FIRST, LAST = dt.datetime(2006, 1, 1, tzinfo=dt.UTC), dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Minutes at which shifts begin and end, the odd ones included.
MARKS = (0, 1, 30, 60, 90, 105, 120, 150, 165, 180, 240, 540, 720, 750, 780, 1080, 1320, 1410, 1439)


@cache
def transitions(zone: str) -> list[dt.datetime]:
    """The hours at which the zone changed its offset."""
    info, found, at = ZoneInfo(zone), [], FIRST
    while at < LAST:
        if at.astimezone(info).utcoffset() != (at + DAY).astimezone(info).utcoffset():
            hour = at
            while hour.astimezone(info).utcoffset() == (hour + HOUR).astimezone(info).utcoffset():
                hour += HOUR
            found.append(hour + HOUR)
        at += DAY
    return found


def text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def shifts(random: Random) -> list[list[str]]:
    """Openings of one day that do not overlap: none to three, up to 24:00."""
    count = random.choice([0, 1, 1, 1, 2, 2, 3])
    marks = sorted(random.sample((*MARKS, 1440, random.randrange(1440)), 2 * count))
    pairs = zip(marks[::2], marks[1::2], strict=True)
    return [[text(start), text(end)] for start, end in pairs if start < end]


def random_week(random: Random) -> dict[str, list[list[str]]]:
    """A week of one of the kinds people have."""
    kind = random.choice(["office", "two shifts", "always", "nights", "odd", "odd", "gap"])
    working = random.choice([DAYS[:5], DAYS, (*DAYS[:4], "sun"), DAYS[5:]])
    openings = {
        "office": [["09:00", "17:00"]],
        "two shifts": [["08:00", "12:00"], ["12:30", "18:15"]],
        "always": [["00:00", "24:00"]],
        "nights": [["22:00", "06:00"]],
        # Only where clocks change, and 23:59 as an end.
        "gap": [["01:30", "03:15"], ["23:00", "23:59"]],
    }
    if kind != "odd":
        return dict.fromkeys(working, openings[kind])
    return with_nights(random, {day: shifts(random) for day in DAYS})


def with_nights(random: Random, week: dict[str, list[list[str]]]) -> dict[str, list[list[str]]]:
    """Lets some days' last shift run on to the next day's first."""
    for number, day in enumerate(DAYS):
        free_until = min((pair[0] for pair in week[DAYS[(number + 1) % 7]]), default="23:00")
        last = week[day][-1] if week[day] else None
        if last and last[1] >= "22:00" and "00:00" < free_until < last[0]:
            last[1] = random.choice([last[1], free_until, "00:01"])
    return week if any(week.values()) else {"wed": [["10:00", "11:00"]]}


def random_calendar(random: Random, around: dt.datetime, zone: str) -> dict[str, Any]:
    """A calendar with holidays and special days around a moment."""
    dates = [(around + n * DAY).date().isoformat() for n in range(-4, 8)]
    special = random.sample(dates, random.choice([0, 0, 1, 2]))
    return {
        "zone": zone,
        "week": random_week(random),
        "holidays": sorted(random.sample(dates, random.choice([0, 0, 1, 3]))),
        "days": {day: random.choice([[], [["09:00", "12:00"]], shifts(random)]) for day in special}
        | ({special[0]: [["20:00", "04:00"]]} if special and random.random() < 0.2 else {}),
    }


def random_start(random: Random, zone: str) -> dt.datetime:
    """Four of five within four days before to two days after a change of the clocks."""
    changes = transitions(zone)
    if changes and random.random() < 0.8:
        start = random.choice(changes) + random.randrange(-4 * 1440, 2 * 1440) * HOUR / 60
    else:
        start = FIRST + random.random() * (LAST - FIRST)
    start = start.replace(microsecond=0)
    return start.replace(second=0) if random.random() < 0.7 else start


def random_cases(count: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """Questions in the form of `manage.py business_time`, and pauses: `op` due, elapsed, pause."""
    random = Random(seed)
    for number in range(count):
        zone = ZONES[number % len(ZONES)]
        start = random_start(random, zone)
        case: dict[str, Any] = random_calendar(random, start, zone)
        case["op"] = random.choice(["due", "due", "due", "due", "elapsed", "pause"])
        case["start"] = start.astimezone(random.choice([dt.UTC, ZoneInfo(zone)])).isoformat()
        if case["op"] == "elapsed":
            case["end"] = (start + random.uniform(-0.1, 1) ** 3 * 12 * DAY).isoformat()
        else:
            case["minutes"] = random.choice([0, 1, 15, 60, 240, 480, random.randrange(3000)])
        if case["op"] == "pause":
            pause = start.replace(second=0) + random.randrange(1, 2880) * HOUR / 60
            case["paused"] = pause.isoformat()
            case["resumed"] = (pause + random.randrange(2880) * HOUR / 60).isoformat()
        yield case
