"""A team of three to route to."""

from __future__ import annotations

import pytest

from crm.models import Team, User
from tests import factories


@pytest.fixture
def aisha(team: Team) -> User:
    return factories.person("sdr", team, first_name="Aisha")


@pytest.fixture
def ben(team: Team) -> User:
    return factories.person("sdr", team, first_name="Ben")


@pytest.fixture
def chen(team: Team) -> User:
    return factories.person("sdr", team, first_name="Chen")
