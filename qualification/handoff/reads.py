"""Reads what lies on an AE's desk: handoffs with their clocks, and the packet as the AE reads it.

Called by the handoff pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils.dateparse import parse_date, parse_datetime

from crm.models import Lead, User
from qualification.choices import TargetKind, TimerKind
from qualification.models import Handoff, SLATimer
from qualification.review.score_lines import Group, Line, groups_of
from qualification.scoring.ledger import Ledger
from qualification.sla.calendars import Calendar
from qualification.sla.faces import Face, calendars_of_versions, face_of

ANSWERED_SHOWN = 30
UNANSWERED_SHOWN = 100


@dataclass(frozen=True)
class Desk:
    """The AE's page: what waits for them, what waits on the desk of their team, each with the face
    of its clock, the most urgent first; and what they answered lately."""

    waiting: tuple[tuple[Handoff, Face | None], ...]
    shared: tuple[tuple[Handoff, Face | None], ...]
    answered: tuple[Handoff, ...]


@dataclass(frozen=True)
class Unanswered:
    """The manager's page: handoffs that wait on any desk, each with the face of its clock.
    `has_more`: others wait beyond those shown."""

    rows: tuple[tuple[Handoff, Face | None], ...]
    has_more: bool


@dataclass(frozen=True)
class Packet:
    """A stored packet with its times and ledger as values."""

    raw: dict[str, Any]
    at: datetime | None
    journey: tuple[dict[str, Any], ...]
    touches: tuple[dict[str, Any], ...]
    answers: tuple[dict[str, Any], ...]
    budget: dict[str, Any] | None
    ledger: Ledger | None
    groups: tuple[Group, ...]
    other_lines: tuple[Line, ...]


def handoffs_of(user: User | AnonymousUser) -> QuerySet[Handoff]:
    """Handoffs made to this AE, and those that wait on the desk of their team; undone ones were
    never theirs."""
    return _with_clocks(
        Handoff.objects.filter(Q(ae_id=user.pk) | _on_desk(user, state=Handoff.State.WAITING))
        .exclude(state=Handoff.State.CANCELLED)
        .select_related("team")
    )


def answerable_by(user: User | AnonymousUser) -> QuerySet[Handoff]:
    """Those, and what a colleague took from the desk of the team: whoever was slower hears so."""
    return Handoff.objects.filter(Q(ae_id=user.pk) | _on_desk(user)).exclude(
        state=Handoff.State.CANCELLED
    )


def _on_desk(user: User | AnonymousUser, **conditions: Any) -> Q:
    """What was handed to the team of this person."""
    team_id = getattr(user, "team_id", None)
    if team_id is None:
        return Q(pk__in=[])
    return Q(target=TargetKind.TEAM, team_id=team_id, **conditions)


def waiting_in_sight(user: User | AnonymousUser) -> QuerySet[Handoff]:
    """Handoffs nobody answered yet, of the leads this manager sees, the most urgent first."""
    waiting = Handoff.objects.filter(state=Handoff.State.WAITING)
    seen = waiting.filter(lead__in=Lead.objects.visible_to(user)).select_related(
        "ae__team", "team", "partner"
    )
    return _with_clocks(seen).order_by(F("due_at").asc(nulls_last=True), "pk")


def unanswered(user: User | AnonymousUser, *, now: datetime) -> Unanswered:
    """What a manager sees of the desks."""
    waiting = waiting_in_sight(user)
    moves = ("moves__by", "moves__from_ae", "moves__from_team", "moves__from_partner")
    rows = list(waiting.prefetch_related(*moves)[: UNANSWERED_SHOWN + 1])
    shown = rows[:UNANSWERED_SHOWN]
    versions = {getattr(row, "clock_calendar", None) for row in shown} - {None}
    calendars = calendars_of_versions(sorted(version for version in versions if version))
    return Unanswered(
        rows=tuple((row, _face(row, calendars, now=now)) for row in shown),
        has_more=len(rows) > UNANSWERED_SHOWN,
    )


def clock_face(handoff: Handoff, *, now: datetime) -> Face | None:
    """What the clock of a handoff (from `handoffs_of`) shows; None without a clock."""
    version = getattr(handoff, "clock_calendar", None)
    calendars = {} if version is None else calendars_of_versions([version])
    return _face(handoff, calendars, now=now)


def _face(handoff: Handoff, calendars: Mapping[int, Calendar], *, now: datetime) -> Face | None:
    names = ("clock_calendar", "clock_started", "due_at")
    version, started_at, due_at = (getattr(handoff, name, None) for name in names)
    if version is None or started_at is None or due_at is None:
        return None
    return face_of(calendars[version], started_at=started_at, due_at=due_at, now=now)


def _with_clocks(handoffs: QuerySet[Handoff]) -> QuerySet[Handoff]:
    """With `due_at` and `clock_started` of their newest clock, and `clock_calendar`, the calendar
    version it counts by."""
    clocks = SLATimer.objects.filter(
        item=OuterRef("decision__item"), kind=TimerKind.HANDOFF_ACCEPTANCE
    ).order_by("-pk")
    return handoffs.select_related("lead__account", "decision__by", "decision__item").annotate(
        due_at=Subquery(clocks.values("due_at")[:1]),
        clock_started=Subquery(clocks.values("started_at")[:1]),
        clock_calendar=Subquery(clocks.values("calendar_version")[:1]),
    )


def desk_of(user: User | AnonymousUser, *, now: datetime) -> Desk:
    """What waits for this AE and what they answered last."""
    mine = handoffs_of(user)
    waiting = mine.filter(state=Handoff.State.WAITING).order_by(
        F("due_at").asc(nulls_last=True), "pk"
    )
    answered = mine.exclude(state=Handoff.State.WAITING).order_by("-answered_at", "-pk")
    faced = [(handoff, clock_face(handoff, now=now)) for handoff in waiting]
    return Desk(
        waiting=tuple(row for row in faced if row[0].target == TargetKind.AE),
        shared=tuple(row for row in faced if row[0].target == TargetKind.TEAM),
        answered=tuple(answered[:ANSWERED_SHOWN]),
    )


def packet_of(handoff: Handoff) -> Packet:
    """The packet as it was handed over."""
    raw = handoff.packet
    budget = raw.get("budget")
    ledger = Ledger.from_json(raw["ledger"]) if raw.get("ledger") else None
    groups, other_lines = groups_of(ledger, {})
    return Packet(
        raw=raw,
        at=_moment(raw.get("at")),
        journey=tuple(_timed(entry) for entry in raw.get("journey", [])),
        touches=tuple(_timed(entry) for entry in raw.get("touches", [])),
        answers=tuple(_dated(answer) for answer in raw.get("answers", [])),
        budget=None if budget is None else _dated(budget),
        ledger=ledger,
        groups=groups,
        other_lines=other_lines,
    )


def _timed(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "at": _moment(entry.get("at"))}


def _dated(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "answered_on": _day(answer.get("answered_on"))}


def _moment(text: str | None) -> datetime | None:
    return parse_datetime(text) if text else None


def _day(text: str | None) -> date | None:
    return parse_date(text) if text else None
