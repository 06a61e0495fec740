"""Decides what to do next after a touch, and when. Pure: for the touch menu and the snooze.

Called by the views and the steps of cadences; times lie in working hours of the person and open
hours of the team, calls at a good time for the lead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from qualification.choices import TouchKind, TouchResult
from qualification.review.contact import Windows, next_good

MORNING = time(9, 0)
EVENING = time(17, 0)
SATURDAY = 5


@dataclass(frozen=True)
class TouchChoice:
    """An entry of the touch menu with the step it proposes. `single_key` logs it at once."""

    key: str
    single_key: str
    label: str | Promise
    icon: str
    kind: TouchKind
    result: TouchResult
    task: str | Promise
    hours: int = 0
    days: int = 0


TOUCHES = (
    TouchChoice(
        key="no-answer",
        single_key="0",
        label=_("No answer"),
        icon="phone-off",
        kind=TouchKind.CALL,
        result=TouchResult.NO_ANSWER,
        task=_("Call again"),
        hours=4,
    ),
    TouchChoice(
        key="voicemail",
        single_key="v",
        label=_("Voicemail"),
        icon="voicemail",
        kind=TouchKind.CALL,
        result=TouchResult.VOICEMAIL,
        task=_("Call again"),
        days=1,
    ),
    TouchChoice(
        key="mail",
        single_key="m",
        label=_("Mail sent"),
        icon="mail",
        kind=TouchKind.MAIL,
        result=TouchResult.SENT,
        task=_("Look for a reply"),
        days=2,
    ),
    TouchChoice(
        key="social",
        single_key="w",
        label=_("Social"),
        icon="message-square",
        kind=TouchKind.SOCIAL,
        result=TouchResult.SENT,
        task=_("Look for a reply"),
        days=2,
    ),
    TouchChoice(
        key="spoke",
        single_key="y",
        label=_("Spoke"),
        icon="phone-call",
        kind=TouchKind.CALL,
        result=TouchResult.SPOKE,
        task=_("Decide"),
        days=1,
    ),
)


def touch_named(key: str) -> TouchChoice | None:
    """The entry of the touch menu with this key."""
    return next((choice for choice in TOUCHES if choice.key == key), None)


@dataclass(frozen=True)
class Reach:
    """Who acts and whom: the clock of the person, the openings of the team, when the lead answers.

    `next_open` moves a moment to the team's next open one. `lead_zone` is None when unknown.
    """

    zone: ZoneInfo
    next_open: Callable[[datetime], datetime]
    lead_zone: ZoneInfo | None
    windows: Windows


def proposed_time(choice: TouchChoice, *, now: datetime, reach: Reach) -> datetime:
    """When the step that follows a touch is due: in open hours, calls at a good time for them."""
    is_call = choice.key in ("no-answer", "voicemail")
    return step_time(days=choice.days, hours=choice.hours, is_call=is_call, now=now, reach=reach)


def step_time(*, days: int, hours: int = 0, is_call: bool, now: datetime, reach: Reach) -> datetime:
    """When a step is due that comes so many days (or hours) from now: inside working hours of the
    person and open hours of the team; a call at the next good time for the lead, if known."""
    if days:
        wanted = morning_after(days, now=now, zone=reach.zone)
    else:
        wanted = _in_hours(hours, now=now, zone=reach.zone)
    at = reach.next_open(wanted)
    if is_call and reach.lead_zone is not None:
        better = next_good(
            at, zone=reach.lead_zone, windows=reach.windows, next_open=reach.next_open
        )
        at = better or at
    return at.replace(second=0, microsecond=0)


def _in_hours(hours: int, *, now: datetime, zone: ZoneInfo) -> datetime:
    local = (now + timedelta(hours=hours)).astimezone(zone)
    is_open = local.weekday() < SATURDAY and MORNING <= local.time() < EVENING
    return local if is_open else morning_after(1, now=now, zone=zone)


def morning_after(days: int, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The morning that many days ahead; a weekend moves on to Monday."""
    day = now.astimezone(zone).date() + timedelta(days=days)
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return datetime.combine(day, MORNING, tzinfo=zone)


SNOOZES = (
    ("hours", _("In 2 hours")),
    ("morning", _("Next working morning")),
    ("days", _("In 3 days")),
    ("week", _("In a week")),
)


def snooze_time(preset: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """The time behind a preset of SNOOZES; an unknown one means the next working morning."""
    if preset == "hours":
        return (now + timedelta(hours=2)).replace(second=0, microsecond=0)
    days = {"days": 3, "week": 7}.get(preset, 1)
    return morning_after(days, now=now, zone=zone)
