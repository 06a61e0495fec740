"""Checklists: four shipped frameworks over common answers, what is missing, what to ask next."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import User
from crm.roles import Role
from qualification.choices import AnswerState
from qualification.exceptions import DecisionIncomplete, NotHolder
from qualification.models import Criterion, Framework, ItemEvent
from qualification.review.ask_next import suggest
from qualification.review.checklists import (
    checklist_of,
    missing_for_accept,
)
from qualification.review.frameworks import framework_for, switch_framework
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import (
    BANT_REQUIRED,
    MINUTE,
    answer,
    answer_required,
    held_item,
)

pytestmark = pytest.mark.django_db


def framework(key: str) -> Framework:
    return Framework.objects.get(key=key)


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("bant", ["Budget", "Authority", "Need", "Timing"]),
        ("champ", ["Challenges", "Authority", "Money", "Prioritisation"]),
        (
            "meddic",
            [
                "Metrics",
                "Economic buyer",
                "Decision criteria",
                "Decision process",
                "Identify pain",
                "Champion",
            ],
        ),
        ("gpct", ["Goals", "Plans", "Challenges", "Timing"]),
    ],
)
def test_the_shipped_frameworks_have_their_parts(
    people: dict[str, User], key: str, parts: list[str]
) -> None:
    item = held_item(people["sdr"])
    checklist = checklist_of(item.lead, framework(key), now=NOW)
    assert [part.name for part in checklist.parts] == parts


def test_it_shows_an_answer_with_where_it_comes_from(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer(item.lead, "budget", people["sdr"], value="€120k", evidence_url="https://x.example/")
    question = checklist_of(item.lead, framework("bant"), now=NOW).question("budget")
    assert question is not None
    assert (question.words, question.state, question.source, question.answered_on) == (
        "€120k",
        "confirmed",
        "Call",
        NOW.date(),
    )
    assert question.by == str(people["sdr"])
    assert question.evidence_url == "https://x.example/"
    assert question.is_required
    assert question.is_met
    assert not question.is_open


@pytest.mark.parametrize("key", ["bant", "champ", "meddic", "gpct"])
def test_an_answer_shows_in_every_framework_that_asks(people: dict[str, User], key: str) -> None:
    item = held_item(people["sdr"])
    answer(item.lead, "pain", people["sdr"], value="2.4% mis-picks")
    question = checklist_of(item.lead, framework(key), now=NOW).question("pain")
    assert question is not None
    assert question.words == "2.4% mis-picks"


@pytest.mark.parametrize(
    ("key", "state", "is_met"),
    [
        ("pain", AnswerState.CONFIRMED, True),
        ("pain", AnswerState.INFERRED, True),
        ("pain", AnswerState.UNKNOWN, False),
        ("pain", AnswerState.CONTRADICTED, False),
        ("budget", AnswerState.UNKNOWN, True),
        ("budget", AnswerState.CONTRADICTED, False),
        ("authority", AnswerState.UNKNOWN, True),
        ("timing", AnswerState.UNKNOWN, False),
    ],
)
def test_what_meets_a_requirement(
    people: dict[str, User], key: str, state: str, is_met: bool
) -> None:
    item = held_item(people["sdr"])
    for other in set(BANT_REQUIRED) - {key}:
        answer(item.lead, other, people["sdr"])
    answer(item.lead, key, people["sdr"], state=state, value=None if state == "unknown" else "x")
    missing = missing_for_accept(item.lead, framework("bant"), now=NOW)
    assert missing == ([] if is_met else [Criterion.objects.get(key=key).label])


def test_contradicted_blocks_by_name(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer(item.lead, "system_in_use", people["sdr"], state="contradicted")
    answer(item.lead, "pain", people["sdr"], state="contradicted", value=None)
    checklist = checklist_of(item.lead, framework("bant"), now=NOW)
    assert [question.key for question in checklist.blocking] == ["pain"]


def test_it_counts(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer(item.lead, "budget", people["sdr"], state="unknown", value=None)
    answer(item.lead, "authority", people["sdr"], state="inferred")
    answer(item.lead, "pain", people["sdr"])
    answer(item.lead, "system_in_use", people["sdr"], state="contradicted")
    answer(item.lead, "timing", people["sdr"], state="unknown", value=None)
    checklist = checklist_of(item.lead, framework("bant"), now=NOW)
    assert (checklist.count, checklist.answered) == (14, 3)
    assert (checklist.required, checklist.required_met) == (4, 3)
    assert (checklist.n_confirmed, checklist.n_inferred, checklist.n_contradicted) == (1, 1, 1)
    assert checklist.n_unknown == 11
    assert not checklist.is_ready


def test_it_asks_required_ones_first_then_settles_contradictions(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    bant = framework("bant")
    asked = []
    for _ in range(20):
        question = suggest(checklist_of(item.lead, bant, now=NOW)).question
        if question is None:
            break
        asked.append(question.key)
        is_second = asked.count(question.key) == 2
        state = "contradicted" if question.key == "pain" and not is_second else "confirmed"
        values = {"contract_end": "2027-03-31", "budget_funds": "no"}
        known = {"value": values[question.key]} if question.key in values else {}
        answer(item.lead, question.key, people["sdr"], state=state, **known)
    assert asked == [
        "budget",
        "authority",
        "pain",
        "timing",
        "pain",
        "budget_funds",
        "budget_approval",
        "budget_conditions",
        "stakeholders",
        "decision_path",
        "system_in_use",
        "previous_tool",
        "if_nothing_changes",
        "trigger",
        "contract_end",
    ]


def test_the_default_framework_is_stored_at_first_use(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    assert framework_for(item, now=NOW).key == "bant"
    item.refresh_from_db()
    assert item.framework == framework("bant")
    Framework.objects.update(is_default=False)
    Framework.objects.filter(key="gpct").update(is_default=True)
    assert framework_for(item, now=NOW).key == "bant"
    assert framework_for(held_item(people["manager"]), now=NOW).key == "gpct"


def test_without_an_active_framework_it_says_so(people: dict[str, User]) -> None:
    Framework.objects.update(is_active=False)
    with pytest.raises(DecisionIncomplete, match="admin"):
        framework_for(held_item(people["sdr"]), now=NOW)


def test_switching_keeps_the_answers(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer_required(item.lead, people["sdr"])
    switch_framework(item=item, framework=framework("gpct"), by=people["sdr"], now=NOW + 3 * MINUTE)
    assert item.framework == framework("gpct")
    assert missing_for_accept(item.lead, framework_for(item, now=NOW), now=NOW) == [
        "Goals",
        "Plans",
    ]
    event = ItemEvent.objects.get(item=item, verb="framework:switched")
    assert (event.by, event.note) == (people["sdr"], "GPCT")
    switch_framework(item=item, framework=framework("bant"), by=people["sdr"], now=NOW + 4 * MINUTE)
    assert missing_for_accept(item.lead, framework_for(item, now=NOW), now=NOW) == []


def test_switching_is_refused(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    colleague = factories.person(Role.SDR, people["sdr"].team)
    with pytest.raises(PermissionDenied):
        switch_framework(item=item, framework=framework("gpct"), by=people["ae"], now=NOW)
    with pytest.raises(NotHolder):
        switch_framework(item=item, framework=framework("gpct"), by=colleague, now=NOW)
    Framework.objects.filter(key="gpct").update(is_active=False)
    with pytest.raises(DecisionIncomplete):
        switch_framework(item=item, framework=framework("gpct"), by=people["sdr"], now=NOW)


def test_the_page_costs_two_queries(
    people: dict[str, User], django_assert_num_queries: object
) -> None:
    item = held_item(people["sdr"])
    answer_required(item.lead, people["sdr"])
    bant = framework("bant")
    with django_assert_num_queries(2):  # type: ignore[operator]
        checklist_of(item.lead, bant, now=NOW)
