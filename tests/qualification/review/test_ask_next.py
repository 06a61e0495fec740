"""What to ask next: by past decisions where they tell something, by the checklist where not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from crm.models import User
from qualification.models import Framework, QuestionTally
from qualification.review.ask_next import Suggestion, belief_of, suggest
from qualification.review.checklists import Checklist, checklist_of
from qualification.review.tallies import learn_tallies
from tests.factories import NOW, LeadFactory
from tests.qualification.decision_support import answer, answer_required, held_item
from tests.qualification.tally_support import past_decisions

TELLING = [("confirmed", True), ("contradicted", False)] * 20
IDLE = [("confirmed", True), ("confirmed", False), ("unknown", True), ("unknown", False)] * 10


def checklist(tallies: Mapping[str, dict[str, Any]], **states: str) -> Checklist:
    """BANT in memory, with these tallies and states."""
    bant = Framework.objects.get(key="bant")
    whole = checklist_of(LeadFactory(), bant, now=NOW)
    parts = tuple(
        replace(
            part,
            questions=tuple(
                replace(
                    q,
                    state=states.get(q.key, ""),
                    tally=QuestionTally(**tallies[q.key]) if q.key in tallies else None,
                )
                for q in part.questions
            ),
        )
        for part in whole.parts
    )
    return replace(whole, parts=parts)


def tally(answers: dict[str, list[int]], **changes: Any) -> dict[str, Any]:
    decided = sum(map(sum, answers.values()))
    return {
        "answers": answers,
        "decided": decided,
        "q": 0.001,
        "all_decided": 200,
        "all_accepted": 100,
    } | changes


STRONG = tally({"confirmed": [50, 5], "unknown": [5, 50]})
WEAK = tally({"confirmed": [50, 35], "unknown": [20, 35]})
# Less than a point: as good as nothing.
IDLE_TALLY = tally({"confirmed": [51, 50], "unknown": [49, 50]})


@pytest.mark.django_db
def test_it_asks_what_moves_the_verdict_most_and_says_so() -> None:
    found = suggest(checklist({"pain": WEAK, "timing": STRONG}))
    assert found.question is not None
    assert found.question.key == "timing"
    # Half believed; (50 + 5) / (55 + 10) of the accepted and (5 + 5) / 65 of the others confirm.
    assert (found.points, found.decided) == (35, 110)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "tallies",
    [
        {},
        {"timing": STRONG | {"q": 0.2}},
        {"timing": STRONG | {"q": None}},
        {"timing": STRONG | {"decided": 29}},
    ],
)
def test_it_keeps_the_order_of_the_checklist_without_enough_to_go_by(tallies: Any) -> None:
    found = suggest(checklist(tallies))
    assert found == Suggestion(found.question)
    assert found.question is not None
    assert found.question.key == "budget"


@pytest.mark.django_db
def test_a_required_one_comes_first_where_nothing_tells_more() -> None:
    found = suggest(checklist({"trigger": IDLE_TALLY}))
    assert (found.question.key, found.points) == ("budget", None)  # type: ignore[union-attr]


@pytest.mark.django_db
def test_what_decides_comes_before_what_is_required() -> None:
    found = suggest(checklist({"trigger": STRONG, "timing": WEAK}))
    assert (found.question.key, found.points) == ("trigger", 35)  # type: ignore[union-attr]


@pytest.mark.django_db
def test_a_required_one_is_cheap_where_accepting_is_likely() -> None:
    """It would be asked anyway then; where rejecting is likely it is one question more."""
    nearly = tally({"confirmed": [45, 15], "unknown": [10, 40]})
    tallies = {"trigger": STRONG, "timing": nearly, "pain": STRONG}
    likely = suggest(checklist(tallies, pain="confirmed"), passed_over=["pain"])
    unlikely = suggest(checklist(tallies, pain="unknown"), passed_over=["pain"])
    assert (likely.question.key, unlikely.question.key) == ("timing", "trigger")  # type: ignore[union-attr]


@pytest.mark.django_db
def test_what_is_passed_over_comes_back_when_nothing_else_is_open() -> None:
    tallies = {"timing": STRONG}
    asked = suggest(checklist(tallies), passed_over=["timing"]).question
    assert asked is not None
    assert asked.key == "budget"
    required = ["budget", "authority", "pain", "timing"]
    asked = suggest(checklist(tallies), passed_over=required).question
    assert asked is not None
    assert not asked.is_required
    whole = checklist(tallies)
    everything = [question.key for question in whole.questions]
    assert suggest(whole, passed_over=everything) == suggest(whole)


@pytest.mark.django_db
def test_answers_move_the_belief_and_with_it_what_is_worth_asking() -> None:
    open_one = checklist({"timing": STRONG, "pain": STRONG})
    sure = checklist({"timing": STRONG, "pain": STRONG}, pain="confirmed")
    assert belief_of(open_one) == 0.5
    assert belief_of(sure) == pytest.approx(55 / 65)
    first, second = suggest(open_one), suggest(sure)
    assert first.question == open_one.question("pain")  # equal worth: as the checklist has it
    assert second.question == sure.question("timing")
    assert second.points is not None
    assert first.points is not None
    assert 0 < second.points < first.points


@pytest.mark.django_db
def test_nothing_open_asks_nothing() -> None:
    whole = checklist({})
    states = {question.key: "confirmed" for question in whole.questions}
    assert suggest(checklist({}, **states)) == Suggestion(None)


@pytest.mark.django_db
def test_it_learns_from_decisions(people: dict[str, User]) -> None:
    past_decisions(people, {"timing": TELLING, "pain": IDLE})
    learn_tallies(now=NOW)
    item = held_item(people["sdr"])
    bant = Framework.objects.get(key="bant")
    found = suggest(checklist_of(item.lead, bant, now=NOW))
    assert found.question is not None
    assert (found.question.key, found.decided) == ("timing", 40)
    answer_required(item.lead, people["sdr"])
    answer(item.lead, "timing", people["sdr"], state="contradicted")
    assert belief_of(checklist_of(item.lead, bant, now=NOW)) < 0.3
