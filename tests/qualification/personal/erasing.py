"""A person with something in every table, and the moment of their erasure."""

from __future__ import annotations

import pytest

from crm.models import Lead, User
from tests.qualification.audit.test_chain import settle
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary

LATER = NOW + 20 * MINUTE


@pytest.fixture
def lead(people: dict[str, User]) -> Lead:
    walked = canary.walk(people)
    settle()
    return walked
