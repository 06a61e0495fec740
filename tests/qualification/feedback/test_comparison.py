"""Two scores of the same leads: best of them, who crosses the line, areas with intervals."""

from __future__ import annotations

import numpy as np
import pytest

from qualification.feedback.comparison import area, area_gain, best, crossing, preview

IDS = np.arange(1, 11)
ACCEPTED = np.array([True, True, False, True, False, False, False, True, False, False])
FALLING = np.arange(100, 0, -10)


def test_the_best_are_those_with_the_highest_scores() -> None:
    assert best(FALLING, ACCEPTED, 4).accepted == 3


def test_ties_at_the_edge_count_in_equal_parts() -> None:
    level = np.full(10, 50)
    # Four of ten were accepted; any five of them hold two on average.
    assert best(level, ACCEPTED, 5).accepted == 2


def test_it_names_who_crosses_the_line() -> None:
    before = np.array([50, 50, 10, 10])
    after = np.array([50, 40, 50, 10])
    told = np.array([True, True, False, False])
    moved = crossing(before, after, lead_ids=np.array([7, 8, 9, 10]), accepted=told, line=50)
    assert (moved.into, moved.out_of, moved.lost) == ((9,), (8,), (8,))


def test_the_line_itself_is_reached() -> None:
    moved = crossing(
        np.array([49]), np.array([50]), lead_ids=np.array([1]), accepted=np.array([True]), line=50
    )
    assert moved.into == (1,)


def test_the_area_counts_pairs_in_order() -> None:
    found = area(FALLING, ACCEPTED)
    pairs = [
        (FALLING[i] > FALLING[j])
        for i in range(10)
        for j in range(10)
        if ACCEPTED[i] and not ACCEPTED[j]
    ]
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.low <= found.value <= found.high


def test_the_same_score_gains_nothing() -> None:
    gain = area_gain(FALLING, FALLING, ACCEPTED)
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)


def test_the_interval_of_an_area_is_the_same_each_time() -> None:
    assert area(FALLING, ACCEPTED) == area(FALLING, ACCEPTED)


def test_a_preview_says_what_one_change_does() -> None:
    change = np.where(np.arange(10) < 2, -60, 0)
    shown = preview(FALLING, change, lead_ids=IDS, accepted=ACCEPTED, line=45)
    assert (shown["capacity"], shown["of"]) == (2, 10)
    assert shown["out_of"] == shown["accepted_lost"] == 2
    assert shown["accepted_lost_ids"] == [1, 2]
    assert shown["precision_before"] == 1.0
    assert shown["precision_after"] == 0.5
