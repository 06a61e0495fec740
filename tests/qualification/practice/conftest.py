"""Past decisions of a team, made through the same doors as real work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import Team, User
from qualification.models import Decision
from tests import factories
from tests.qualification.practice.past_leads import decided

Make = Callable[..., Decision]


@pytest.fixture
def here() -> dt.datetime:
    """The wall clock: views look at it."""
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def colleague(team: Team) -> User:
    """Whoever decided."""
    return factories.person("sdr", team, first_name="Zebedee", last_name="Quillfeather")


@pytest.fixture
def past(colleague: User, people: dict[str, User], here: dt.datetime) -> Make:
    """Makes a decision of the colleague, 30 days old."""

    def make(kind: str = "accept", **fields: object) -> Decision:
        given = {"by": colleague, "ae": people["ae"], "at": here - dt.timedelta(days=30), **fields}
        return decided(kind, **given)  # type: ignore[arg-type]

    return make


@pytest.fixture
def five(past: Make) -> list[Decision]:
    """Enough for a round of five: three accepts, two rejects."""
    return [past(kind) for kind in ("accept", "reject", "accept", "reject", "accept")]


@pytest.fixture
def sdr(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    """A browser of the trainee."""
    return login(people["sdr"])
