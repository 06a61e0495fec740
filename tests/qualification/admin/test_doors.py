"""Every page and verb of scoring in the admin is for the role admin, whoever else asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from crm.models import User
from qualification.models import RuleReview, ScoringModel, ScoringRun
from qualification.permissions import RIGHTS, Right
from tests.qualification.admin.support import rule_of

# (URL name, what it takes, method)
DOORS = [
    ("scoring_import", "", "get"),
    ("scoring_import", "", "post"),
    ("scoring_export", "model", "get"),
    ("scoring_matrix", "model", "get"),
    ("scoring_matrix", "model", "post"),
    ("scoring_trial", "model", "get"),
    ("scoring_impact", "model", "get"),
    ("scoring_impact", "model", "post"),
    ("scoring_usage", "model", "get"),
    ("scoring_usage", "model", "post"),
    ("scoring_run_progress", "model", "get"),
    ("scoring_rule_check", "", "post"),
    ("scoring_rule_review", "rule", "post"),
    ("qualification_scoringmodel_change", "model", "get"),
    ("qualification_scoringrule_change", "rule", "get"),
    ("qualification_scoringrule_changelist", "", "get"),
    ("qualification_rulereview_changelist", "", "get"),
]
WRONG_METHODS = [
    ("scoring_export", "model", "post"),
    ("scoring_trial", "model", "post"),
    ("scoring_run_progress", "model", "post"),
    ("scoring_rule_check", "", "get"),
    ("scoring_rule_review", "rule", "get"),
]


def path_of(name: str, takes: str, model: ScoringModel) -> str:
    ids = {"": [], "model": [model.pk], "rule": [rule_of(model, "director").pk]}
    return reverse(f"admin:{name}", args=ids[takes])


@pytest.mark.parametrize("role", ["sdr", "ae", "manager", "marketing"])
def test_others_are_sent_to_the_login(
    live: ScoringModel, people: dict[str, User], login: Callable[[User], Client], role: str
) -> None:
    # Being staff to Django opens nothing: the role does.
    people[role].is_staff = True
    people[role].save()
    client = login(people[role])
    for name, takes, method in DOORS:
        response = getattr(client, method)(path_of(name, takes, live))
        assert response.status_code in {302, 403}, name
        assert response.status_code == 403 or "/login/" in response["Location"], name
    assert not RuleReview.objects.exists()
    assert not ScoringRun.objects.exclude(kind="rescore").exists()


def test_strangers_are_sent_to_the_login(live: ScoringModel, client: Client) -> None:
    for name, takes, method in DOORS:
        response = getattr(client, method)(path_of(name, takes, live))
        assert response.status_code == 302, name
        assert "/login/" in response["Location"], name


def test_other_methods_are_refused(live: ScoringModel, admin: Client) -> None:
    for name, takes, method in WRONG_METHODS:
        assert getattr(admin, method)(path_of(name, takes, live)).status_code == 405, name


def test_only_admins_edit_scoring() -> None:
    assert [role for role, rights in RIGHTS.items() if Right.EDIT_SCORING in rights] == ["admin"]


def test_what_is_not_there_is_not_found(live: ScoringModel, admin: Client) -> None:
    for name, takes, method in DOORS:
        if takes and name.startswith("scoring_"):
            path = reverse(f"admin:{name}", args=[987_654_321])
            assert getattr(admin, method)(path).status_code == 404, name
