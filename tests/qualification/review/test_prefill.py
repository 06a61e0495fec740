"""Answers that came with a message: inferred, named by their source, never over a person's word."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from crm.intake.inbox import store_message
from crm.models import InboxMessage, Lead, Source, User
from qualification import pipeline
from qualification.choices import AnswerState
from qualification.models import ChecklistAnswer
from qualification.review.checklists import current_answers
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import answer, held_item

DAY = dt.timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(db: None) -> Source:
    return factories.SourceFactory(name="site chat")


def take(chat: Source, answers: Any, now: dt.datetime = NOW, **more: Any) -> InboxMessage:
    """One message of a chat, processed."""
    said = {"email": "ana@brightwater.com", "type": "chat", "answers": answers} | more
    message, _is_new = store_message(
        source=chat,
        event_key=f"test:{InboxMessage.objects.count()}",
        body=json.dumps(said).encode(),
        content_type="application/json",
        now=now,
    )
    return pipeline.process(message.pk, now=now)


def standing(lead: Lead, key: str) -> tuple[object, str, str]:
    found = current_answers(lead)[key]
    return found.value, found.state, found.source


def test_it_stands_as_inferred_with_its_source(chat: Source) -> None:
    message = take(chat, {"pain": "Late freight", "budget_funds": True, "timing": ""})
    assert message.error == ""
    assert standing(message.lead, "pain") == ("Late freight", AnswerState.INFERRED, "site chat")
    assert standing(message.lead, "budget_funds")[0] is True
    assert "timing" not in current_answers(message.lead)


def test_what_our_people_wrote_stays(chat: Source, people: dict[str, User]) -> None:
    item = held_item(people["sdr"], email="ana@brightwater.com", email_key="ana@brightwater.com")
    answer(item.lead, "pain", people["sdr"], value="Costs")
    take(chat, {"pain": "Late freight"}, NOW + DAY)
    assert standing(item.lead, "pain") == ("Costs", AnswerState.CONFIRMED, "Call")


def test_the_later_word_of_the_person_counts(chat: Source) -> None:
    later = (NOW - DAY).isoformat()
    message = take(chat, {"pain": "Costs"}, occurred_at=later)
    take(chat, {"pain": "Late freight"}, occurred_at=(NOW - 3 * DAY).isoformat())
    assert standing(message.lead, "pain")[0] == "Costs"
    take(chat, {"pain": "Quality"})
    assert standing(message.lead, "pain")[0] == "Quality"
    assert ChecklistAnswer.objects.count() == 2


def test_the_same_again_changes_nothing(chat: Source) -> None:
    take(chat, {"pain": "Costs"})
    take(chat, {"pain": "Costs"})
    assert ChecklistAnswer.objects.count() == 1


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        ({"shoe_size": 42}, "nothing is asked by that name"),
        ({"contract_end": "soon"}, "enter a date"),
        ({"budget_funds": "perhaps"}, "answer yes or no"),
        ({"pain": ["a", "b"]}, "not a plain value"),
        ({"pain": {"a": 1}}, "not a plain value"),
        ({"pain": "x" * 1001}, "at most 1000 characters"),
    ],
)
def test_what_cannot_be_used_is_noted_and_the_rest_taken(
    chat: Source, answers: dict[str, Any], note: str
) -> None:
    message = take(chat, answers | {"timing": "This year"})
    assert message.state == InboxMessage.State.DONE
    assert note in message.error
    assert standing(message.lead, "timing")[0] == "This year"


def test_answers_that_are_no_object_set_the_message_aside(chat: Source) -> None:
    message = take(chat, ["pain"])
    assert message.state == InboxMessage.State.QUARANTINED
    assert "answers: not an object" in message.error
