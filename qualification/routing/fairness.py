"""Decides whose turn it is among people with weights. Pure: no rows, no clock.

R. Tijdeman, “The chairman assignment problem”, Discrete Mathematics 32 (1980), 323–330: k people
with shares λ₁ … λₖ of the leads. A person may take lead n once their expected leads, less those
they have, reach 1/(2k − 2); among those the turn is theirs who would be the first to fall
1 − 1/(2k − 2) behind. Then after every lead each person has their expected number, give or take
1 − 1/(2k − 2): never a whole lead too many or too few. “Who is furthest behind” and round robin by
weight do not keep that bound.

Who is there may change from one lead to the next (leave, capacity, hours, weights). Each lead is
shared out among those who are there for it: an absent person is expected to take nothing, gets
nothing and comes back with the balance they left with, so nobody is flooded with what was missed.
The bound above is for a set and weights that do not change. With changes, nobody gets more than one
lead ahead of their due as long as somebody is due at all, but how far one can fall behind then
depends on the absences of the others: no rule that cannot see the future keeps one lead there.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

Person = TypeVar("Person", bound=Hashable)
Number = int | Fraction


def shares(weights: Mapping[Person, Number]) -> dict[Person, Fraction]:
    """The part of one lead each person is expected to take; together exactly 1.

    Raises ValueError without people, or with a weight that is not above 0.
    """
    if not weights:
        raise ValueError("nobody to share leads among")
    if any(weight <= 0 for weight in weights.values()):
        raise ValueError("a weight is a number above 0")
    total = Fraction(sum(weights.values()))
    return {person: weight / total for person, weight in weights.items()}


def next_person(weights: Mapping[Person, Number], balances: Mapping[Person, Fraction]) -> Person:
    """Whose turn it is among the people of `weights`: those there for this lead.

    `balances` are leads expected less leads given so far; somebody not in it starts at 0. Equals go
    by the order of `weights`.
    """
    part = shares(weights)
    if len(part) == 1:
        return next(iter(part))
    margin = Fraction(1, 2 * len(part) - 2)
    expected = {person: balances.get(person, Fraction()) + part[person] for person in part}
    due = [person for person in part if expected[person] >= margin]
    if not due:  # only after absences: those who are owed leads are away
        return max(part, key=lambda person: expected[person])
    return min(due, key=lambda person: (1 - margin - expected[person]) / part[person])


def after_giving(
    weights: Mapping[Person, Number], balances: Mapping[Person, Fraction], person: Person
) -> dict[Person, Fraction]:
    """The balances once `person` got the lead that was shared out among the people of `weights`."""
    return _moved(balances, shares(weights), person, by=1)


def after_taking_back(
    weights: Mapping[Person, Number], balances: Mapping[Person, Fraction], person: Person
) -> dict[Person, Fraction]:
    """The balances as if that lead had never been there; undoes `after_giving`, at any later time,
    given the weights it was shared out by."""
    return _moved(balances, shares(weights), person, by=-1)


def _moved(
    balances: Mapping[Person, Fraction], part: Mapping[Person, Fraction], person: Person, *, by: int
) -> dict[Person, Fraction]:
    moved = dict(balances)
    for each, share in part.items():
        given = 1 if each == person else 0
        moved[each] = moved.get(each, Fraction()) + by * (share - given)
    return moved


def turns(weights: Sequence[Number], count: int) -> list[int]:
    """The places in `weights` of those who get the first `count` leads, all being there always."""
    people = dict(enumerate(weights))
    balances: dict[int, Fraction] = {}
    order = []
    for _lead in range(count):
        chosen = next_person(people, balances)
        balances = after_giving(people, balances, chosen)
        order.append(chosen)
    return order
