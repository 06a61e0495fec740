"""Drafts are edited in the admin as a whole; what is published cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import ModelChange, ScoringModel, ScoringRule
from qualification.scoring import document, drafts, versions

pytestmark = pytest.mark.django_db
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
def live() -> ScoringModel:
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


def form_data(client: Client, model: ScoringModel) -> dict[str, Any]:
    """What the browser would submit if nothing was touched."""
    context = client.get(path_of(model)).context
    data: dict[str, Any] = {}
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if isinstance(value, dict | list):
                value = json.dumps(value)
            data[bound.html_name] = "" if value is None else value
    return data


def path_of(model: ScoringModel) -> str:
    """The change page of a version."""
    return f"/admin/qualification/scoringmodel/{model.pk}/change/"


def field_of(data: dict[str, Any], rule: str, field: str) -> str:
    """Name of the input that holds this field of the rule with this name."""
    name = next(key for key, value in data.items() if key.endswith("-name") and value == rule)
    return name.removesuffix("-name") + f"-{field}"


def test_it_edits_points_and_names_the_author(
    admin: Client, draft: ScoringModel, people: dict[str, User]
) -> None:
    data = form_data(admin, draft)
    data[field_of(data, "Director", "points")] = "17.5"
    assert admin.post(path_of(draft), data).status_code == 302
    rule = ScoringRule.objects.get(model=draft, key="director")
    assert rule.points == 17.5
    assert people["admin"].pk in versions.authors_of(draft)
    assert ModelChange.objects.filter(model=draft, text__contains="Director").exists()


def test_it_adds_a_rule_with_a_key(admin: Client, draft: ScoringModel) -> None:
    data = form_data(admin, draft)
    data["rules-TOTAL_FORMS"] = int(data["rules-TOTAL_FORMS"]) + 1
    data |= {
        "rules-2-id": "",
        "rules-2-model": draft.pk,
        "rules-2-position": "9",
        "rules-2-name": "Near us",
        "rules-2-dimension": "fit",
        "rules-2-condition": "{subject: lead.country, op: is, value: Germany}",
        "rules-2-points": "4",
        "rules-2-group": "",
        "rules-2-disqualifies": "",
    }
    assert admin.post(path_of(draft), data).status_code == 302
    assert ScoringRule.objects.get(model=draft, key="near-us").condition["op"] == "is"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("{subject: lead.title, op: sounds_like, value: x}", "sounds_like"),
        ("{all: []}", "all"),
        ("{subject: attributes.age, op: at_least, value: 3}", "age"),
        ("{subject: [", "YAML"),
    ],
)
def test_it_refuses_what_a_file_would_be_refused_for(
    admin: Client, draft: ScoringModel, condition: str, words: str
) -> None:
    data = form_data(admin, draft)
    data[field_of(data, "Director", "condition")] = condition
    response = admin.post(path_of(draft), data)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert ScoringRule.objects.get(model=draft, key="director").condition["op"] == "contains"


def test_it_refuses_to_change_what_is_live(admin: Client, live: ScoringModel) -> None:
    assert admin.get(path_of(live)).status_code == 200
    assert admin.post(path_of(live), {"name": "Other"}).status_code == 403
    live.refresh_from_db()
    assert live.name == "Two rules"


def test_it_deletes_a_draft_only(admin: Client, live: ScoringModel, draft: ScoringModel) -> None:
    base = "/admin/qualification/scoringmodel/"
    assert admin.post(f"{base}{live.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.post(f"{base}{draft.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(ScoringModel.objects.all()) == [live]
