"""Counts how many clocks were met, and how long answers took, by team, source, week and country.

Called by the SLA page and its download. A clock counts when it is settled: answered in time (met),
or breached (missed), whatever came after. One that was cancelled before, or still runs, does not.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.models import Lead, User
from crm.sight import leads_in_sight
from qualification.choices import DecisionKind, TimerKind, TimerState
from qualification.models import Decision, SLAEvent, SLAPause, SLATimer
from qualification.sla.business_time import open_time
from qualification.sla.faces import calendars_of_versions

NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Settled:
    """One settled clock. `wall` and `open`: how long it ran until the answer, pauses left out; None
    while nobody answered. `verdict` is the decision that stands for this stay, blank without one;
    `country` that of the lead, else of its company."""

    team: str
    source: str
    country: str
    verdict: str
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
    def accepted(self) -> int:
        """Stays whose decision that stands is an accept."""
        return sum(clock.verdict == DecisionKind.ACCEPT for clock in self.clocks)

    @property
    def decided(self) -> int:
        """Accepted and rejected together."""
        rejected = sum(clock.verdict == DecisionKind.REJECT for clock in self.clocks)
        return self.accepted + rejected

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
    countries: tuple[Group, ...]


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
        countries=_by_country(settled),
    )


def table_of(report: ResponseReport) -> Iterator[list[str]]:
    """Rows for a file, the heading first; times in seconds."""
    times = ("wall_p50", "wall_p90", "open_p50", "open_p90")
    yield ["by", "name", "met", "missed", *times, "accepted", "decided"]
    parts = {
        "team": report.teams,
        "source": report.sources,
        "week": report.weeks,
        "country": report.countries,
    }
    for by, groups in {"all": (report.total,), **parts}.items():
        for group in groups:
            lengths = [*group.wall, *group.open]
            seconds = ["" if n is None else f"{n.total_seconds():.0f}" for n in lengths]
            verdicts = [str(group.accepted), str(group.decided)]
            yield [by, group.label, str(group.met), str(group.missed), *seconds, *verdicts]


def _settled(user: User, kind: TimerKind, since: datetime | None) -> list[Settled]:
    breach = SLAEvent.objects.filter(timer=OuterRef("pk"), level=SLAEvent.Level.BREACH)
    timers = SLATimer.objects.filter(leads_in_sight(user, prefix="lead__"), kind=kind)
    if since is not None:
        timers = timers.filter(started_at__gte=since)
    standing = Decision.objects.standing().filter(item=OuterRef("item")).order_by("-at", "-pk")
    timers = timers.annotate(
        is_missed=Exists(breach), verdict=Subquery(standing.values("kind")[:1])
    ).filter(Q(state=TimerState.STOPPED) | Q(is_missed=True))
    related = ("item__team", "lead__source", "lead__account")
    found = list(timers.select_related(*related).order_by("pk"))
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
        country=_country_of(timer.lead),
        verdict=timer.verdict or "",
        week=day - timedelta(days=day.weekday()),
        is_met=not timer.is_missed,
        wall=wall,
        open=opened,
    )


def _by_country(clocks: Iterable[Settled]) -> tuple[Group, ...]:
    """Spellings that differ in case only are one country, under the most frequent of them."""
    found = _grouped((clock.country.casefold(), clock) for clock in clocks)
    spelled = [Counter(clock.country for clock in group.clocks) for group in found]
    names = [min(names, key=lambda name: (-names[name], name)) for names in spelled]
    return tuple(
        Group(name or _("Unknown country"), group.clocks)
        for name, group in zip(names, found, strict=True)
    )


def _country_of(lead: Lead) -> str:
    return lead.country or (lead.account.country if lead.account else "")


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
