"""Decides until when mail and chat are held back: pure arithmetic over the calendar of a team."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from qualification.choices import Digest
from qualification.sla.business_time import next_open
from qualification.sla.calendars import Calendar


def held_until(calendar: Calendar, *, digest: Digest, now: datetime) -> datetime | None:
    """None while the team is open. While it is closed: the next opening; with a digest the next
    first opening of a day, or of a week from Monday."""
    opening = next_open(calendar, now)
    if opening <= now:
        return None
    if digest == Digest.NONE:
        return opening
    today = now.astimezone(ZoneInfo(calendar.zone)).date()
    step = timedelta(days=1)
    if digest == Digest.WEEKLY:
        today -= timedelta(days=today.weekday())
        step = timedelta(days=7)
    first = _first_opening(calendar, today)
    return first if first > now else _first_opening(calendar, today + step)


def _first_opening(calendar: Calendar, day: date) -> datetime:
    """The first open moment from the beginning of this day in the calendar's zone on."""
    return next_open(calendar, datetime.combine(day, time(), ZoneInfo(calendar.zone)))
