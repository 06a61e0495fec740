"""Tijdeman's rule as printed, over counts of whole leads, and what fairness means. Knows nothing of
the app: plain integers, the whole history counted again for each lead."""

from __future__ import annotations

from collections.abc import Sequence


def tijdeman(weights: Sequence[int], count: int) -> list[int]:
    """Who gets each lead, by the published condition and deadline, multiplied out."""
    people, total = range(len(weights)), sum(weights)
    if len(weights) == 1:
        return [0] * count
    steps = 2 * len(weights) - 2
    order: list[int] = []
    for n in range(1, count + 1):
        had = [order.count(person) for person in people]
        # lambda * n - had >= 1 / steps
        ready = [p for p in people if steps * (n * weights[p] - had[p] * total) >= total]
        # (had + 1 - 1 / steps) / lambda; compared crosswise by integers
        best = ready[0]
        for p in ready[1:]:
            if (steps * (had[p] + 1) - 1) * weights[best] < (steps * (had[best] + 1) - 1) * weights[
                p
            ]:
                best = p
        order.append(best)
    return order


def largest_deficit(weights: Sequence[int], count: int) -> list[int]:
    """The rule most products have: whoever is furthest behind."""
    had, total = [0] * len(weights), sum(weights)
    order = []
    for n in range(1, count + 1):
        best = max(range(len(weights)), key=lambda p: n * weights[p] - had[p] * total)
        had[best] += 1
        order.append(best)
    return order


def round_robin(weights: Sequence[int], count: int) -> list[int]:
    """Everybody in turn, each as often as their weight says, one after the other."""
    cycle = [person for person, weight in enumerate(weights) for _ in range(weight)]
    return [cycle[n % len(cycle)] for n in range(count)]


def worst_deviation(weights: Sequence[int], order: Sequence[int]) -> tuple[int, int]:
    """The largest |assigned - expected| over all prefixes and people, as numerator, denominator."""
    had, total, worst = [0] * len(weights), sum(weights), 0
    for n, person in enumerate(order, start=1):
        had[person] += 1
        worst = max(worst, *(abs(had[p] * total - n * w) for p, w in enumerate(weights)))
    return worst, total
