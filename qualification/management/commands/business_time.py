"""`business_time < cases.jsonl`: due times and open minutes, one answer per line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.core.management.base import BaseCommand

from qualification.exceptions import BusinessTimeInvalid
from qualification.sla.business_time import due, elapsed
from qualification.sla.calendars import Calendar, read_calendar


class Command(BaseCommand):
    """Reads cases as JSON, one a line, and answers each; a bad line answers with its error."""

    help = "Answer cases of business time, one JSON object a line, from standard input."
    # Nothing but its own input is read.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Answer line by line."""
        for line in sys.stdin.buffer:
            self.stdout.write(json.dumps(answer(line), ensure_ascii=False))


def answer(line: bytes) -> dict[str, object]:
    """The answer to one line: `due`, `minutes` or `error`."""
    try:
        return _solved(json.loads(line))
    except BusinessTimeInvalid as error:
        return {"error": str(error)}
    except (ValueError, RecursionError):  # no UTF-8, no JSON, nested without end
        return {"error": "the line is no JSON object"}


def _solved(case: object) -> dict[str, object]:
    if not isinstance(case, dict):
        raise BusinessTimeInvalid("the line is no JSON object")
    calendar = _calendar(case)
    match case.get("op"):
        case "due":
            return {"due": due(calendar, _moment(case, "start"), _minutes(case)).isoformat()}
        case "elapsed":
            return {"minutes": elapsed(calendar, _moment(case, "start"), _moment(case, "end"))}
    raise BusinessTimeInvalid("op: “due” or “elapsed” is expected")


def _calendar(case: Mapping[str, object]) -> Calendar:
    """The calendar of a case; one that many lines share is checked once."""
    written = {key: case[key] for key in ("zone", "week", "holidays", "days") if key in case}
    return _known_calendar(json.dumps(written))


@lru_cache(maxsize=1024)
def _known_calendar(written: str) -> Calendar:
    return read_calendar(json.loads(written))


def _moment(case: Mapping[str, object], key: str) -> datetime:
    written = case.get(key)
    try:
        if isinstance(written, str):
            return datetime.fromisoformat(written)
    except ValueError:
        pass
    raise BusinessTimeInvalid(f"{key}: a moment such as 2026-11-21T15:00:00+01:00 is expected")


def _minutes(case: Mapping[str, object]) -> float:
    minutes = case.get("minutes")
    if isinstance(minutes, bool) or not isinstance(minutes, int | float):
        raise BusinessTimeInvalid("minutes: a number is expected")
    return minutes
