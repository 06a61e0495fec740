"""Re-weighted points: magnitude, pull, held rules, unknown hits, and what they gain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qualification.feedback.reweight import as_points, log_odds_per_point, pull_strength, reweight

WRITTEN = np.array([10.0, 5.0, -20.0, 10.0])
TRUE_LOG_ODDS = np.array([1.6, -0.8, -1.2, 0.0])


def decided(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Leads of which the truth is known: hits, and whether they were accepted."""
    draw = np.random.default_rng(seed)
    hits = (draw.random((n, len(WRITTEN))) < 0.4).astype(float)
    chance = 1 / (1 + np.exp(-(-0.3 + hits @ TRUE_LOG_ODDS)))
    return hits, draw.random(n) < chance


def free() -> np.ndarray:
    return np.zeros(len(WRITTEN), dtype=bool)


def pairs_in_order(totals: np.ndarray, accepted: np.ndarray) -> float:
    """Share of accept-reject pairs that the totals order rightly, ties half: counted one by one."""
    gaps = totals[accepted][:, None] - totals[~accepted][None, :]
    return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))


def test_it_finds_the_true_points_with_many_decisions() -> None:
    hits, accepted = decided(40_000)
    found = reweight(hits, accepted, written=WRITTEN, current=WRITTEN, is_held=free())
    expected = TRUE_LOG_ODDS / log_odds_per_point(WRITTEN)
    assert np.abs(found.points - expected).max() < 1.5
    assert found.p_changed[1] < 1e-6


def test_it_rounds_to_one_decimal() -> None:
    hits, accepted = decided(400)
    found = reweight(hits, accepted, written=WRITTEN, current=WRITTEN, is_held=free())
    assert np.array_equal(found.points, np.round(found.points, 1))


def test_it_stays_near_the_written_points_with_few_decisions() -> None:
    hits, accepted = decided(50)
    found = reweight(hits, accepted, written=WRITTEN, current=WRITTEN, is_held=free())
    assert np.abs(found.points - WRITTEN).max() < 4


def test_it_pulls_less_the_more_is_known() -> None:
    strengths = [pull_strength(n, n) for n in (25, 50, 100, 500, 5_000)]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[-1] == pytest.approx(5.0, rel=0.01)
    assert pull_strength(5, 495) > pull_strength(250, 250)


def test_it_keeps_held_rules() -> None:
    hits, accepted = decided(2_000)
    held = np.array([False, True, False, False])
    current = np.array([10.0, 7.0, -20.0, 10.0])
    found = reweight(hits, accepted, written=WRITTEN, current=current, is_held=held)
    assert found.points[1] == 7.0
    assert np.isnan(found.p_changed[1])


def test_it_treats_a_model_in_hundreds_like_one_in_tens() -> None:
    hits, accepted = decided(1_000)
    tens = reweight(hits, accepted, written=WRITTEN, current=WRITTEN, is_held=free())
    many = WRITTEN * 100
    hundreds = reweight(hits, accepted, written=many, current=many, is_held=free())
    assert np.abs(hundreds.points / 100 - tens.points).max() < 0.06


def test_it_takes_no_side_where_a_hit_is_unknown() -> None:
    hits, accepted = decided(6_000)
    whole = reweight(hits, accepted, written=WRITTEN, current=WRITTEN, is_held=free())
    gaps = hits.copy()
    gaps[::10, 0] = np.nan
    holed = reweight(gaps, accepted, written=WRITTEN, current=WRITTEN, is_held=free())
    assert np.abs(whole.points - holed.points).max() < 2


def test_it_survives_a_rule_that_only_accepts_have() -> None:
    hits, accepted = decided(300)
    hits[:, 0] = accepted
    found = reweight(hits, accepted, written=WRITTEN, current=WRITTEN, is_held=free())
    assert 10 < found.points[0] < 100


@pytest.mark.parametrize("kind", [True, False])
def test_it_refuses_one_kind_of_decision_alone(kind: bool) -> None:
    hits, _ = decided(60)
    with pytest.raises(ValueError, match="both"):
        reweight(hits, np.full(60, kind), written=WRITTEN, current=WRITTEN, is_held=free())


@pytest.mark.parametrize("n", [50, 75, 100])
@pytest.mark.parametrize("start", ["written", "true", "flat"])
def test_it_never_spoils_a_model_with_few_decisions(n: int, start: str) -> None:
    true = np.round(TRUE_LOG_ODDS / log_odds_per_point(WRITTEN), 1)
    points = {"written": WRITTEN, "true": true, "flat": np.array([10.0, 10.0, -10.0, 10.0])}[start]
    judged, outcome = decided(3_000, seed=99)
    before = pairs_in_order(judged @ points, outcome)
    for seed in range(12):
        hits, accepted = decided(n, seed=seed)
        held = hits.sum(axis=0) < 10
        found = reweight(hits, accepted, written=points, current=points, is_held=held)
        assert pairs_in_order(judged @ found.points, outcome) > before - 0.015


def test_it_orders_later_leads_better_than_the_written_points() -> None:
    hits, accepted = decided(500)
    judged, outcome = decided(3_000, seed=99)
    found = reweight(hits, accepted, written=WRITTEN, current=WRITTEN, is_held=free())
    gain = pairs_in_order(judged @ found.points, outcome) - pairs_in_order(
        judged @ WRITTEN, outcome
    )
    assert gain > 0.03


@settings(max_examples=40, deadline=None)
@given(st.integers(60, 300), st.integers(0, 10_000))
def test_it_mirrors_swapped_outcomes(n: int, seed: int) -> None:
    """With nothing written, swapping accepts and rejects turns every point round."""
    hits, accepted = decided(n, seed)
    zero = np.zeros(len(WRITTEN))
    one = reweight(hits, accepted, written=zero, current=zero, is_held=free())
    other = reweight(hits, ~accepted, written=zero, current=zero, is_held=free())
    assert np.abs(one.points + other.points).max() <= 0.1 + 1e-9


def test_points_never_read_minus_zero() -> None:
    assert str(as_points(-0.04)) == "0.0"
    assert str(as_points(12)) == "12.0"
