"""All points on one page, changed by one form; and how far the rules reach."""

from __future__ import annotations

from decimal import Decimal

from django.test import Client

from qualification.models import ModelChange, ScoringModel
from tests.qualification.admin.support import rule_of


def path_of(model: ScoringModel) -> str:
    return f"/admin/qualification/scoringmodel/{model.pk}/matrix/"


def test_it_changes_several_points_at_once(admin: Client, draft: ScoringModel) -> None:
    director, far = rule_of(draft, "director"), rule_of(draft, "far-away")
    data = {f"points-{director.pk}": "30.5", f"points-{far.pk}": "−7"}
    assert admin.post(path_of(draft), data).status_code == 302
    assert [rule.points for rule in draft.rules.all()] == [Decimal("30.5"), Decimal("-7.0")]
    assert ModelChange.objects.filter(model=draft).count() == 2


def test_one_wrong_number_and_nothing_is_saved(admin: Client, draft: ScoringModel) -> None:
    director, far = rule_of(draft, "director"), rule_of(draft, "far-away")
    data = {f"points-{director.pk}": "30.5", f"points-{far.pk}": "a lot"}
    response = admin.post(path_of(draft), data)
    assert response.status_code == 422
    assert "Write a number" in response.content.decode()
    assert rule_of(draft, "director").points == 25
    assert not ModelChange.objects.exists()


def test_unchanged_points_are_no_edit(admin: Client, draft: ScoringModel) -> None:
    data = {f"points-{rule.pk}": str(rule.points) for rule in draft.rules.all()}
    assert admin.post(path_of(draft), data).status_code == 302
    assert not ModelChange.objects.exists()


def test_it_never_changes_what_is_live(admin: Client, live: ScoringModel) -> None:
    rule = rule_of(live, "director")
    assert admin.post(path_of(live), {f"points-{rule.pk}": "1"}).status_code == 302
    assert rule_of(live, "director").points == 25
    page = admin.get(path_of(live)).content.decode()
    assert f"points-{rule.pk}" not in page


def test_it_says_which_grades_can_be_reached(admin: Client, draft: ScoringModel) -> None:
    page = admin.get(path_of(draft)).context
    reached = {grade for row in page["grades"] for grade, _tier, is_reached in row if is_reached}
    # Fit from −5 to 25: B, C or D; nothing gives intent.
    assert reached == {"B4", "C4", "D4"}
