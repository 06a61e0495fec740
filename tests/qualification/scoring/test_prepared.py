"""Statements planned once a connection: which are, and that no version is taken for another."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection, transaction

from qualification import prepared
from qualification.scoring import drafts
from qualification.scoring.ledger import ledger_of
from tests.factories import LeadFactory
from tests.qualification.scoring.conftest import LoadModel, document, rule

pytestmark = pytest.mark.django_db
TITLE = {"subject": "lead.title", "op": "contains", "value": "100%"}


def known(part: str) -> set[str]:
    """Names of statements PostgreSQL holds for this connection."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM pg_prepared_statements WHERE name LIKE %s", [f"leadqual_{part}%"]
        )
        return {name for (name,) in cursor.fetchall()}


def test_places_are_numbered_in_the_order_they_occur() -> None:
    sql = "SELECT %(b)s, %(a)s, %(b)s, %(rule)s"
    assert prepared.names_in(sql) == ("b", "a", "rule")
    assert prepared.numbered(sql, ["b", "a"]) == "SELECT $1, $2, $1, %(rule)s"


def test_it_is_prepared_once_and_outlives_a_rollback() -> None:
    asked = []

    def text() -> str:
        asked.append(1)
        return "SELECT $1::int + 1"

    name = "leadqual_test_once"
    with connection.cursor() as cursor:
        with transaction.atomic():
            prepared.prepare(cursor, name, text)
            transaction.set_rollback(True)
        for value in (1, 2):
            prepared.prepare(cursor, name, text)
            prepared.execute(cursor, name, [value])
            assert cursor.fetchone() == (value + 1,)
    assert asked == [1]


def test_a_live_version_is_prepared_under_its_own_name(
    load_model: LoadModel, now: dt.datetime
) -> None:
    lead = LeadFactory(title="100% sure")
    totals = []
    for points in (10, 20):
        model = load_model(document(rule(when=TITLE, points=points)), activate=True)
        totals.append(ledger_of(lead.pk, model=model, now=now).total_tenths)
        assert any(f"_now_{model.pk}_" in name for name in known("lines"))
    assert totals == [100, 200]


def test_a_draft_is_not_for_it_can_still_change(load_model: LoadModel, now: dt.datetime) -> None:
    lead = LeadFactory(title="100% sure")
    live = load_model(document(rule(when=TITLE, points=10)), activate=True)
    draft = drafts.copy_to_draft(model=live, by=None, now=now)
    key = draft.rules.get().key
    before = known("lines")
    for points in (30, 40):
        drafts.change_points(draft=draft, rule_key=key, points=points, by=None, now=now)
        assert ledger_of(lead.pk, model=draft, now=now).total_tenths == points * 10
    assert known("lines") == before
