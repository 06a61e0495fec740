"""Compares what a draft would say of the newest leads with what the live version says now.

Called by the back-test of the proposal page. Writes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from scipy.stats import spearmanr

from qualification.choices import Tier
from qualification.models import LeadScore, ScoringModel
from qualification.scoring.compile import compile_model, leads_now

# So many of the newest leads tell where leads move; more would only take longer.
NEWEST = 2_000
SHADES = 6


@dataclass(frozen=True)
class Cell:
    """Leads that go from one tier to another; `shade` 0 to 6 for the eye, 0 where nothing moves."""

    count: int
    is_move: bool
    shade: int


@dataclass(frozen=True)
class Moves:
    """Rows: tier under the live version; columns: tier under the draft. Hot first."""

    n: int
    moved: int
    correlation: float | None
    tiers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def moves_under(draft: ScoringModel, *, now: datetime) -> Moves | None:
    """Where the newest scored leads would stand under the draft; None without any."""
    scores = LeadScore.objects.exclude(tier="").order_by("-lead_id")[:NEWEST]
    before = {
        lead_id: (tier, total)
        for lead_id, tier, total in scores.values_list("lead_id", "tier", "total_tenths")
    }
    after = _scored(draft, list(before), now)
    both = [lead_id for lead_id in before if after.get(lead_id, ("", 0))[0]]
    if not both:
        return None
    pairs = Counter((before[lead_id][0], after[lead_id][0]) for lead_id in both)
    return Moves(
        n=len(both),
        moved=sum(count for (old, new), count in pairs.items() if old != new),
        correlation=_correlation(
            [before[lead_id][1] for lead_id in both], [after[lead_id][1] for lead_id in both]
        ),
        tiers=tuple(str(tier.label) for tier in Tier),
        rows=_rows(pairs),
    )


def _scored(draft: ScoringModel, lead_ids: list[int], now: datetime) -> dict[int, tuple[str, int]]:
    """Lead id → tier and total in tenths under the draft, with the facts as they stand."""
    sql, params = compile_model(draft).totals(leads_now(lead_ids, as_of=now))
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or ()]
        places = [names.index(name) for name in ("row_id", "tier", "total")]
        found = [[row[place] for place in places] for row in cursor]
    return {row_id: (tier, total) for row_id, tier, total in found}


def _correlation(before: list[int], after: list[int]) -> float | None:
    """Rank correlation (Spearman); None where all scores are the same."""
    if len(set(before)) < 2 or len(set(after)) < 2:
        return None
    return float(spearmanr(before, after).statistic)


def _rows(pairs: Counter[tuple[str, str]]) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    most = max((count for (old, new), count in pairs.items() if old != new), default=0)
    return tuple(
        (
            str(old.label),
            tuple(_cell(pairs[old.value, new.value], old != new, most) for new in Tier),
        )
        for old in Tier
    )


def _cell(count: int, is_move: bool, most: int) -> Cell:  # noqa: FBT001 - a fact about the cell
    shade = -(-count * SHADES // most) if is_move and most else 0
    return Cell(count, is_move and count > 0, shade)
