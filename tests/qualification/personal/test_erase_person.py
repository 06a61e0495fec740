"""Erasing a person: nothing of them is left in any column, and what was decided still stands."""

from __future__ import annotations

import pytest

from crm.models import Lead, User
from qualification.audit.verify import verify
from qualification.invariants import violations
from qualification.personal import inventory
from tests.qualification.audit.test_chain import settle
from tests.qualification.decision_support import MINUTE, NOW
from tests.qualification.personal import canary

pytestmark = pytest.mark.django_db
LATER = NOW + 20 * MINUTE


@pytest.fixture
def lead(people: dict[str, User]) -> Lead:
    return canary.walk(people)


def test_nothing_of_the_person_is_left_anywhere(lead: Lead, people: dict[str, User]) -> None:
    held = {place.partition(".")[0] for place in canary.found()}
    expected = {entry.table for entry in inventory.HELD if entry.blank or entry.scrub or entry.goes}
    print(sorted(expected - held), sorted(held - expected))
    canary.erased(lead, people, now=LATER)
    assert canary.found() == []
    settle()
    assert verify().breaks == []
    assert violations(now=LATER) == []
