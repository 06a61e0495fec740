"""Reports as their pages show them: what was counted, as it comes back from where it is kept."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from crm.models import User
from qualification.choices import TimerKind
from qualification.insights import response, sources
from qualification.models import Segment


def kept(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer after it was written down and read again."""
    found: dict[str, Any] = json.loads(json.dumps(answer))
    return found


def response_report(reader: User, *, now: dt.datetime) -> response.ResponseReport:
    """First responses of all time in the sight of this person."""
    kind = TimerKind.FIRST_RESPONSE
    asked = response.question_of(reader, kind=kind, days=None, zone="UTC")
    return response.report_from(kept(response.count(asked, now=now)))


def source_report(*, now: dt.datetime, segment: Segment | None = None) -> sources.SourceReport:
    """Leads of all time."""
    asked = sources.question_of(days=None, segment=segment)
    return sources.report_from(kept(sources.count(asked, now=now)))
