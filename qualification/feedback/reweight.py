"""Re-estimates the points of rules from decisions; pure arithmetic, no database.

Called by `evidence.py`, which says which decisions count for which dimension.

Points and log-odds. A logistic regression of "accepted" on the rules that fired speaks in log-odds,
a model in points. One point is worth `log_odds_per_point`: a rule of typical size (the root mean
square of the written points) doubles the odds, as in a scorecard. It depends on the written points
alone, so the unit stays the same from version to version, and a model written in hundreds or in
tenths is treated alike.

The pull. Coefficients are pulled (L2) towards the points a person wrote. Its strength is
5 · (1 + (200 / n)²) with n decisions, counted as if accepts and rejects were balanced: at 50 it
lets points move by little, at 500 it is all but the plain strength 5. So a model of good points is
not spoilt by a few dozen decisions.

Two dimensions. A reject counts for one dimension only, an accept for both. Each dimension is
therefore estimated on its own decisions, with the rules of BOTH dimensions in the regression, and
only the coefficients of its own rules are kept. Leaving the other rules out would credit a fit rule
with the intent it happens to come with; holding them at their written points does the same whenever
those are off. A reject for a fit reason thus changes no intent rule. The share of accepts differs
between the two sets of decisions; the free intercept takes that up, as in any case-control study.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PULL = 5.0
# At this many balanced decisions the pull is twice PULL.
PULL_FADES_AT = 200.0
LOG_ODDS_OF_A_TYPICAL_RULE = float(np.log(2))
# For the test of a change the pull is just enough to keep a perfectly separating rule finite.
TEST_PULL = 0.5


@dataclass(frozen=True)
class Estimate:
    """Points by rule, in the order given. `p_changed`: of the written points being right; NaN where
    a rule was held."""

    points: Floats
    p_changed: Floats


@dataclass(frozen=True)
class _Fit:
    coefficients: Floats
    errors: Floats


def typical_size(written: Floats) -> float:
    """The root mean square of the written points that are not 0; 10 where there are none."""
    used = written[written != 0]
    return float(np.sqrt(np.mean(used**2))) if used.size else 10.0


def log_odds_per_point(written: Floats) -> float:
    """What one point is worth in log-odds, from the size of the written points."""
    return LOG_ODDS_OF_A_TYPICAL_RULE / typical_size(written)


def smallest_step(written: Floats) -> float:
    """The smallest change of points worth a person's look, in points: a 25th of a typical rule."""
    return max(0.1, typical_size(written) / 25)


def pull_strength(n_accepted: int, n_rejected: int) -> float:
    """How strongly points are held where a person wrote them; fades with balanced evidence."""
    balanced = 4 * n_accepted * n_rejected / (n_accepted + n_rejected)
    return PULL * (1 + (PULL_FADES_AT / balanced) ** 2)


def reweight(
    hits: Floats, accepted: Flags, *, written: Floats, current: Floats, is_held: Flags
) -> Estimate:
    """Points of every rule from the decisions (rows) and how much of each rule (columns) fired.

    1.0 in `hits` is the rule at its full points; NaN is unknown and takes no side. Held rules keep
    `current`. Both kinds of decision must be there, else ValueError.
    """
    n_accepted = int(accepted.sum())
    if not 0 < n_accepted < len(accepted):
        raise ValueError("accepts and rejects are both needed")
    unit = log_odds_per_point(written)
    known = _without_gaps(hits)
    free, offset = known[:, ~is_held], known[:, is_held] @ current[is_held] * unit
    target = written[~is_held] * unit
    strength = pull_strength(n_accepted, len(accepted) - n_accepted)
    points, p_changed = current.copy(), np.full(len(current), np.nan)
    fit = _logistic(free, accepted, target=target, strength=strength, offset=offset)
    points[~is_held] = fit.coefficients / unit
    loose = _logistic(free, accepted, target=target, strength=TEST_PULL, offset=offset)
    p_changed[~is_held] = 2 * norm.sf(np.abs(loose.coefficients - target) / loose.errors)
    return Estimate(np.round(points, 1), p_changed)


def as_points(value: float) -> Decimal:
    """A number as points: one decimal, never minus zero."""
    return Decimal(str(round(float(value), 1))) + Decimal("0.0")


def _without_gaps(hits: Floats) -> Floats:
    """Unknown hits become the mean of the known ones, which leans to neither side."""
    is_known = ~np.isnan(hits)
    sums = np.where(is_known, hits, 0.0).sum(axis=0)
    means = sums / np.maximum(is_known.sum(axis=0), 1)
    return np.where(is_known, hits, means)


def _logistic(
    columns: Floats, accepted: Flags, *, target: Floats, strength: float, offset: Floats
) -> _Fit:
    """Logistic regression with a free intercept and coefficients pulled towards `target`."""
    design = np.column_stack([np.ones(len(accepted)), columns])
    outcome = accepted.astype(float)
    centre = np.concatenate([[0.0], target])
    pull = np.full(design.shape[1], strength)
    pull[0] = 0.0

    def loss(beta: Floats) -> tuple[float, Floats]:
        score = offset + design @ beta
        gap = beta - centre
        value = np.logaddexp(0.0, score).sum() - outcome @ score + 0.5 * (pull @ gap**2)
        return float(value), design.T @ (expit(score) - outcome) + pull * gap

    def curvature(beta: Floats) -> Floats:
        chance: Floats = expit(offset + design @ beta)
        found: Floats = (design.T * (chance * (1 - chance))) @ design + np.diag(pull)
        return found

    start = centre.copy()
    share = outcome.mean()
    start[0] = np.log(share / (1 - share)) - float(np.mean(offset + columns @ target))
    found = minimize(loss, start, jac=True, hess=curvature, method="trust-exact").x
    errors = np.sqrt(np.diag(np.linalg.inv(curvature(found))))
    return _Fit(found[1:], errors[1:])
