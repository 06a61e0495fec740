"""Reads of the ORM that are planned once a connection answer as they would without."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F, Q, QuerySet, Value

from crm.models import Team
from qualification import prepared
from tests import factories

pytestmark = pytest.mark.django_db


def planned(word: str) -> list[str]:
    """What PostgreSQL holds prepared on this connection with this word in it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT statement FROM pg_prepared_statements WHERE strpos(statement, %s) > 0", [word]
        )
        return [statement for (statement,) in cursor.fetchall()]


def read(rows: QuerySet[Team]) -> list[str]:
    with prepared.planned_once():
        return list(rows.all().values_list("name", flat=True))


@pytest.fixture(autouse=True)
def teams() -> None:
    for name in ("50% off", "O'Neil", "$1 shop", "%s", "back\\slash", "Nord"):
        factories.TeamFactory(name=name)


@pytest.fixture
def word() -> str:
    """In no statement before: tests share a connection and its plans."""
    return f"word-{uuid4()}"


@pytest.mark.parametrize(
    "condition",
    [
        Q(name="O'Neil"),
        Q(name="%s"),
        Q(name="$1 shop"),
        Q(name="back\\slash"),
        Q(name__contains="%"),
        Q(name__icontains="o'n"),
        Q(name__in=["Nord", "50% off"]),
        Q(pk__gt=0),
        Q(pk__in=[]),
    ],
    ids=str,
)
def test_it_answers_the_same_every_time(condition: Q) -> None:
    rows = Team.objects.filter(condition).order_by("name")
    expected = list(rows.values_list("name", flat=True))
    assert [read(rows) for _ in range(8)] == [expected] * 8


def test_percent_signs_of_the_statement_itself_stay() -> None:
    rows = Team.objects.annotate(rest=F("pk") % Value(2)).filter(rest__gte=0).order_by("pk")
    expected = list(rows.values_list("name", flat=True))
    assert [read(rows) for _ in range(3)] == [expected] * 3


def test_it_plans_what_comes_again(word: str) -> None:
    read(Team.objects.filter(name=word))
    assert planned(word) == []
    read(Team.objects.filter(name=word))
    assert len(planned(word)) == 1


def test_numbers_share_a_plan_and_texts_stand_in_it(word: str) -> None:
    for pk in (1, 2, 3):
        read(Team.objects.filter(pk=pk, name=word))
    (statement,) = planned(word)
    assert "$1" in statement


def test_words_that_are_searched_once_leave_no_plan(word: str) -> None:
    for number in range(prepared.MOST_SEEN + 5):
        read(Team.objects.filter(name=f"{word} {number}"))
    assert planned(word) == []


def test_writing_inside_stays_as_it_is(word: str) -> None:
    with prepared.planned_once():
        for name in (word, "Ost"):
            Team.objects.filter(name__in=["Nord", word]).update(name=name)
    assert Team.objects.filter(name="Ost").exists()
    assert planned(word) == []


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_plans_anew(word: str) -> None:
    rows = Team.objects.filter(name=word)
    for _ in range(2):
        read(rows)
    connection.close()
    read(rows)
    assert planned(word) == []
    read(rows)
    assert len(planned(word)) == 1
