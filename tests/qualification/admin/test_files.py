"""Versions leave as files and come in as drafts of whoever brought them."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.models import User
from qualification.models import ScoringModel
from qualification.scoring import versions
from qualification.scoring.document import read_document
from qualification.scoring.document_rows import document_of
from tests.qualification.admin.conftest import RULES

IMPORT = "/admin/qualification/scoringmodel/import/"


def test_an_export_loads_to_the_same(admin: Client, live: ScoringModel) -> None:
    response = admin.get(f"/admin/qualification/scoringmodel/{live.pk}/export/")
    assert "attachment" in response["Content-Disposition"]
    assert read_document(response.content) == document_of(live)


def test_it_shows_what_would_change_before_it_stores_anything(
    admin: Client, live: ScoringModel
) -> None:
    text = RULES.replace(b"points: 25", b"points: 12.5").decode()
    response = admin.post(IMPORT, {"text": text})
    assert response.status_code == 200
    page = response.content.decode()
    assert "+12.5 fit when title contains “director”" in page
    assert list(ScoringModel.objects.all()) == [live]


def test_it_becomes_a_draft_of_the_one_who_brought_it(
    admin: Client, live: ScoringModel, people: dict[str, User]
) -> None:
    response = admin.post(IMPORT, {"text": RULES.decode(), "load": "1"})
    draft = ScoringModel.objects.get(status="draft")
    assert response["Location"].endswith(f"/scoringmodel/{draft.pk}/change/")
    assert versions.authors_of(draft) == {people["admin"].pk}
    assert document_of(draft) == document_of(live)


def test_a_file_does_as_well_as_text(admin: Client, live: ScoringModel) -> None:
    file = SimpleUploadedFile("rules.yaml", RULES)
    response = admin.post(IMPORT, {"file": file})
    assert response.context["document"].name == "Two rules"
    # What was read goes along with the button that loads it.
    assert "lead.country" in response.context["text"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Choose a file"),
        ("name: [", "not YAML: line"),
        (RULES.decode().replace("contains", "sounds_like"), "rule &#x27;Director&#x27;: when"),
        (RULES.decode().replace("points: 25", "points: 2.55"), "more than one decimal"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    admin: Client, live: ScoringModel, text: str, words: str
) -> None:
    for button in ({}, {"load": "1"}):
        response = admin.post(IMPORT, {"text": text, **button})
        assert response.status_code == 422
        assert words in response.content.decode()
    assert ScoringModel.objects.count() == 1


def test_too_large_is_refused(admin: Client, live: ScoringModel) -> None:
    file = SimpleUploadedFile("rules.yaml", b"#" * 1_000_001)
    response = admin.post(IMPORT, {"file": file})
    assert response.status_code == 422
    assert "larger than" in response.content.decode()


def test_without_a_live_version_there_is_nothing_to_compare(admin: Client, db: None) -> None:
    response = admin.post(IMPORT, {"text": RULES.decode()})
    assert response.status_code == 200
    assert "Nothing is live" in response.content.decode()
