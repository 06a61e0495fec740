"""The note on the queue until it is read, the notes' pages, who has read one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import ReleaseAck, ReleaseNote, ScoringModel
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from tests.qualification.scoring.conftest import document, rule

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Login = Callable[[User], Client]


@pytest.fixture
def note(people: dict[str, User]) -> ReleaseNote:
    raw = document(rule({"subject": "lead.title", "op": "is", "value": "VP"}, 35))
    for text in ("", "VPs <b>count</b> more."):
        draft = drafts.load_draft(checked_document(raw), by=None, now=timezone.now())
        versions.activate_as_operator(model=draft, text=text, now=timezone.now())
        raw["rules"][0]["points"] = 20
    found = ReleaseNote.objects.first()
    assert found is not None
    ReleaseAck.objects.create(
        note=ReleaseNote.objects.earliest("id"), user=people["sdr"], at=timezone.now()
    )
    return found


def text_of(client: Client, path: str) -> str:
    return str(client.get(path).content.decode())


def test_the_queue_shows_it_until_it_is_read(
    login: Login, people: dict[str, User], note: ReleaseNote
) -> None:
    client = login(people["sdr"])
    html = text_of(client, "/queue/")
    assert 'id="release"' in html
    assert "VPs &lt;b&gt;count&lt;/b&gt; more." in html
    for _ in range(2):
        assert client.post(f"/releases/{note.pk}/read/")["Location"] == "/queue/"
    assert 'id="release"' not in text_of(client, "/queue/")
    assert ReleaseAck.objects.filter(note=note, user=people["sdr"]).count() == 1


def test_a_manager_sees_who_has_read_it(
    login: Login, people: dict[str, User], note: ReleaseNote
) -> None:
    ReleaseAck.objects.create(note=note, user=people["sdr"], at=timezone.now())
    html = text_of(login(people["manager"]), f"/releases/{note.pk}/")
    assert "Who has read it" in html
    assert "not yet" in html
    assert "Who has read it" not in text_of(login(people["sdr"]), f"/releases/{note.pk}/")


def test_the_history_of_notes(login: Login, people: dict[str, User], note: ReleaseNote) -> None:
    html = text_of(login(people["ae"]), "/releases/")
    assert "v2 in place of v1" in html
    assert "v1, the first" in html
    assert ScoringModel.objects.count() == 2
