"""Stored scores: written when they differ, followed by the queue, untouched by other versions."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection, transaction

from crm.models import Lead
from qualification.models import LeadScore, ReviewItem, ScoringDue
from qualification.scoring import rescore, runs
from tests.qualification.scoring.conftest import (
    LoadModel,
    StoreFacts,
    document,
    rule,
    score_all,
)

TITLE = {"subject": "lead.title", "op": "is_known"}
RAW = document(rule(TITLE, 40))
MINUTE = dt.timedelta(minutes=1)


def facts(title: str) -> dict[str, Any]:
    return {"lead": {"title": title}, "account": None, "attributes": {}}


@pytest.fixture
def ids(store_facts: StoreFacts) -> list[int]:
    """One lead with a title, one without."""
    return store_facts([facts("Head of Sales"), facts("")])


@pytest.mark.django_db
def test_it_scores_and_says_what_changed(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    ScoringDue.objects.create(lead_id=ids[0], since=now)
    assert rescore.score_leads(ids, now=now) == ids
    assert rescore.score_leads(ids, now=now + MINUTE) == []
    assert not ScoringDue.objects.exists()
    score = LeadScore.objects.get(lead_id=ids[0])
    assert (score.fit_tenths, score.total_tenths, score.grade, score.tier) == (
        400,
        400,
        "A4",
        "cool",
    )
    assert score.as_of == now + MINUTE
    Lead.objects.filter(pk=ids[0]).update(title="")
    assert rescore.score_leads(ids, now=now + 2 * MINUTE) == [ids[0]]


@pytest.mark.django_db
def test_it_scores_nothing_without_a_model(ids: list[int], now: dt.datetime) -> None:
    ScoringDue.objects.create(lead_id=ids[0], since=now)
    assert rescore.score_leads(ids, now=now) == []
    assert not LeadScore.objects.exists()


@pytest.mark.django_db
def test_it_rescores_all_and_the_queue_follows(
    ids: list[int], load_model: LoadModel, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "CHUNK_KEYS", 1)
    load_model(RAW, activate=True)
    ScoringDue.objects.create(lead_id=ids[1], since=now)
    assert score_all(now) == runs.Progress(done=2, total=2, scored=2, changed=2)
    assert list(ReviewItem.objects.values_list("lead_id", flat=True)) == [ids[0]]
    assert not ScoringDue.objects.exists()
    again = score_all(now + MINUTE)
    assert (again.scored, again.changed) == (2, 0)
    assert set(LeadScore.objects.values_list("as_of", flat=True)) == {now}


@pytest.mark.django_db
def test_a_new_version_takes_over_equal_scores(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    score_all(now)
    second = load_model(RAW, activate=True)
    assert score_all(now + MINUTE).changed == 0
    assert set(LeadScore.objects.values_list("model_id", flat=True)) == {second.pk}


@pytest.mark.django_db
def test_another_version_is_compared_and_stores_nothing(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(document(rule(TITLE, 5)), activate=True)
    score_all(now)
    before = list(LeadScore.objects.order_by("pk").values())
    draft = load_model(RAW)
    steps: list[tuple[int, int]] = []
    found = rescore.count_changes(
        draft, now=now + MINUTE, on_progress=lambda *step: steps.append(step)
    )
    assert found == (2, 1)
    assert steps == [(ids[1], ids[1])]
    assert rescore.score_leads(ids, now=now + MINUTE, model=draft) == [ids[0]]
    assert list(LeadScore.objects.order_by("pk").values()) == before
    assert not ReviewItem.objects.exists()


@pytest.mark.django_db
def test_a_bulk_run_leaves_a_later_score_alone(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    rescore.score_leads(ids, now=now + MINUTE)
    Lead.objects.filter(pk=ids[0]).update(title="")
    assert score_all(now).changed == 0
    assert LeadScore.objects.get(lead_id=ids[0]).total_tenths == 400
    assert score_all(now + 2 * MINUTE).changed == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_held", [True, False])
def test_a_bulk_run_waits_for_nobody_who_changes_facts(
    is_held: bool, ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(RAW, activate=True)
    ScoringDue.objects.create(lead_id=ids[0], since=now)
    held, done = threading.Event(), threading.Event()

    def change_facts() -> None:
        with transaction.atomic():
            if is_held:
                ScoringDue.objects.filter(lead_id=ids[0]).update(since=now + MINUTE)
            held.set()
            done.wait()
        connection.close()

    other = threading.Thread(target=change_facts)
    other.start()
    held.wait()
    found = score_all(now)
    done.set()
    other.join()
    assert found.changed == 2
    left = dict(ScoringDue.objects.values_list("lead_id", "since"))
    assert left == ({ids[0]: now + MINUTE} if is_held else {})
