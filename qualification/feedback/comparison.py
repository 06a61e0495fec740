"""Judges two scores of the same decided leads against each other; pure arithmetic.

Called by `backtest.py` (a draft against the active version) and `proposals.py` (one change alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, rankdata

from qualification.feedback.evidence import Share
from qualification.feedback.reweight import Flags

Tenths = NDArray[np.int64]

# Which part of the decided leads a team gets to when it can't work them all: the best fifth.
CAPACITY_SHARE = 0.2
RESAMPLES = 300
# So that the same data give the same interval.
SEED = 20


@dataclass(frozen=True)
class Crossing:
    """Leads that a change moves over the line, by id; `lost` are accepted ones that fall below."""

    into: tuple[int, ...]
    out_of: tuple[int, ...]
    lost: tuple[int, ...]


@dataclass(frozen=True)
class Area:
    """Area under the ROC curve (0.5 is a coin) with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Plain figures with four decimals."""
        return {name: round(value, 4) for name, value in vars(self).items()}


def best(totals: Tenths, accepted: Flags, capacity: int) -> Share:
    """How many of the `capacity` best leads were accepted; ties at the edge count in equal parts.

    The count of accepted is rounded to whole leads.
    """
    edge = np.sort(totals)[::-1][capacity - 1]
    above, level = totals > edge, totals == edge
    room = capacity - int(above.sum())
    expected = accepted[above].sum() + accepted[level].mean() * room
    return Share(capacity, round(float(expected)))


def crossing(
    before: Tenths, after: Tenths, *, lead_ids: NDArray[np.int64], accepted: Flags, line: int
) -> Crossing:
    """Who crosses the line (tenths, inclusive) between the two scores."""
    was, is_now = before >= line, after >= line
    return Crossing(
        into=_ids(lead_ids, ~was & is_now),
        out_of=_ids(lead_ids, was & ~is_now),
        lost=_ids(lead_ids, was & ~is_now & accepted),
    )


def capacity_of(n: int) -> int:
    """How many of n decided leads the comparison looks at as the best."""
    return max(1, round(n * CAPACITY_SHARE))


def area(totals: Tenths, accepted: Flags) -> Area:
    """How well the score tells accepts from rejects; both must be there."""
    return _resampled(lambda rows: _auc(accepted[rows], totals[rows]), len(accepted))


def area_gain(before: Tenths, after: Tenths, accepted: Flags) -> Area:
    """Area after minus before on the same leads, with the interval of the difference."""

    def gain(rows: NDArray[np.int64]) -> float:
        told = accepted[rows]
        return _auc(told, after[rows]) - _auc(told, before[rows])

    return _resampled(gain, len(accepted))


def preview(
    before: Tenths,
    change: Tenths,
    *,
    lead_ids: NDArray[np.int64],
    accepted: Flags,
    line: int,
) -> dict[str, Any]:
    """What one change alone does to the leads decided so far, in plain figures.

    `change` is what it adds to each total. Limits are left aside: the draft's back-test has them.
    """
    capacity = capacity_of(len(before))
    after = before + change
    moved = crossing(before, after, lead_ids=lead_ids, accepted=accepted, line=line)
    return {
        "capacity": capacity,
        "of": len(before),
        "precision_before": best(before, accepted, capacity).rate,
        "precision_after": best(after, accepted, capacity).rate,
        "into": len(moved.into),
        "out_of": len(moved.out_of),
        "accepted_lost": len(moved.lost),
        "accepted_lost_ids": list(moved.lost[:20]),
    }


def _resampled(statistic: Any, n: int) -> Area:
    """The statistic over all rows, with a bootstrap interval over rows."""
    rows = np.arange(n)
    found = bootstrap(
        (rows,),
        lambda sample: statistic(sample.astype(np.int64)),
        n_resamples=RESAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Area(statistic(rows), float(found.low), float(found.high))


def _auc(accepted: Flags, totals: Tenths) -> float:
    # A resample of a few rows may hold one kind only: no order to judge.
    if accepted.all() or not accepted.any():
        return 0.5
    # By ranks: hundreds of resamples would wait for sklearn's checks of its input.
    n, ranks = int(accepted.sum()), rankdata(totals)
    above = ranks[accepted].sum() - n * (n + 1) / 2
    return float(above / (n * (len(accepted) - n)))


def _ids(lead_ids: NDArray[np.int64], flags: Flags) -> tuple[int, ...]:
    return tuple(int(lead_id) for lead_id in lead_ids[flags])
