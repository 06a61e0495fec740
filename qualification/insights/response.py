"""Counts how many clocks were met, and how long answers took, by team, source and week.

Called by the SLA page and its download. A clock counts when it is settled: answered in time (met),
or breached (missed), whatever came after. One that was cancelled before, or still runs, does not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.models import User
from crm.sight import leads_in_sight
from qualification.choices import TimerKind, TimerState
from qualification.models import SLAEvent, SLAPause, SLATimer
from qualification.sla.business_time import open_time
from qualification.sla.faces import calendars_of_versions

NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Settled:
    """One settled clock. `wall` and `open`: how long it ran until the answer, pauses left out; None
    while nobody answered."""

    team: str
    source: str
    week: date
    is_met: bool
    wall: timedelta | None
    open: timedelta | None


@dataclass(frozen=True)
class Group:
    """Clocks that have something in common."""

    label: str
    clocks: tuple[Settled, ...]

    @property
    def n(self) -> int:
        return len(self.clocks)

    @property
    def met(self) -> int:
        """Answered in time."""
        return sum(clock.is_met for clock in self.clocks)

    @property
    def missed(self) -> int:
        """Breached."""
        return self.n - self.met

    @property
    def rate(self) -> float | None:
        """Share that was met; None of nothing."""
        return self.met / self.n if self.clocks else None

    @property
    def wall(self) -> tuple[timedelta | None, timedelta | None]:
        """p50 and p90 on the wall clock."""
        return _p50_p90(clock.wall for clock in self.clocks)

    @property
    def open(self) -> tuple[timedelta | None, timedelta | None]:
        """p50 and p90 in open time."""
        return _p50_p90(clock.open for clock in self.clocks)


@dataclass(frozen=True)
class ResponseReport:
    """The clocks of a kind together, and in groups."""

    total: Group
    teams: tuple[Group, ...]
    sources: tuple[Group, ...]
    weeks: tuple[Group, ...]


def response_report(
    user: User, *, kind: TimerKind, days: int | None, now: datetime
) -> ResponseReport:
    """Clocks that started in the last `days` (None: ever) for leads in this person's sight."""
    settled = _settled(user, kind, None if days is None else now - timedelta(days=days))
    return ResponseReport(
        total=Group(_("All"), tuple(settled)),
        teams=_grouped((clock.team, clock) for clock in settled),
        sources=_grouped((clock.source, clock) for clock in settled),
        weeks=_grouped((clock.week.isoformat(), clock) for clock in settled),
    )


def table_of(report: ResponseReport) -> Iterator[list[str]]:
    """Rows for a file, the heading first; times in seconds."""
    yield ["by", "name", "met", "missed", "wall_p50", "wall_p90", "open_p50", "open_p90"]
    parts = {"team": report.teams, "source": report.sources, "week": report.weeks}
    for by, groups in {"all": (report.total,), **parts}.items():
        for group in groups:
            lengths = [*group.wall, *group.open]
            times = ["" if n is None else f"{n.total_seconds():.0f}" for n in lengths]
            yield [by, group.label, str(group.met), str(group.missed), *times]


def _settled(user: User, kind: TimerKind, since: datetime | None) -> list[Settled]:
    breach = SLAEvent.objects.filter(timer=OuterRef("pk"), level=SLAEvent.Level.BREACH)
    timers = SLATimer.objects.filter(leads_in_sight(user, prefix="lead__"), kind=kind)
    if since is not None:
        timers = timers.filter(started_at__gte=since)
    timers = timers.annotate(is_missed=Exists(breach)).filter(
        Q(state=TimerState.STOPPED) | Q(is_missed=True)
    )
    found = list(timers.select_related("item__team", "lead__source").order_by("pk"))
    pauses = _pauses(timers)
    calendars = calendars_of_versions({timer.calendar_version_id for timer in found})
    zone = timezone.get_current_timezone()
    return [
        _settle(timer, calendars[timer.calendar_version_id], pauses[timer.pk], zone)
        for timer in found
    ]


def _pauses(timers: QuerySet[SLATimer]) -> dict[int, list[SLAPause]]:
    found: dict[int, list[SLAPause]] = defaultdict(list)
    for pause in SLAPause.objects.filter(timer__in=timers.values("pk")):
        found[pause.timer_id].append(pause)
    return found


def _settle(timer: Any, calendar: Any, pauses: Sequence[SLAPause], zone: Any) -> Settled:
    wall = opened = None
    if timer.state == TimerState.STOPPED:
        spans = [(pause.started_at, pause.ended_at or timer.stopped_at) for pause in pauses]
        start, end = timer.started_at, timer.stopped_at
        wall = end - start - sum((b - a for a, b in spans), NOTHING)
        stood = sum((open_time(calendar, a, b) for a, b in spans), NOTHING)
        opened = open_time(calendar, start, end) - stood
    day = timer.started_at.astimezone(zone).date()
    return Settled(
        team=timer.item.team.name,
        source=timer.lead.source.label or timer.lead.source.name,
        week=day - timedelta(days=day.weekday()),
        is_met=not timer.is_missed,
        wall=wall,
        open=opened,
    )


def _grouped(clocks: Iterable[tuple[str, Settled]]) -> tuple[Group, ...]:
    groups: dict[str, list[Settled]] = defaultdict(list)
    for label, clock in clocks:
        groups[label].append(clock)
    return tuple(Group(label, tuple(groups[label])) for label in sorted(groups))


def _p50_p90(
    lengths: Iterable[timedelta | None],
) -> tuple[timedelta | None, timedelta | None]:
    """The nearest ranks: the time within which half, and nine of ten, were answered."""
    known = sorted(length for length in lengths if length is not None)
    if not known:
        return None, None
    ranks = (math.ceil(len(known) * share) - 1 for share in (0.5, 0.9))
    p50, p90 = (known[rank] for rank in ranks)
    return p50, p90
