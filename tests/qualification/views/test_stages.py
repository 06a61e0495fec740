"""“How a lead moves”: every stage and each move PostgreSQL allows, by the figures that are live."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from crm.models import User
from crm.stages import Stage
from qualification.models import DestinationField, Framework
from tests import factories
from tests.qualification.queue_support import active_model

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]


def rules(client: Client) -> dict[str, object]:
    response = client.get("/stages/")
    assert response.status_code == 200
    return {rule.stage.value: rule for rule in response.context["rules"]}


def entering(client: Client, stage: str) -> str:
    return " ".join(rules(client)[stage].enters)  # type: ignore[attr-defined]


def moves_of_the_database() -> set[tuple[str, str]]:
    """Each move that PostgreSQL lets through, tried on a lead."""
    lead = factories.LeadFactory()
    pairs = itertools.permutations(Stage.values, 2)
    return {(start, end) for start, end in pairs if _may_move(lead.pk, start, end)}


def _may_move(pk: int, start: str, end: str) -> bool:
    move = "UPDATE crm_lead SET stage = %s, disqualified_by = %s WHERE id = %s"
    whom = {"disqualified": "person"}
    with connection.cursor() as cursor:
        # Put there without the trigger, then moved with it.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(move, [start, whom.get(start, ""), pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
        try:
            with transaction.atomic():
                cursor.execute(move, [end, whom.get(end, ""), pk])
        except DatabaseError:
            return False
    return True


def test_the_arrows_are_those_the_database_allows(people: dict[str, User], login: Login) -> None:
    found = rules(login(people["sdr"]))
    onward = {(name, end.value) for name, rule in found.items() for end in rule.goes_to}  # type: ignore[attr-defined]
    backward = {(start.value, name) for name, rule in found.items() for start in rule.comes_from}  # type: ignore[attr-defined]
    assert onward == backward == moves_of_the_database()


def test_the_line_is_that_of_the_live_rules(people: dict[str, User], login: Login) -> None:
    client = login(people["sdr"])
    assert "Rules are live and its score reaches their line" in entering(client, "mql")
    model = active_model(mql=41)
    assert re.search(
        rf"reaches 41(\.0)?, the line of rules v{model.version}", entering(client, "mql")
    )


def test_accepting_names_what_each_checklist_and_destination_asks(
    people: dict[str, User], login: Login
) -> None:
    client = login(people["ae"])
    before = entering(client, "sql")
    assert "By BANT: Budget, Authority, Need and Timing are answered." in before
    assert "Revenue" not in before
    Framework.objects.exclude(key="bant").update(is_active=False)
    DestinationField.objects.all().delete()
    DestinationField.objects.create(target="team", subject="account.revenue")
    after = entering(client, "sql")
    assert "MEDDIC" not in after
    assert "Desk of a team: Revenue must be known" in after


def test_settings_are_those_in_force(
    people: dict[str, User], login: Login, settings: pytest.FixtureRequest
) -> None:
    client = login(people["manager"])
    assert "two people" not in entering(client, "disqualified")
    settings.HOT_REJECTS_NEED_TWO = True  # type: ignore[attr-defined]
    settings.LEADQUAL = {**settings.LEADQUAL, "CLAIM_LIMIT": 7, "MIN_ATTEMPTS": 1}  # type: ignore[attr-defined]
    assert "two people" in entering(client, "disqualified")
    assert "needs 1 attempt." in entering(client, "disqualified")
    assert "nobody holds more than 7" in entering(client, "working")
