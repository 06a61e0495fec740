"""The page of a version: sentences, points and order in place; what is live can only be read."""

from __future__ import annotations

from django.test import Client

from crm.models import User
from qualification.models import ModelChange, ScoringModel, ScoringRule
from qualification.scoring import versions
from tests.qualification.admin.support import field_of, form_data, rule_of, version_path


def test_it_shows_each_rule_as_a_sentence(admin: Client, draft: ScoringModel) -> None:
    page = admin.get(version_path(draft)).content.decode()
    assert "+25.0 fit when title contains “director”" in page
    assert "−5.0 fit when country is Elsewhere" in page


def test_it_edits_points_and_names_the_author(
    admin: Client, draft: ScoringModel, people: dict[str, User]
) -> None:
    data = form_data(admin, version_path(draft))
    data[field_of(data, rule_of(draft, "director"), "points")] = "17.5"
    assert admin.post(version_path(draft), data).status_code == 302
    assert rule_of(draft, "director").points == 17.5
    assert people["admin"].pk in versions.authors_of(draft)
    change = ModelChange.objects.get(model=draft)
    assert change.text == "Director: +25.0 → +17.5"


def test_it_changes_the_order(admin: Client, draft: ScoringModel) -> None:
    data = form_data(admin, version_path(draft))
    data[field_of(data, rule_of(draft, "director"), "position")] = "9"
    assert admin.post(version_path(draft), data).status_code == 302
    assert [rule.key for rule in draft.rules.all()] == ["far-away", "director"]
    assert ModelChange.objects.get(model=draft).text == "Director: position 1 → 9"


def test_it_deletes_a_rule_in_words(admin: Client, draft: ScoringModel) -> None:
    data = form_data(admin, version_path(draft))
    data[field_of(data, rule_of(draft, "far-away"), "DELETE")] = "on"
    assert admin.post(version_path(draft), data).status_code == 302
    assert [rule.key for rule in draft.rules.all()] == ["director"]
    assert ModelChange.objects.get(model=draft).text == "Deleted: Far away"


def test_it_keeps_a_version_usable(admin: Client, draft: ScoringModel) -> None:
    data = form_data(admin, version_path(draft))
    for rule in draft.rules.all():
        data[field_of(data, rule, "DELETE")] = "on"
    response = admin.post(version_path(draft), data)
    assert response.status_code == 200
    assert draft.rules.count() == 2


def test_nothing_touched_is_no_change(admin: Client, draft: ScoringModel) -> None:
    assert admin.post(version_path(draft), form_data(admin, version_path(draft))).status_code == 302
    assert not ModelChange.objects.filter(model=draft).exists()


def test_it_refuses_to_change_what_is_live(admin: Client, live: ScoringModel) -> None:
    assert admin.get(version_path(live)).status_code == 200
    assert admin.post(version_path(live), {"name": "Other"}).status_code == 403
    live.refresh_from_db()
    assert live.name == "Two rules"


def test_it_deletes_a_draft_only(admin: Client, live: ScoringModel, draft: ScoringModel) -> None:
    base = "/admin/qualification/scoringmodel/"
    assert admin.post(f"{base}{live.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.post(f"{base}{draft.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(ScoringModel.objects.all()) == [live]
    assert ScoringRule.objects.count() == 2
