"""Checklists by version: drafts are edited, published ones stay, work keeps what it began with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import translation

from crm.models import User
from qualification.choices import TouchKind, TouchResult
from qualification.exceptions import FrameworkRefused
from qualification.models import Criterion, Framework, FrameworkItem, FrameworkText
from qualification.review import framework_versions as versions
from qualification.review.ask_next import suggest
from qualification.review.checklists import checklist_of, record_answer
from qualification.review.frameworks import framework_for, frameworks_on_offer
from qualification.review.touches import log_touch
from qualification.review.workspace import workspace_of
from tests.factories import NOW
from tests.qualification.decision_support import answer_required, held_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def bant(db: None) -> Framework:
    return Framework.objects.get(key="bant")


def texts_of(framework: Framework) -> list[str]:
    return list(framework.items.order_by("position").values_list("question", flat=True))


def test_a_new_version_takes_the_place_and_work_keeps_its_own(
    bant: Framework, people: dict[str, User]
) -> None:
    item = held_item(people["sdr"])
    assert framework_for(item, now=NOW) == bant
    draft = versions.new_version(framework=bant)
    assert (draft.version, draft.is_draft, draft.is_active) == (2, True, False)
    assert texts_of(draft) == texts_of(bant)
    assert draft not in frameworks_on_offer()
    draft.items.filter(criterion__key="timing").update(question="By when?")
    versions.publish(framework=draft, now=NOW)
    assert draft.is_default
    assert [row.version for row in frameworks_on_offer() if row.key == "bant"] == [2]
    item.refresh_from_db()
    assert framework_for(item, now=NOW) == bant
    assert framework_for(held_item(people["manager"]), now=NOW) == draft


@pytest.mark.parametrize("work", ["an answer", "a call", "only looked at"])
def test_work_that_has_begun_keeps_the_questions_it_began_with(
    bant: Framework, people: dict[str, User], work: str
) -> None:
    item, sdr = held_item(people["sdr"]), people["sdr"]
    if work == "an answer":
        record_answer(
            lead=item.lead,
            criterion=Criterion.objects.get(key="timing"),
            value="In spring",
            state="confirmed",
            source="Call",
            answered_on=NOW.date(),
            by=sdr,
            now=NOW,
        )
    elif work == "a call":
        log_touch(item=item, by=sdr, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=NOW)
    else:
        workspace_of(item.lead, reader=sdr, now=NOW)
    draft = versions.new_version(framework=bant)
    versions.publish(framework=draft, now=NOW)
    shown = workspace_of(item.lead, reader=sdr, now=NOW).checklist.framework
    assert shown == (draft if work == "only looked at" else bant)


def test_an_own_one_from_a_template(bant: Framework) -> None:
    own = versions.new_framework(template=bant)
    second = versions.new_framework(template=bant)
    assert len({bant.key, own.key, second.key}) == 3
    versions.publish(framework=own, now=NOW)
    assert {bant, own} <= set(frameworks_on_offer())
    assert not own.is_default


def _insert(bant: Framework) -> None:
    criterion = Criterion.objects.get(key="champion")
    FrameworkItem.objects.create(
        framework=bant, position=99, part="Need", criterion=criterion, question="?"
    )


def _update(bant: Framework) -> None:
    bant.items.filter(criterion__key="pain").update(is_required=False)


def _delete(bant: Framework) -> None:
    bant.items.filter(criterion__key="pain").delete()


@pytest.mark.parametrize("write", [_insert, _update, _delete])
def test_postgresql_keeps_the_questions_of_a_published_one(
    bant: Framework, write: Callable[[Framework], None]
) -> None:
    with pytest.raises(DatabaseError, match="new version"), transaction.atomic():
        write(bant)


def test_a_question_cannot_be_moved_out_of_or_into_a_published_one(bant: Framework) -> None:
    draft = versions.new_framework(template=bant)
    for source, target in ((draft, bant), (bant, draft)):
        moved = source.items.order_by("pk").values("pk")[:1]
        with pytest.raises(DatabaseError, match="new version"), transaction.atomic():
            FrameworkItem.objects.filter(pk__in=moved).update(framework=target)


def test_postgresql_keeps_the_version_itself(bant: Framework) -> None:
    for change in ({"published_at": None, "is_active": False}, {"key": "x"}, {"version": 9}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Framework.objects.filter(pk=bant.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Framework.objects.filter(pk=bant.pk).delete()


def test_without_the_trigger_the_questions_could_be_changed(bant: Framework) -> None:
    """Control: it is the trigger that keeps them."""
    with connection.cursor() as cursor:
        # What earlier writes of this transaction put off until its end.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE qualification_frameworkitem DISABLE TRIGGER USER")
    assert bant.items.filter(is_required=True).update(is_required=False) == 4
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE qualification_frameworkitem ENABLE TRIGGER USER")


def test_a_draft_is_not_on_offer(bant: Framework) -> None:
    draft = versions.new_version(framework=bant)
    with pytest.raises(IntegrityError), transaction.atomic():
        Framework.objects.filter(pk=draft.pk).update(is_active=True)
    with pytest.raises(FrameworkRefused, match="draft"):
        versions.put_on_offer(framework=draft)
    draft.delete()
    assert FrameworkItem.objects.filter(framework=draft.pk).count() == 0


def test_what_is_refused(bant: Framework) -> None:
    with pytest.raises(FrameworkRefused, match="before"):
        versions.publish(framework=bant, now=NOW)
    draft = versions.new_version(framework=bant)
    draft.items.all().delete()
    with pytest.raises(FrameworkRefused, match="asks nothing"):
        versions.publish(framework=draft, now=NOW)
    with pytest.raises(FrameworkRefused, match="default"):
        versions.take_off_offer(framework=bant)
    with pytest.raises(FrameworkRefused, match="not on offer"):
        versions.make_default(framework=draft)


def test_an_older_version_is_offered_again(bant: Framework) -> None:
    draft = versions.new_version(framework=bant)
    versions.publish(framework=draft, now=NOW)
    versions.put_on_offer(framework=bant)
    bant.refresh_from_db()
    assert (bant.is_active, bant.is_default) == (True, True)
    gpct = Framework.objects.get(key="gpct")
    versions.make_default(framework=gpct)
    versions.take_off_offer(framework=bant)
    assert next(row.key for row in frameworks_on_offer()) == "gpct"
    assert "bant" not in {row.key for row in frameworks_on_offer()}


def test_questions_are_read_in_the_language_of_the_reader(
    bant: Framework, people: dict[str, User]
) -> None:
    item = held_item(people["sdr"])
    question = bant.items.get(criterion__key="timing")
    FrameworkText.objects.create(item=question, language="pt", question="Até quando?")
    FrameworkText.objects.create(item=question, language="pt-br", question="Para quando?", why="!")

    def read(language: str) -> tuple[str, str]:
        with translation.override(language):
            found = checklist_of(item.lead, bant, now=NOW).question("timing")
        assert found is not None
        return found.text, found.why

    assert read("pt") == ("Até quando?", question.why)
    assert read("pt-br") == ("Para quando?", "!")
    assert read("de") == read("en") == (question.question, question.why)


def test_an_answer_grows_stale(bant: Framework, people: dict[str, User]) -> None:
    item = held_item(people["sdr"])
    answer_required(item.lead, people["sdr"])
    Criterion.objects.filter(key="timing").update(stale_after_days=30)
    strict = versions.new_version(framework=bant)
    strict.items.filter(criterion__key="timing").update(stale_ok=False)
    versions.publish(framework=strict, now=NOW)

    def read(framework: Framework, days: int) -> tuple[bool, bool, bool]:
        now = NOW + dt.timedelta(days=days)
        checklist = checklist_of(item.lead, framework, now=now)
        found = checklist.question("timing")
        assert found is not None
        return found.is_stale, checklist.is_ready, suggest(checklist).question == found

    assert read(strict, 30) == (False, True, False)
    assert read(strict, 31) == (True, False, True)
    assert read(bant, 31) == (True, True, False)
