"""A touch that is taken back: moments, kinds, the sweep, and all that a touch may change."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crm.models import User
from qualification.choices import TouchKind, TouchResult
from qualification.models import (
    Cadence,
    CadenceRun,
    ReviewItem,
    SLAEvent,
    SLAPause,
    SLATimer,
    Touch,
)
from qualification.review.decisions import attempts_on
from qualification.review.overdue import follow_up
from qualification.review.pauses import resume_due
from qualification.review.tasks import tell_due
from qualification.review.touches import log_touch
from qualification.sla.sweep import record_due
from tests.qualification.decision_support import MINUTE, NOW

SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)
AT = NOW + 10 * MINUTE
IN_TIME = AT + 20 * SECOND
CALL: dict[str, Any] = {"kind": TouchKind.CALL, "result": TouchResult.VOICEMAIL}
MAIL: dict[str, Any] = {"kind": TouchKind.MAIL, "result": TouchResult.SENT}
SPOKE: dict[str, Any] = {"kind": TouchKind.CALL, "result": TouchResult.SPOKE}


def logged(item: ReviewItem, by: User, now: dt.datetime = AT, **said: Any) -> Touch:
    return log_touch(item=item, by=by, now=now, **{**CALL, **said})


def shipped() -> Cadence:
    return Cadence.objects.get(key="three-weeks")


def sweep(now: dt.datetime) -> None:
    """What the sweep does with clocks and tasks."""
    record_due(now=now)
    resume_due(now=now)
    follow_up(now=now)
    tell_due(now=now)


def picture(item: ReviewItem) -> dict[str, Any]:
    """All that a touch may change, as the tables say it; but a claim has a fresh lease."""
    found = ReviewItem.objects.filter(pk=item.pk).values().get()
    del found["lease_until"]
    live = SLATimer.objects.filter(item=item, state__in=["running", "paused"])
    return {
        "item": found,
        "stage": item.lead.stage,
        "timers": list(live.order_by("pk").values()),
        "pauses": list(SLAPause.objects.filter(timer__item=item).order_by("pk").values()),
        "events": list(SLAEvent.objects.filter(timer__item=item).order_by("pk").values()),
        "runs": list(CadenceRun.objects.filter(lead=item.lead).order_by("pk").values()),
        "plans": list(item.lead.nurture_plans.values()),
        "attempts": attempts_on(item.lead),
    }
