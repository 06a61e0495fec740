"""Counts how many clocks were met, and how long answers took, by team, source, week and country.

Called by the SLA page and its download. A clock counts when it is settled: answered in time (met),
or breached (missed), whatever came after. One that was cancelled before, or still runs, does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import TimerKind
from qualification.intervals import wilson
from qualification.review.claims import SIGHT_SQL, sight_parameters

_PARTS = ("teams", "sources", "weeks", "countries")
# A row a settled clock. `wall` and `took`: seconds it ran until the answer on the wall clock and in
# open time, pauses left out; NULL while nobody answered. `verdict`: the decision that stands for
# this stay. Countries are those of the lead, else of its company.
_SETTLED = f"""
    SELECT team.name AS team, COALESCE(NULLIF(source.label, ''), source.name) AS source,
           COALESCE(NULLIF(l.country, ''), account.country, '') AS country,
           to_char(date_trunc('week', t.started_at AT TIME ZONE %(zone)s), 'YYYY-MM-DD') AS week,
           breach.timer_id IS NULL AS is_met, decided.kind AS verdict,
           CASE WHEN t.state = 'stopped' THEN
               EXTRACT(epoch FROM t.stopped_at - t.started_at - COALESCE(paused.length, '0'))
           END AS wall,
           CASE WHEN t.state = 'stopped' THEN t.open_seconds END AS took
    FROM qualification_slatimer AS t
    JOIN qualification_reviewitem AS i ON i.id = t.item_id
    JOIN crm_team AS team ON team.id = i.team_id
    JOIN crm_lead AS l ON l.id = t.lead_id
    JOIN crm_source AS source ON source.id = l.source_id
    LEFT JOIN crm_account AS account ON account.id = l.account_id
    LEFT JOIN qualification_slaevent AS breach
        ON breach.timer_id = t.id AND breach.level = 'breach'
    LEFT JOIN (
        SELECT p.timer_id, sum(COALESCE(p.ended_at, s.stopped_at) - p.started_at) AS length
        FROM qualification_slapause AS p JOIN qualification_slatimer AS s ON s.id = p.timer_id
        GROUP BY p.timer_id
    ) AS paused ON paused.timer_id = t.id
    LEFT JOIN (
        SELECT DISTINCT ON (d.item_id) d.item_id, d.kind FROM qualification_decision AS d
        WHERE d.kind IN ('accept', 'reject', 'nurture')
          AND (%(since)s::timestamptz IS NULL OR d.at >= %(since)s)
          AND NOT EXISTS (SELECT FROM qualification_decision AS r WHERE r.reverses_id = d.id)
        ORDER BY d.item_id, d.at DESC, d.id DESC
    ) AS decided ON decided.item_id = i.id
    WHERE t.kind = %(kind)s AND (t.state = 'stopped' OR breach.timer_id IS NOT NULL)
      AND (%(since)s::timestamptz IS NULL OR t.started_at >= %(since)s)
      AND l.team_id IN ({SIGHT_SQL})
"""  # noqa: S608 - a constant
# percentile_disc takes the nearest rank: the time within which half, and nine of ten, were
# answered. Spellings of a country that differ in case only are one, under the most frequent.
_GROUPED = f"""
    WITH settled AS ({_SETTLED})
    SELECT CASE WHEN GROUPING(team, source, week, lower(country)) = 15 THEN 'total'
                WHEN GROUPING(team, lower(country)) = 0 THEN 'country_teams'
                WHEN GROUPING(team) = 0 THEN 'teams' WHEN GROUPING(source) = 0 THEN 'sources'
                WHEN GROUPING(week) = 0 THEN 'weeks' ELSE 'countries' END AS part,
           COALESCE(team, source, week, '') AS name,
           mode() WITHIN GROUP (ORDER BY country) AS country,
           count(*) AS n, count(*) FILTER (WHERE is_met) AS met,
           count(*) FILTER (WHERE verdict = 'accept') AS accepted,
           count(*) FILTER (WHERE verdict IN ('accept', 'reject')) AS decided,
           percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY wall) AS wall,
           percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY took) AS took,
           lower(country) AS folded
    FROM settled
    GROUP BY GROUPING SETS
        ((), (team), (source), (week), (lower(country)), (lower(country), team))
    ORDER BY part, folded, name
"""  # noqa: S608 - constants of this module


@dataclass(frozen=True)
class Group:
    """Clocks that have something in common. `n` settled, `met` of them answered in time; `decided`:
    stays that ended with an accept or a reject that stands, `accepted` of them; `wall_s`, `open_s`:
    p50 and p90 in seconds, None where nobody answered."""

    label: str
    n: int
    met: int
    accepted: int = 0
    decided: int = 0
    wall_s: tuple[float | None, float | None] = (None, None)
    open_s: tuple[float | None, float | None] = (None, None)

    @property
    def missed(self) -> int:
        """Breached."""
        return self.n - self.met

    @property
    def rate(self) -> float | None:
        """Share that was met; None of nothing."""
        return self.met / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval of the share met; None of nothing."""
        return wilson(self.met, self.n) if self.n else None

    @property
    def wall(self) -> tuple[timedelta | None, ...]:
        """p50 and p90 on the wall clock."""
        return tuple(map(_length, self.wall_s))

    @property
    def open(self) -> tuple[timedelta | None, ...]:
        """p50 and p90 in open time."""
        return tuple(map(_length, self.open_s))


@dataclass(frozen=True)
class ResponseReport:
    """The clocks of a kind together, and in groups. `most_by`: of each of `countries` the team that
    had most of its clocks, and how many."""

    total: Group
    teams: tuple[Group, ...]
    sources: tuple[Group, ...]
    weeks: tuple[Group, ...]
    countries: tuple[Group, ...]
    most_by: tuple[tuple[str, int], ...]


def question_of(user: User, *, kind: TimerKind, days: int | None, zone: str) -> dict[str, Any]:
    """What `count` is asked for the page of this person: clocks of this kind that started in the
    last `days` (None: ever) for leads in their sight, weeks as they begin in `zone`."""
    return {
        "kind": str(kind),
        "days": days,
        "zone": zone,
        **sight_parameters(user),
    }


def count(question: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """The figures of a ResponseReport, as JSON; see `report_from`."""
    days = question["days"]
    since = None if days is None else now - timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute(_GROUPED, {**question, "since": since})
        rows = cursor.fetchall()
    found: dict[str, list[dict[str, Any]]] = {part: [] for part in ("total", *_PARTS)}
    most: dict[str, tuple[str, int]] = {}
    countries = []
    for part, name, country, n, met, accepted, decided, wall, took, folded in rows:
        if part == "country_teams":
            most[folded] = max(most.get(folded, ("", 0)), (name, n), key=lambda team: team[1])
            continue
        label = country if part == "countries" else name
        group = Group(label, n, met, accepted, decided, _plain(wall), _plain(took))
        found[part].append(asdict(group))
        countries += [folded] if part == "countries" else []
    return {**found, "most_by": [most[folded] for folded in countries]}


def report_from(figures: Mapping[str, Any]) -> ResponseReport:
    """The report of what `count` found."""
    teams, sources, weeks, countries = (tuple(map(_group, figures[part])) for part in _PARTS)
    (total,) = map(_group, figures["total"])
    return ResponseReport(
        total=replace(total, label=_("All")),
        teams=teams,
        sources=sources,
        weeks=weeks,
        countries=tuple(
            replace(group, label=group.label or _("Unknown country")) for group in countries
        ),
        most_by=tuple((team, n) for team, n in figures["most_by"]),
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
            lengths = [*group.wall_s, *group.open_s]
            seconds = ["" if n is None else f"{n:.0f}" for n in lengths]
            verdicts = [str(group.accepted), str(group.decided)]
            yield [by, group.label, str(group.met), str(group.missed), *seconds, *verdicts]


def _group(figures: Mapping[str, Any]) -> Group:
    pairs = {name: tuple(figures[name]) for name in ("wall_s", "open_s")}
    return Group(**{**figures, **pairs})


def _plain(percentiles: list[Any] | None) -> tuple[float | None, float | None]:
    p50, p90 = percentiles or (None, None)
    return (None, None) if p50 is None or p90 is None else (float(p50), float(p90))


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
