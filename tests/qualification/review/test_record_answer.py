"""Answers: append-only with one current row, typed, by people who may, renewing the claim."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from crm.models import Lead, User
from crm.roles import Role
from qualification.choices import AnswerState, ItemState
from qualification.exceptions import AnswerInvalid, NotHolder
from qualification.models import ChecklistAnswer, Criterion, ScoringDue
from qualification.review.checklists import record_answer
from qualification.review.claims import claim_item
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, active_model, held_item, waiting_item
from tests.qualification.queue_support import all_done

pytestmark = pytest.mark.django_db


def record(lead: Lead, by: User | None, key: str = "budget", **changes: Any) -> ChecklistAnswer:
    given = {
        "value": "€120k",
        "state": AnswerState.CONFIRMED,
        "source": "Call",
        "answered_on": NOW.date(),
        "now": NOW + 3 * MINUTE,
    } | changes
    return record_answer(lead=lead, criterion=Criterion.objects.get(key=key), by=by, **given)


def typed(key: str, value_type: str) -> Criterion:
    return Criterion.objects.create(key=key, label=key.title(), value_type=value_type)


def test_it_records(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer = record(item.lead, people["sdr"], evidence_url=" https://calls.example/1 ")
    stored = ChecklistAnswer.objects.get(pk=answer.pk)
    assert (stored.value, stored.state, stored.source, stored.answered_on, stored.by) == (
        "€120k",
        "confirmed",
        "Call",
        NOW.date(),
        people["sdr"],
    )
    assert stored.evidence_url == "https://calls.example/1"
    assert stored.superseded_at is None


def test_a_new_answer_supersedes_the_old_one(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    first = record(item.lead, people["sdr"])
    second = record(item.lead, people["sdr"], value="€80k", now=NOW + 4 * MINUTE)
    first.refresh_from_db()
    assert first.value == "€120k"
    assert first.superseded_at == NOW + 4 * MINUTE
    assert second.superseded_at is None


def test_the_same_answer_again_adds_nothing(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    first = record(item.lead, people["sdr"])
    assert record(item.lead, people["sdr"], now=NOW + 4 * MINUTE) == first
    assert ChecklistAnswer.objects.count() == 1


@pytest.mark.parametrize(
    ("value_type", "given", "stored"),
    [
        ("text", "  by hand ", "by hand"),
        ("person", "Stefan Krüger", "Stefan Krüger"),
        ("boolean", "yes", True),
        ("boolean", "No", False),
        ("boolean", True, True),
        ("number", "1 200", 1200),
        ("number", "2.5", 2.5),
        ("number", -3, -3),
        ("date", "2027-03-01", "2027-03-01"),
        ("date", dt.date(2027, 3, 1), "2027-03-01"),
    ],
)
def test_it_types_the_value(
    people: dict[str, User], value_type: str, given: object, stored: object
) -> None:
    item = held_item(people["sdr"])
    typed("extra", value_type)
    answer = record(item.lead, people["sdr"], "extra", value=given)
    answer.refresh_from_db()
    assert answer.value == stored
    assert type(answer.value) is type(stored)


@pytest.mark.parametrize(
    ("value_type", "given"),
    [
        ("boolean", "perhaps"),
        ("number", "many"),
        ("number", "NaN"),
        ("number", "9" * 400),
        ("number", True),
        ("date", "next spring"),
        ("date", "2027-02-30"),
        ("text", "   "),
        ("text", None),
        ("text", "a\x00b"),
        ("text", "x" * 1001),
    ],
)
def test_it_refuses_a_bad_value_naming_the_question(
    people: dict[str, User], value_type: str, given: object
) -> None:
    item = held_item(people["sdr"])
    typed("extra", value_type)
    with pytest.raises(AnswerInvalid, match=r"^Extra: "):
        record(item.lead, people["sdr"], "extra", value=given)
    assert not ChecklistAnswer.objects.exists()


def test_unknown_is_an_answer_without_a_value(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer = record(item.lead, people["sdr"], value="", state="unknown", source="")
    assert (answer.value, answer.state) == (None, AnswerState.UNKNOWN)
    with pytest.raises(AnswerInvalid, match="Budget: “Unknown” has no value"):
        record(item.lead, people["sdr"], value="some", state="unknown")


def test_confirmed_no_is_an_answer(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    typed("extra", "boolean")
    answer = record(item.lead, people["sdr"], "extra", value="no")
    assert (answer.value, answer.state) == (False, AnswerState.CONFIRMED)


@pytest.mark.parametrize(
    "changes",
    [{"state": "certain"}, {"source": " "}, {"answered_on": NOW.date() + dt.timedelta(days=1)}],
)
def test_it_refuses_what_is_no_evidence(people: dict[str, User], changes: dict[str, Any]) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(AnswerInvalid, match=r"^Budget: "):
        record(item.lead, people["sdr"], **changes)


def test_it_renews_the_claim(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    record(item.lead, people["sdr"], now=NOW + 20 * MINUTE)
    item.refresh_from_db()
    assert item.lease_until == NOW + 50 * MINUTE


def test_a_claim_that_ran_out_is_not_renewed(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    record(item.lead, people["sdr"], now=NOW + 40 * MINUTE)
    item.refresh_from_db()
    assert item.lease_until == NOW + 31 * MINUTE


@pytest.mark.parametrize("role", [Role.AE, Role.MARKETING])
def test_it_refuses_the_wrong_role(people: dict[str, User], role: str) -> None:
    item = held_item(people["sdr"])
    with pytest.raises(PermissionDenied):
        record(item.lead, people[role])


def test_it_refuses_what_is_in_other_hands(people: dict[str, User]) -> None:
    colleague = factories.person(Role.SDR, people["sdr"].team)
    item = held_item(people["sdr"])
    with pytest.raises(NotHolder, match="Maya holds this lead"):
        record(item.lead, colleague)
    assert record(item.lead, people["manager"]).by == people["manager"]


def test_it_refuses_another_team(people: dict[str, User]) -> None:
    stranger = factories.person(Role.SDR, factories.TeamFactory())
    with pytest.raises(NotHolder):
        record(waiting_item(people["sdr"].team).lead, stranger)


def test_the_system_may_answer(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    assert record(item.lead, None, source="Demo form").by is None


def test_the_lead_is_scored_again_if_a_rule_reads_the_answer(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    ScoringDue.objects.all().delete()
    active_model(condition={"subject": "checklist.budget.state", "op": "is", "value": "confirmed"})
    record(item.lead, people["sdr"], "pain")
    assert not ScoringDue.objects.exists()
    record(item.lead, people["sdr"], "budget")
    assert ScoringDue.objects.filter(lead=item.lead).exists()


def test_the_database_refuses_a_second_current_answer(people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer = record(item.lead, people["sdr"])
    answer.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        answer.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_leave_one_current_answer(people: dict[str, User]) -> None:
    item = claim_item(item=waiting_item(people["sdr"].team), by=people["sdr"], now=NOW + MINUTE)
    all_done([lambda n=n: record(item.lead, people["sdr"], value=f"€{n}k") for n in range(4)])

    answers = ChecklistAnswer.objects.filter(lead=item.lead)
    assert (answers.count(), answers.filter(superseded_at=None).count()) == (4, 1)
    item.refresh_from_db()
    assert item.state == ItemState.CLAIMED
