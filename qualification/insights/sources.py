"""Counts what became of the leads of each source; no personal data.

Called by the source page and its download. Counts leads of every team: sources are common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from qualification.intervals import wilson
from qualification.models import Segment
from qualification.scoring.compile import members
from qualification.scoring.segments import segment_condition

# Below this a rate says more about chance than about the source.
MIN_DECISIONS = 30

# Leads by source with the last standing decision of each; `since` NULL means all of them, `{among}`
# narrows them to a segment.
_COUNTS = """
    SELECT s.name, COALESCE(NULLIF(s.label, ''), s.name) AS label,
           count(l.id) AS leads,
           count(l.id) FILTER (WHERE EXISTS (
               SELECT 1 FROM qualification_reviewitem AS i WHERE i.lead_id = l.id)) AS queued,
           count(l.id) FILTER (WHERE d.kind = 'accept') AS accepted,
           count(l.id) FILTER (WHERE d.kind = 'reject') AS rejected
    FROM crm_source AS s
    JOIN crm_lead AS l ON l.source_id = s.id AND l.merged_into_id IS NULL
     AND (%(since)s::timestamptz IS NULL OR l.received_at >= %(since)s) {among}
    LEFT JOIN LATERAL (
        SELECT d.kind FROM qualification_decision AS d
        WHERE d.lead_id = l.id AND d.kind IN ('accept', 'reject', 'nurture')
          AND NOT EXISTS (SELECT 1 FROM qualification_decision AS r WHERE r.reverses_id = d.id)
        ORDER BY d.at DESC, d.id DESC LIMIT 1
    ) AS d ON TRUE
    GROUP BY s.id
"""


@dataclass(frozen=True)
class SourceRow:
    """One source. A lead counts by the decision that stands for it now."""

    name: str
    label: str
    leads: int
    queued: int
    accepted: int
    rejected: int

    @property
    def decided(self) -> int:
        """Accepted and rejected together."""
        return self.accepted + self.rejected

    @property
    def is_enough(self) -> bool:
        """Whether there are enough decisions to show a rate."""
        return self.decided >= MIN_DECISIONS

    @property
    def missing(self) -> int:
        """Decisions that are missing before a rate is shown."""
        return max(MIN_DECISIONS - self.decided, 0)

    @property
    def rate(self) -> float | None:
        """Accepted per decision, 0 to 1; None without enough of them."""
        return self.accepted / self.decided if self.is_enough else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % Wilson interval of the rate; None without enough decisions."""
        if not self.is_enough:
            return None
        return wilson(self.accepted, self.decided)


@dataclass(frozen=True)
class SourceReport:
    """All sources that brought a lead: best rate first, those without enough decisions last."""

    rows: tuple[SourceRow, ...]
    total: SourceRow

    @property
    def top(self) -> float:
        """Upper end of the axis that all bars share, in steps of a tenth."""
        ends = [row.interval[1] for row in self.rows if row.interval]
        return min(1.0, -(-round(max([0.6, *ends]) * 1000) // 100) / 10)


def question_of(*, days: int | None, segment: Segment | None) -> dict[str, Any]:
    """What `count` is asked: leads received in the last `days` (None: ever), of those that are in
    the segment now, or of all."""
    return {"days": days, "segment": segment.query if segment else None}


def count(question: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """What became of the leads, by source, as JSON; see `report_from`."""
    days, query = question["days"], question["segment"]
    params: dict[str, Any] = {"since": None if days is None else now - timedelta(days=days)}
    among = ""
    if query is not None:
        sql, more = members(segment_condition(query), as_of=now)
        among, params = f"AND l.id IN ({sql})", params | more
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS.format(among=among), params)
        return {"rows": [list(row) for row in cursor.fetchall()]}


def report_from(figures: Mapping[str, Any]) -> SourceReport:
    """The report of what `count` found."""
    rows = [SourceRow(*counts) for counts in figures["rows"]]
    rows.sort(key=lambda row: (not row.is_enough, -(row.rate or 0.0), -row.leads, row.name))
    return SourceReport(rows=tuple(rows), total=_sum(rows))


def table_of(report: SourceReport) -> Iterator[list[str]]:
    """The report as rows of text with a heading: the download."""
    yield [
        _("Source"),
        _("Leads"),
        _("Queued"),
        _("Accepted"),
        _("Rejected"),
        _("Accept rate"),
        _("Low (95%)"),
        _("High (95%)"),
    ]
    for row in report.rows:
        low, high = row.interval or (None, None)
        counts = (row.leads, row.queued, row.accepted, row.rejected)
        yield [row.label, *map(str, counts), *map(_share, (row.rate, low, high))]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _sum(rows: list[SourceRow]) -> SourceRow:
    sums = [sum(getattr(row, name) for row in rows) for name in _SUMMED]
    return SourceRow("", _("All sources"), *sums)


_SUMMED = ("leads", "queued", "accepted", "rejected")
