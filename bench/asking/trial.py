"""Leads of a made-up market are asked in the order of the checklist, and as the product suggests.

The product learns from decisions in the database and chooses from a real checklist; when to stop
and what the verdict is says a judge who knows the market and nothing of the product.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone

from bench.asking.world import Asked, Judge, Person, World
from crm.models import Lead, Source, Team, User
from qualification.models import (
    Criterion,
    Decision,
    Framework,
    QuestionTally,
    RejectionReason,
    ReviewItem,
)
from qualification.review.ask_next import Q_LIMIT, suggest
from qualification.review.checklists import Checklist, checklist_of
from qualification.review.tallies import learn_tallies

# In the past a question was left out this often, whoever asked.
LEFT_OUT = 0.2
Choose = Callable[[Checklist, Judge, list[str]], str]


@dataclass
class Arm:
    """One way of asking: questions until the verdict stood, those and the required ones an accept
    still needs, and verdicts that were right."""

    asked: int = 0
    with_required: int = 0
    right: int = 0
    people: int = 0

    def __add__(self, other: Arm) -> Arm:
        return Arm(
            self.asked + other.asked,
            self.with_required + other.with_required,
            self.right + other.right,
            self.people + other.people,
        )


@dataclass(frozen=True)
class Trial:
    """One market: the order of the checklist, the suggested one, the best one somebody could know;
    and how many questions the product took for telling, how many of them were not."""

    fixed: Arm
    suggested: Arm
    best: Arm
    telling: int
    empty: int


def questions_of(checklist: Checklist) -> list[Asked]:
    """The checklist as the market sees it."""
    boolean = Criterion.ValueType.BOOLEAN
    return [
        Asked(question.key, part.name, question.value_type == boolean)
        for part in checklist.parts
        for question in part.questions
    ]


def blank_checklist(*, is_free: bool) -> Checklist:
    """BANT as shipped, nothing answered; free: nothing required."""
    whole = checklist_of(Lead(pk=0), Framework.objects.get(key="bant"), now=timezone.now())
    return _with(whole, is_required=False) if is_free else whole


def run_trial(
    seed: int, *, past: int, people: int, sure: float, is_free: bool, is_null: bool
) -> Trial:
    """Draws a market, lets the product learn from `past` decisions in it, asks `people` more.

    Null: the past decisions are dealt out anew, so that answers tell nothing about them.
    """
    checklist = blank_checklist(is_free=is_free)
    world = World(seed, questions_of(checklist), sure=sure)
    fixed_order = _with(checklist, tally=None)
    history = _history(world, fixed_order, past)
    if is_null:
        outcomes = [is_accepted for _answers, is_accepted in history]
        random.Random(seed).shuffle(outcomes)
        history = [(kinds, end) for (kinds, _), end in zip(history, outcomes, strict=True)]
    tallies = learned_from(history)
    learned = _map(checklist, lambda key: {"tally": tallies.get(key)})
    leads = [world.person() for _ in range(people)]
    telling = {key for key, row in tallies.items() if row.q is not None and row.q < Q_LIMIT}
    return Trial(
        fixed=_ask_all(world, fixed_order, leads, _suggested),
        suggested=_ask_all(world, learned, leads, _suggested),
        best=_ask_all(world, fixed_order, leads, _best),
        telling=len(telling),
        empty=len(telling) if is_null else sum(_is_empty(world, key) for key in telling),
    )


def learned_from(history: Sequence[tuple[dict[str, str], bool]]) -> dict[str, QuestionTally]:
    """What the product counts from these decisions, stored and read as always, then undone."""
    with transaction.atomic():
        _store(history)
        learn_tallies(now=timezone.now())
        rows = QuestionTally.objects.select_related("criterion")
        found = {row.criterion.key: row for row in rows}
        transaction.set_rollback(True)
    return found


def _history(world: World, checklist: Checklist, past: int) -> list[tuple[dict[str, str], bool]]:
    """Past decisions: asked in the order of the checklist until the verdict stood, now and then a
    question left out."""
    rows = []
    for _ in range(past):
        person, judge = world.person(), Judge(world)
        heard: dict[str, str] = {}
        for question in checklist.questions:
            if judge.is_sure:
                break
            if world.draw.random() >= LEFT_OUT:
                heard[question.key] = person.answers[question.key]
                judge.hear(question.key, heard[question.key])
        rows.append((heard, person.is_accepted))
    return rows


def _ask_all(world: World, checklist: Checklist, leads: list[Person], choose: Choose) -> Arm:
    total = Arm()
    for person in leads:
        total += _ask(world, checklist, person, choose)
    return total


def _ask(world: World, checklist: Checklist, person: Person, choose: Choose) -> Arm:
    """One lead, question by question, until the verdict stands or all is asked."""
    judge, asked = Judge(world), list[str]()
    while not judge.is_sure and len(asked) < checklist.count:
        key = choose(checklist, judge, asked)
        kind = person.answers[key]
        judge.hear(key, kind)
        checklist = _answered(checklist, key, kind)
        asked.append(key)
    says_accept = judge.belief >= 0.5
    required = {question.key for question in checklist.questions if question.is_required}
    still_needed = len(required - set(asked)) if says_accept else 0
    return Arm(len(asked), len(asked) + still_needed, int(says_accept == person.is_accepted), 1)


def _suggested(checklist: Checklist, _judge: Judge, asked: list[str]) -> str:
    question = suggest(checklist, passed_over=asked).question
    assert question is not None  # noqa: S101 - something is left to ask
    return question.key


def _best(checklist: Checklist, judge: Judge, asked: list[str]) -> str:
    """What somebody who knows the market would ask next."""
    left = [question for question in checklist.questions if question.key not in asked]
    return max(left, key=lambda question: judge.worth(question.key)).key


def _answered(checklist: Checklist, key: str, kind: str) -> Checklist:
    state = "confirmed" if kind in {"yes", "no"} else kind
    given = {"state": state, "value": kind == "yes" if kind in {"yes", "no"} else None}
    return _map(checklist, lambda other: given if other == key else {})


def _with(checklist: Checklist, **changes: object) -> Checklist:
    return _map(checklist, lambda _key: changes)


def _map(checklist: Checklist, changes_of: Callable[[str], dict[str, object]]) -> Checklist:
    parts = tuple(
        replace(part, questions=tuple(replace(q, **changes_of(q.key)) for q in part.questions))
        for part in checklist.parts
    )
    return replace(checklist, parts=parts)


def _is_empty(world: World, key: str) -> bool:
    """Whether its answers have the same chances whatever is behind the lead."""
    return all(float(chance.max() - chance.min()) < 1e-9 for chance in world.chances[key].values())


def _store(history: Sequence[tuple[dict[str, str], bool]]) -> None:
    """Decisions with these answers frozen into them; accepts waived, so that no gate is needed."""
    now = timezone.now()
    team = Team.objects.get(is_fallback=True)
    person = User.objects.create(username="asking")
    source = Source.objects.create(
        name="asking", kind="file", credential="asking", team=team, created_at=now
    )
    stamps = dict.fromkeys(["stage_at", "received_at", "created_at", "updated_at"], now)
    leads = Lead.objects.bulk_create(
        Lead(team=team, source=source, email_key=f"{n}@asking.example", **stamps)
        for n in range(len(history))
    )
    stay = dict.fromkeys(["entered_at", "due_at", "closed_at"], now)
    stay |= {"state": "closed", "entry_reason": "threshold", "close_reason": "decided"}
    items = ReviewItem.objects.bulk_create(
        ReviewItem(lead=lead, team=team, **stay) for lead in leads
    )
    why = RejectionReason.objects.filter(influences="fit").first()
    Decision.objects.bulk_create(
        Decision(
            item=item,
            lead=item.lead,
            by=person,
            at=now,
            frozen={"answers": {key: _frozen(kind) for key, kind in heard.items()}},
            **(
                {"kind": "accept", "ae": person, "override_reason": "made up"}
                if is_accepted
                else {"kind": "reject", "reason": why}
            ),
        )
        for item, (heard, is_accepted) in zip(items, history, strict=True)
    )


def _frozen(kind: str) -> dict[str, object]:
    if kind in {"yes", "no"}:
        return {"state": "confirmed", "value": kind == "yes"}
    return {"state": kind, "value": None}
