"""Decides what is told of a version in shadow: how its scores of new leads differ from the live
ones. Called by the version page; writes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q

from qualification.models import ScoringModel, ShadowScore
from qualification.scoring.moves import Matrix, grade_matrix, rank_correlation, tier_matrix
from qualification.scoring.points import tenths_of
from qualification.scoring.shadow import Minimum, minimum_of

# Fewer leads than this say nothing about moves and ranks.
ENOUGH = 20
# The correlation looks at this many of the newest.
NEWEST = 20_000


@dataclass(frozen=True)
class ShadowReport:
    """The shadow beside the live version on the leads that came since it started.

    `enters`, `leaves`: leads at or above the line under the shadow only, under the live version
    only. `newly_out`, `newly_in`: disqualified by one of the two only. Figures of moves are None
    where `is_enough` is False.
    """

    model: ScoringModel
    minimum: Minimum
    n: int
    enough: int
    is_enough: bool
    enters: int
    leaves: int
    newly_out: int
    newly_in: int
    correlation: float | None
    tiers: Matrix | None
    grades: Matrix | None


def shadow_report(model: ScoringModel, *, now: datetime) -> ShadowReport | None:
    """What the version's shadow has shown so far; None when it never was in shadow."""
    if model.shadow_started_at is None:
        return None
    rows = ShadowScore.objects.filter(model=model)
    line = tenths_of(model.mql)
    above = Q(disqualified="", total_tenths__gte=line)
    was_above = Q(live_disqualified="", live_total_tenths__gte=F("live_model__mql") * 10)
    counts = rows.aggregate(
        n=Count("pk"),
        enters=Count("pk", filter=above & ~was_above),
        leaves=Count("pk", filter=was_above & ~above),
        newly_out=Count("pk", filter=Q(live_disqualified="") & ~Q(disqualified="")),
        newly_in=Count("pk", filter=Q(disqualified="") & ~Q(live_disqualified="")),
    )
    is_enough = counts["n"] >= ENOUGH
    return ShadowReport(
        model=model,
        minimum=minimum_of(model, now=now),
        enough=ENOUGH,
        is_enough=is_enough,
        correlation=_correlation(model) if is_enough else None,
        tiers=tier_matrix(_pairs(model, "tier")) if is_enough else None,
        grades=grade_matrix(_pairs(model, "grade")) if is_enough else None,
        **counts,
    )


def _pairs(model: ScoringModel, column: str) -> Counter[tuple[str, str]]:
    rows = ShadowScore.objects.filter(model=model).order_by()
    counted = rows.values_list(f"live_{column}", column).annotate(n=Count("pk"))
    return Counter({(before, after): n for before, after, n in counted})


def _correlation(model: ScoringModel) -> float | None:
    rows = ShadowScore.objects.filter(model=model).order_by("-pk")[:NEWEST]
    pairs = list(rows.values_list("live_total_tenths", "total_tenths"))
    return rank_correlation([before for before, _ in pairs], [after for _, after in pairs])
