"""Decides how leads that stand elsewhere under another version are shown: a table of moves.
Pure. Called by the shadow's report and the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qualification.choices import Tier

SHADES = 6
GRADES = tuple(f"{letter}{number}" for letter in "ABCD" for number in "1234")
# A disqualified lead has no grade and no tier.
NO_GRADE = "–"


@dataclass(frozen=True)
class Cell:
    """Leads that go from one place to another; `shade` 0 to 6 for the eye, 0 where none moves."""

    count: int
    is_move: bool
    shade: int


@dataclass(frozen=True)
class Matrix:
    """Rows: the place before; columns: the place after; `names` in order, best first."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    n: int
    moved: int


def tier_matrix(pairs: Mapping[tuple[str, str], int]) -> Matrix:
    """(tier before, tier after) → leads, as a table; a blank tier is a disqualified lead."""
    labels = {tier.value: str(tier.label) for tier in Tier}
    return _matrix(pairs, labels | ({"": NO_GRADE} if _has_blank(pairs) else {}))


def grade_matrix(pairs: Mapping[tuple[str, str], int]) -> Matrix:
    """(grade before, grade after) → leads, as a table of the grades that occur."""
    met = {grade for pair in pairs for grade in pair}
    labels = {grade: grade for grade in GRADES if grade in met}
    return _matrix(pairs, labels | ({"": NO_GRADE} if "" in met else {}))


def rank_correlation(before: Sequence[int], after: Sequence[int]) -> float | None:
    """Spearman's; None where all scores are the same or there are fewer than three."""
    # Seventy megabytes that only reports need: not in every worker.
    from scipy.stats import spearmanr

    if len(before) < 3 or len(set(before)) < 2 or len(set(after)) < 2:
        return None
    return float(spearmanr(before, after).statistic)


def _has_blank(pairs: Mapping[tuple[str, str], int]) -> bool:
    return any("" in pair for pair in pairs)


def _matrix(pairs: Mapping[tuple[str, str], int], labels: Mapping[str, str]) -> Matrix:
    moves = {pair: count for pair, count in pairs.items() if pair[0] != pair[1]}
    most = max(moves.values(), default=0)
    return Matrix(
        names=tuple(labels.values()),
        rows=tuple(
            (label, tuple(_cell(pairs.get((old, new), 0), old != new, most) for new in labels))
            for old, label in labels.items()
        ),
        n=sum(pairs.values()),
        moved=sum(moves.values()),
    )


def _cell(count: int, is_move: bool, most: int) -> Cell:  # noqa: FBT001 - a fact about the cell
    shade = -(-count * SHADES // most) if is_move and most else 0
    return Cell(count, is_move and count > 0, shade)
