"""A rule is written on a page of its own; refused for whatever a file would be refused for."""

from __future__ import annotations

import pytest
from django.test import Client

from crm.models import User
from qualification.models import ModelChange, ScoringModel, ScoringRule
from qualification.scoring import versions
from tests.qualification.admin.support import form_data, rule_of, rule_path, version_path

ADD = "/admin/qualification/scoringrule/add/"


def test_it_changes_a_condition_in_words(
    admin: Client, draft: ScoringModel, people: dict[str, User]
) -> None:
    rule = rule_of(draft, "director")
    data = form_data(admin, rule_path(rule))
    data["condition"] = "{subject: lead.seniority, op: is_one_of, value: [VP, Director]}"
    response = admin.post(rule_path(rule), data)
    assert response.status_code == 302
    assert response["Location"] == version_path(draft)
    assert rule_of(draft, "director").condition["value"] == ["VP", "Director"]
    change = ModelChange.objects.get(model=draft)
    assert change.text == "Director: +25.0 fit when seniority is VP or Director"
    assert change.by == people["admin"]
    assert people["admin"].pk in versions.authors_of(draft)


def test_it_adds_a_rule_with_a_key(admin: Client, draft: ScoringModel) -> None:
    data = form_data(admin, f"{ADD}?model={draft.pk}")
    assert (data["model"], data["position"]) == (draft.pk, 3)
    data |= {
        "name": "Near us",
        "dimension": "fit",
        "points": "4",
        "condition": "{subject: lead.country, op: is, value: Germany}",
    }
    assert admin.post(ADD, data).status_code == 302
    assert ScoringRule.objects.get(model=draft, key="near-us").condition["op"] == "is"
    added = ModelChange.objects.get(model=draft)
    assert added.text == "Added: Near us. +4.0 fit when country is Germany"


def test_it_deletes_a_rule(admin: Client, draft: ScoringModel) -> None:
    rule = rule_of(draft, "far-away")
    path = f"/admin/qualification/scoringrule/{rule.pk}/delete/"
    assert admin.post(path, {"post": "yes"}).status_code == 302
    assert ModelChange.objects.get(model=draft).text == "Deleted: Far away"
    # The last rule stays: a version without rules is none.
    last = rule_of(draft, "director")
    path = f"/admin/qualification/scoringrule/{last.pk}/delete/"
    assert admin.post(path, {"post": "yes"}).status_code == 422
    assert draft.rules.count() == 1


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("{subject: lead.title, op: sounds_like, value: x}", "sounds_like"),
        ("{all: []}", "needs at least one condition"),
        ("{all: [{subject: lead.title, op: is_known}, {subject: x, op: is}]}", "all[2]"),
        ("{subject: attributes.age, op: at_least, value: 3}", "age"),
        ("{subject: [", "YAML"),
    ],
)
def test_it_refuses_what_a_file_would_be_refused_for(
    admin: Client, draft: ScoringModel, condition: str, words: str
) -> None:
    rule = rule_of(draft, "director")
    data = form_data(admin, rule_path(rule)) | {"condition": condition}
    response = admin.post(rule_path(rule), data)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert rule_of(draft, "director").condition["op"] == "contains"


def test_two_rules_have_two_names(admin: Client, draft: ScoringModel) -> None:
    rule = rule_of(draft, "director")
    data = form_data(admin, rule_path(rule)) | {"name": "far away"}
    response = admin.post(rule_path(rule), data)
    assert response.status_code == 200
    assert "stands there twice" in response.content.decode()


def test_a_rule_stays_in_its_version(
    admin: Client, live: ScoringModel, draft: ScoringModel
) -> None:
    rule = rule_of(draft, "director")
    data = form_data(admin, rule_path(rule)) | {"model": live.pk, "points": "3"}
    admin.post(rule_path(rule), data)
    rule.refresh_from_db()
    assert (rule.model, rule.points) == (draft, 3)


def test_what_is_live_is_only_read(admin: Client, live: ScoringModel) -> None:
    rule = rule_of(live, "director")
    page = admin.get(rule_path(rule))
    assert page.status_code == 200
    assert "+25.0 fit when title contains “director”" in page.content.decode()
    assert admin.post(rule_path(rule), {"points": "1"}).status_code == 403
    assert admin.post(f"/admin/qualification/scoringrule/{rule.pk}/delete/").status_code == 403
    rule.refresh_from_db()
    assert rule.points == 25


def test_without_a_draft_there_is_nothing_to_add_to(admin: Client, live: ScoringModel) -> None:
    assert admin.get(ADD).status_code == 403


def test_the_list_reads_as_sentences(admin: Client, draft: ScoringModel) -> None:
    page = admin.get("/admin/qualification/scoringrule/?of=draft").content.decode()
    assert "−5.0 fit when country is Elsewhere" in page
