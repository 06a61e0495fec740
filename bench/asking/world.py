"""A made-up market whose truth knows nothing of the product: what is behind a lead decides.

Behind each lead stands one hidden yes or no for each part of the checklist (is there a need, the
authority, the money …). They alone decide how it ends, each by a weight of its own. Answers are
noisy signs of them: each question reads one part, more or less reliably, some not at all.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# How an answer sounds when the sign is good, and when it is bad.
TEXT = {
    "confirmed": (0.7, 0.0),
    "inferred": (0.2, 0.15),
    "unknown": (0.1, 0.5),
    "contradicted": (0.0, 0.35),
}
YES_OR_NO = {"yes": (0.85, 0.0), "no": (0.0, 0.7), "unknown": (0.15, 0.3)}
# This share of questions reads nothing.
EMPTY_SHARE = 0.25
WORST, BEST = 0.6, 0.97


@dataclass(frozen=True)
class Asked:
    """A question as the checklist has it."""

    key: str
    part: str
    is_boolean: bool


@dataclass(frozen=True)
class Person:
    """A lead: how it ends, and what it would answer to each question."""

    is_accepted: bool
    answers: dict[str, str]


class World:
    """One market, drawn from a seed. `sure`: a judge who knows the market stops asking when the
    chance of accepting is this far from open, either way."""

    def __init__(self, seed: int, questions: Sequence[Asked], *, sure: float) -> None:
        self.draw = random.Random(seed)
        self.sure = sure
        parts = list(dict.fromkeys(question.part for question in questions))
        self.rates = [self.draw.uniform(0.35, 0.65) for _ in parts]
        self.weights = [1 + 3 * self.draw.expovariate(1) for _ in parts]
        self.states = np.array(list(itertools.product((0, 1), repeat=len(parts))), dtype=float)
        self.prior = np.prod(np.where(self.states == 1, self.rates, 1 - np.array(self.rates)), 1)
        logits = (self.states - self.rates) @ np.array(self.weights)
        self.accept: Floats = 1 / (1 + np.exp(-logits))
        # Question → kind of answer → its chance in each hidden state.
        self.chances: dict[str, dict[str, Floats]] = {
            question.key: self._chances(question, parts.index(question.part))
            for question in questions
        }

    def _chances(self, question: Asked, part: int) -> dict[str, Floats]:
        is_empty = self.draw.random() < EMPTY_SHARE
        reliable = 0.5 if is_empty else self.draw.uniform(WORST, BEST)
        good = np.where(self.states[:, part] == 1, reliable, 1 - reliable)
        sounds = YES_OR_NO if question.is_boolean else TEXT
        return {kind: good * on + (1 - good) * off for kind, (on, off) in sounds.items()}

    def person(self) -> Person:
        """Somebody of this market."""
        (state,) = self.draw.choices(range(len(self.prior)), weights=list(self.prior))
        answers = {
            key: self.draw.choices(list(kinds), [chance[state] for chance in kinds.values()])[0]
            for key, kinds in self.chances.items()
        }
        return Person(self.draw.random() < self.accept[state], answers)


class Judge:
    """What somebody who knows the market believes of one lead, answer by answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hidden = world.prior.copy()

    @property
    def belief(self) -> float:
        """The chance of accepting."""
        return float(self.hidden @ self.world.accept)

    @property
    def is_sure(self) -> bool:
        """Whether the verdict stands."""
        return max(self.belief, 1 - self.belief) >= self.world.sure

    def hear(self, key: str, kind: str) -> None:
        """Takes an answer in."""
        self.hidden = self._after(key, kind)[0]

    def worth(self, key: str) -> float:
        """How far the belief will move if this is asked: the limit of every order learned."""
        now = self.belief
        moved = 0.0
        for kind in self.world.chances[key]:
            hidden, chance = self._after(key, kind)
            moved += chance * abs(float(hidden @ self.world.accept) - now)
        return moved

    def _after(self, key: str, kind: str) -> tuple[Floats, float]:
        both = self.hidden * self.world.chances[key][kind]
        chance = float(both.sum())
        return (both / chance if chance else self.hidden), chance
