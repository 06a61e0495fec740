"""Decides what to ask next: the open question whose answer is expected to move the verdict most.

Pure functions over a checklist and what past decisions say (`tallies.py`); called by the lead page.
Advice only: nothing hinders anybody from asking something else, or from passing it over.

The belief that the lead will be accepted starts at the share of all decisions and goes up or down
with each answer there is, each by itself (naive Bayes). What a question is worth is how far the
belief is expected to move, over the answers it may get. Only questions whose answers demonstrably
go with the outcome take part; without any, the order of the checklist stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from qualification.models import QuestionTally
from qualification.review.checklists import Checklist, Question
from qualification.review.tallies import MIN_DECISIONS, kind_of

# A question takes part when it is this unlikely that its answers tell nothing.
Q_LIMIT = 0.05
# So many decisions' worth of "this answer tells nothing" go into every share: with few decisions
# behind it an answer moves little.
DOUBT = 10.0
# A question that is expected to move the belief by less than a point does not change the order.
LEAST_WORTH = 0.01
# However sure accepting seems, a required question costs a little.
LEAST_COST = 0.1


@dataclass(frozen=True)
class Telling:
    """What past decisions say about the answers to one question."""

    tally: QuestionTally

    @cached_property
    def shares(self) -> dict[str, tuple[float, float]]:
        """Kind of answer → its share among the accepted, and among the others. Drawn towards its
        share among both."""
        cells = self.tally.answers
        accepted = sum(cell[0] for cell in cells.values())
        others = sum(cell[1] for cell in cells.values())
        found = {}
        for kind, (of_accepted, of_others) in cells.items():
            among_all = (of_accepted + of_others) / (accepted + others)
            found[kind] = (
                (of_accepted + DOUBT * among_all) / (accepted + DOUBT),
                (of_others + DOUBT * among_all) / (others + DOUBT),
            )
        return found

    def after(self, belief: float, kind: str) -> float:
        """The belief once this was answered; as before where nobody ever answered like this."""
        among_accepted, among_others = self.shares.get(kind, (1.0, 1.0))
        for_it = belief * among_accepted
        return for_it / (for_it + (1 - belief) * among_others)

    def worth(self, belief: float) -> float:
        """How far the belief is expected to move, 0 to 1."""
        return sum(
            (belief * among_accepted + (1 - belief) * among_others)
            * abs(self.after(belief, kind) - belief)
            for kind, (among_accepted, among_others) in self.shares.items()
        )


@dataclass(frozen=True)
class Suggestion:
    """What to ask next, if anything is open, and why. `points`: by how many percentage points its
    answer is expected to move the chance of accepting; None where the order of the checklist
    decided. `decided`: the past decisions in which it was answered."""

    question: Question | None
    points: int | None = None
    decided: int = 0


def suggest(checklist: Checklist, *, passed_over: Collection[str] = ()) -> Suggestion:
    """The question to ask next: the one that moves the verdict most for what it costs; where none
    tells anything, required ones first, then contradicted ones that are required, then the rest, in
    the order of the checklist.

    A question costs one question more. A required one does not if the lead is accepted, because the
    gate asks for it then: it costs as much as accepting is unlikely.

    `passed_over` are keys somebody does not want to ask now; they come back when nothing else is
    open.
    """
    in_order = _in_order(checklist)
    open_ones = [q for q in in_order if q.key not in passed_over] or in_order
    if not open_ones:
        return Suggestion(None)
    belief = belief_of(checklist)
    worths = [_worth(question, checklist, belief) for question in open_ones]
    gains = [
        worth / max(1 - belief, LEAST_COST) if question.is_required else worth
        for question, worth in zip(open_ones, worths, strict=True)
    ]
    best = max(range(len(open_ones)), key=gains.__getitem__)  # the first of equals
    return _with_reason(open_ones[best], worths[best])


def belief_of(checklist: Checklist, *, leaving_out: str = "") -> float:
    """How likely accepting is, 0 to 1, by all answers but the one left out; half without past
    decisions."""
    belief = _share_of_all(checklist.questions)
    for question in checklist.questions:
        telling = _telling(question) if question.state and question.key != leaving_out else None
        if telling is not None:
            belief = telling.after(belief, kind_of(question.state, question.value))
    return belief


def _in_order(checklist: Checklist) -> list[Question]:
    """What is still to be asked, the most pressing first."""
    open_ones = [question for question in checklist.questions if question.is_open]
    required = [question for question in open_ones if question.is_required]
    return [*required, *checklist.blocking, *(q for q in open_ones if not q.is_required)]


def _share_of_all(questions: Iterable[Question]) -> float:
    """The accepted among all decisions; drawn a little towards half."""
    tally = next((question.tally for question in questions if question.tally is not None), None)
    if tally is None:
        return 0.5
    return (tally.all_accepted + 1) / (tally.all_decided + 2)


def _telling(question: Question) -> Telling | None:
    """What past decisions say about the question, if that is more than chance."""
    tally = question.tally
    if tally is None or tally.q is None or tally.q >= Q_LIMIT or tally.decided < MIN_DECISIONS:
        return None
    return Telling(tally)


def _worth(question: Question, checklist: Checklist, belief: float) -> float:
    """How far asking it is expected to move the belief, 0 to 1; less than a point is nothing."""
    telling = _telling(question)
    if telling is None:
        return 0.0
    if question.state:  # asked once and asked again: the new answer takes the place of the old
        belief = belief_of(checklist, leaving_out=question.key)
    worth = telling.worth(belief)
    return worth if worth >= LEAST_WORTH else 0.0


def _with_reason(question: Question, worth: float) -> Suggestion:
    if not worth or question.tally is None:
        return Suggestion(question)
    return Suggestion(question, points=round(worth * 100), decided=question.tally.decided)
