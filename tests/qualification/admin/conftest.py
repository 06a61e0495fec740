"""A live version of two rules, a draft like it, an admin at the door."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import ScoringModel
from qualification.scoring import document, drafts, versions

RULES = b"""
name: Two rules
thresholds: {mql: 20, fit: {A: 30, B: 20, C: 10}, intent: {1: 30, 2: 20, 3: 10}}
rules:
  - {name: Director, dimension: fit, points: 25,
     when: {subject: lead.title, op: contains, value: director}}
  - {name: Far away, dimension: fit, points: -5,
     when: {subject: lead.country, op: is_one_of, value: [Elsewhere]}}
"""


@pytest.fixture
def admin(people: dict[str, User], login: Callable[[User], Client]) -> Client:
    """The test client as an admin."""
    return login(people["admin"])


@pytest.fixture
def live(db: None) -> ScoringModel:
    """A live version."""
    draft = drafts.load_draft(document.read_document(RULES), by=None, now=timezone.now())
    return versions.activate_as_operator(model=draft, now=timezone.now())


@pytest.fixture
def draft(live: ScoringModel, admin: Client) -> ScoringModel:
    """A draft like the live version, made by the admin's action."""
    admin.post(
        "/admin/qualification/scoringmodel/",
        {"action": "copy_to_draft", "_selected_action": [live.pk]},
    )
    return ScoringModel.objects.get(status="draft")
