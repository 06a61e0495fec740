"""Fixtures every test may use: shipped policy rows, people of each role, jobs, a fixed clock."""

from __future__ import annotations

import datetime as dt
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from crm.models import Team, User
from crm.roles import Role
from tests import factories

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Transactional tests empty every table, which the chain refuses: tests of that switch the
    trigger on again. What starts an installation of its own copies the tables as they are now."""
    with django_db_blocker.unblock():
        os.environ["MIGRATED_DATABASE"] = kept = _copy_of_the_tables()
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE qualification_auditentry DISABLE TRIGGER leadqual_audit_whole"
            )
    yield
    with django_db_blocker.unblock(), connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{kept}"')


def _copy_of_the_tables() -> str:
    """The name of a second database, as migrations left the one of the tests."""
    name = connection.settings_dict["NAME"]
    connection.close()  # nobody may be in a database that is copied
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}_migrated"')
        cursor.execute(f'CREATE DATABASE "{name}_migrated" TEMPLATE "{name}"')
    return f"{name}_migrated"


@pytest.fixture
def now() -> dt.datetime:
    """A Monday morning; tests move from here."""
    return NOW


@pytest.fixture(autouse=True)
def shipped_policy(request: pytest.FixtureRequest) -> None:
    """Transactional tests empty every table, also for whoever comes after them in the same worker:
    put back the rows that migrations ship."""
    marker = request.node.get_closest_marker("django_db")
    wants_transactions = bool(marker and marker.kwargs.get("transaction"))
    wants_transactions |= "transactional_db" in request.fixturenames
    if marker or wants_transactions or "db" in request.fixturenames:
        request.getfixturevalue("transactional_db" if wants_transactions else "db")
        if not Team.objects.filter(is_fallback=True).exists():
            for name in (
                "0002_shipped_policy",
                "0006_shipped_segments",
                "0008_around_the_clock",
                "0012_follow_up_and_wake_conditions",
            ):
                importlib.import_module(f"qualification.migrations.{name}").ship(apps, None)
            name = "qualification.migrations.0010_routing_pools_rules_and_assignments"
            importlib.import_module(name).mark_what_returns_credit(apps, None)
            name = "qualification.migrations.0015_checklists_by_rule_and_version"
            importlib.import_module(name).ship_questions(apps, None)
            importlib.import_module(name).publish_shipped(apps, None)
            name = "qualification.migrations.0032_destinations_in_the_chain"
            importlib.import_module(name).ship(apps, None)


@pytest.fixture
def team(db: None) -> Team:
    """The team the people of a test belong to."""
    return factories.TeamFactory(name="EMEA")


@pytest.fixture
def people(team: Team) -> dict[str, User]:
    """One active person per role, all of the same team."""
    return {role: factories.person(role, team) for role in Role.values}


@pytest.fixture
def login(client: Client) -> Callable[[User], Client]:
    """Logs somebody in on the test client and returns it."""

    def as_user(user: User) -> Client:
        client.force_login(user, backend="crm.log_in.PersonBackend")
        return client

    return as_user


@pytest.fixture
def run_jobs(
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]],
) -> Callable[[], AbstractContextManager[Any]]:
    """`with run_jobs():` executes what the block put off until after the commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
