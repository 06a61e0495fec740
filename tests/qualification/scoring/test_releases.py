"""Release notes: one per switch, in words, read once by each person who works with the scores."""

from __future__ import annotations

import datetime as dt
from functools import partial

import pytest
from django.utils import timezone

from crm.models import Team, User
from qualification.models import ReleaseAck, ReleaseNote, ScoringModel
from qualification.scoring import drafts, releases, versions
from qualification.scoring.document import checked_document
from tests import factories
from tests.qualification.queue_support import all_done
from tests.qualification.scoring.conftest import document, rule

VP = {"subject": "lead.title", "op": "is", "value": "VP"}


def go_live(points: float, text: str = "") -> ReleaseNote:
    """By the operator."""
    raw = checked_document(document(rule(VP, points)))
    draft = drafts.load_draft(raw, by=None, now=timezone.now())
    model = versions.activate_as_operator(model=draft, text=text, now=timezone.now())
    return model.release_notes.get()


@pytest.mark.django_db
def test_every_switch_leaves_one(people: dict[str, User]) -> None:
    first, second = go_live(5), go_live(8, "VPs count more.")
    versions.rollback(model=first.model, by=people["admin"], reason="Too many", now=timezone.now())
    third = ReleaseNote.objects.first()
    assert third is not None
    assert first.changes == ["The first version, with 1 rule."]
    assert second.text == "VPs count more."
    assert second.changes[0].startswith("Rule changed: A rule: +5.0 → +8.0 points")
    assert (third.model, third.before) == (first.model, second.model)
    assert (third.text, third.published_by) == ("Too many", people["admin"])
    assert third.changes[0].startswith("Rule changed: A rule: +8.0 → +5.0 points")


@pytest.mark.django_db
def test_who_works_with_scores_reads_it_once(people: dict[str, User]) -> None:
    note = go_live(5)
    unread = {role: releases.unread_note(user) for role, user in people.items()}
    assert unread == {"sdr": note, "manager": note, "ae": None, "admin": None, "marketing": None}
    for _ in range(2):
        releases.acknowledge(note=note, by=people["sdr"], now=timezone.now())
    assert ReleaseAck.objects.filter(note=note).count() == 1
    assert releases.unread_note(people["sdr"]) is None
    assert releases.is_unread(note, reader=people["manager"])
    newer = go_live(6)
    assert releases.unread_note(people["sdr"]) == newer


@pytest.mark.django_db
def test_who_came_later_has_nothing_to_read(people: dict[str, User]) -> None:
    note = go_live(5)
    newcomer = factories.person("sdr", people["sdr"].team)
    assert releases.unread_note(newcomer) is None
    readers = releases.readers_of(note, viewer=people["admin"])
    assert newcomer not in {reader.user for reader in readers}


@pytest.mark.django_db
def test_it_says_who_has_read_it(people: dict[str, User]) -> None:
    """The missing first; a manager sees their own team."""
    elsewhere = factories.person("sdr", Team.objects.create(name="Elsewhere"))
    note = go_live(5)
    now = timezone.now()
    releases.acknowledge(note=note, by=people["sdr"], now=now)
    found = releases.readers_of(note, viewer=people["manager"])
    assert [(one.user, one.at) for one in found] == [
        (people["manager"], None),
        (people["sdr"], now),
    ]
    everybody = {one.user for one in releases.readers_of(note, viewer=people["admin"])}
    assert everybody == {people["manager"], people["sdr"], elsewhere}


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_are_one() -> None:
    sdr = factories.person("sdr")
    note = go_live(5)
    click = partial(releases.acknowledge, note=note, by=sdr, now=timezone.now())
    all_done([click, click])
    assert ReleaseAck.objects.count() == 1


@pytest.mark.django_db
def test_the_publisher_has_read_it(now: dt.datetime) -> None:
    both = factories.person("manager")
    note = go_live(5)
    other = ScoringModel.objects.get(pk=note.model_id)
    written = releases.write_note(model=other, before=None, text="", by=both, now=timezone.now())
    assert releases.unread_note(both) == note
    assert written.published_by == both
