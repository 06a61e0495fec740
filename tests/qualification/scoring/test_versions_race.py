"""Two people at the same moment: one of them wins, whatever they do to versions."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from qualification.choices import ModelStatus
from qualification.exceptions import PublishRefused, QualificationError, ShadowRefused
from qualification.models import ReleaseNote, ScoringModel
from qualification.scoring import drafts, versions
from qualification.scoring.document import checked_document
from tests.factories import person
from tests.qualification.queue_support import in_threads, wait_for_a_lock
from tests.qualification.scoring.conftest import document, rule
from tests.qualification.version_support import no_minimum

pytestmark = pytest.mark.django_db(transaction=True)
RAW = document(rule({"subject": "lead.title", "op": "is_known"}))


@pytest.fixture(autouse=True)
def minimum(settings: Any) -> None:
    no_minimum(settings)


def draft(now: dt.datetime) -> ScoringModel:
    return drafts.load_draft(checked_document(RAW), by=None, now=now)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run all from one moment on; what was refused."""
    return [one for one in in_threads(works) if isinstance(one, QualificationError)]


def fresh(model: ScoringModel) -> ScoringModel:
    return ScoringModel.objects.get(pk=model.pk)


def test_two_admins_publish_the_same_version(now: dt.datetime) -> None:
    model = versions.start_shadow(model=draft(now), by=person("manager"), now=now)
    admins = [person("admin"), person("admin")]
    refused = at_once(
        *(lambda by=by: versions.publish(model=fresh(model), by=by, now=now) for by in admins)
    )
    assert [type(error) for error in refused] == [PublishRefused]
    assert fresh(model).status == ModelStatus.ACTIVE
    assert ReleaseNote.objects.count() == 1


def test_a_publish_and_a_rollback(now: dt.datetime) -> None:
    """Both happen, one after the other: one version is live, the notes say in which order."""
    first, second = draft(now), draft(now)
    for model in (first, second):
        versions.activate_as_operator(model=model, now=now)
    third = versions.start_shadow(model=draft(now), by=person("manager"), now=now)
    one, two = person("admin"), person("admin")
    refused = at_once(
        lambda: versions.publish(model=fresh(third), by=one, now=now),
        lambda: versions.rollback(model=fresh(first), by=two, now=now),
    )
    assert refused == []
    live = ScoringModel.objects.get(status=ModelStatus.ACTIVE)
    before, last = ReleaseNote.objects.order_by("id")[2:]
    assert last.model == live
    assert last.before == before.model
    assert {last.model, before.model} == {first, third}


def test_two_start_a_shadow(now: dt.datetime) -> None:
    one, two = draft(now), draft(now)
    by = [person("manager"), person("manager")]
    refused = at_once(
        lambda: versions.start_shadow(model=fresh(one), by=by[0], now=now),
        lambda: versions.start_shadow(model=fresh(two), by=by[1], now=now),
    )
    assert [type(error) for error in refused] == [ShadowRefused]
    statuses = ScoringModel.objects.order_by("status").values_list("status", flat=True)
    assert list(statuses) == [ModelStatus.DRAFT, ModelStatus.SHADOW]


def test_control_without_the_lock_both_shadows_would_start(now: dt.datetime) -> None:
    """What the lock is for: each sees no shadow yet; only PostgreSQL's index stops the second."""
    one, two = draft(now), draft(now)
    seen = threading.Barrier(2)
    stopped: list[Exception] = []

    def start(model: ScoringModel) -> None:
        try:
            with transaction.atomic():
                assert not ScoringModel.objects.filter(status=ModelStatus.SHADOW).exists()
                seen.wait(timeout=20)
                ScoringModel.objects.filter(pk=model.pk).update(
                    status=ModelStatus.SHADOW, shadow_started_at=now, shadow_by=by
                )
        except DatabaseError as error:
            stopped.append(error)
        finally:
            connection.close()

    by = person("manager")
    threads = [threading.Thread(target=start, args=[model]) for model in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(stopped) == 1
    assert "one_shadow" in str(stopped[0])


def test_a_rule_written_meanwhile_is_part_of_the_shadow_or_refused(now: dt.datetime) -> None:
    """Raw SQL too: the version leaves draft after the write, with it, never in the midst of it."""
    model = draft(now)
    manager = person("manager")
    started: list[ScoringModel] = []

    def start() -> None:
        try:
            started.append(versions.start_shadow(model=fresh(model), by=manager, now=now))
        finally:
            connection.close()

    thread = threading.Thread(target=start)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE qualification_scoringrule SET points = 7")
        thread.start()
        wait_for_a_lock()
        assert not started
    thread.join(timeout=60)
    assert started[0].rules.get().points == 7
