"""After a version went live every lead is scored, whether or not a bell was heard."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from crm.models import User
from qualification import pipeline, sweeps
from qualification.models import LeadScore, ReviewItem, ScoringModel
from qualification.scoring import document, drafts, versions
from tests import factories

RULES = """
name: One rule
thresholds: {{mql: 20, fit: {{A: 30, B: 20, C: 10}}, intent: {{1: 30, 2: 20, 3: 10}}}}
rules:
  - {{name: Director, dimension: fit, points: {points},
     when: {{subject: lead.title, op: is, value: Director}}}}
"""


def go_live(points: int, now: dt.datetime) -> ScoringModel:
    """A version with one rule goes live from the shell; nothing is scored by that."""
    draft = drafts.load_draft(
        document.read_document(RULES.format(points=points).encode()), by=None, now=now
    )
    return versions.activate_as_operator(model=draft, now=now)


@pytest.mark.django_db
def test_a_sweep_scores_everything_when_the_bell_was_lost(people: dict[str, User]) -> None:
    now = timezone.now()
    lead = factories.LeadFactory(title="Director", team=people["sdr"].team)
    model = go_live(25, now)
    sweeps.run_all(now=now)
    model.refresh_from_db()
    assert model.rescored_at == now
    assert LeadScore.objects.get(lead=lead).total_tenths == 250
    assert ReviewItem.objects.open().filter(lead=lead).exists()


@pytest.mark.django_db
def test_it_is_done_once_a_version(people: dict[str, User]) -> None:
    now = timezone.now()
    factories.LeadFactory(title="Director", team=people["sdr"].team)
    go_live(25, now)
    assert pipeline.finish_publish(now) == 1
    assert pipeline.finish_publish(now) == 0
    go_live(30, now)
    assert pipeline.finish_publish(now) == 1


@pytest.mark.django_db
def test_it_begins_again_after_a_rollback(people: dict[str, User]) -> None:
    now = timezone.now()
    lead = factories.LeadFactory(title="Director", team=people["sdr"].team)
    first = go_live(25, now)
    pipeline.finish_publish(now)
    go_live(30, now)
    pipeline.finish_publish(now)
    versions.rollback(model=first, by=None, now=now)
    assert pipeline.finish_publish(now) == 1
    assert LeadScore.objects.get(lead=lead).total_tenths == 250


@pytest.mark.django_db(transaction=True)
def test_only_one_does_it_at_a_time() -> None:
    now = timezone.now()
    go_live(25, now)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [pipeline._RESCORE_LOCK])
            held.set()
            done.wait(timeout=20)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait(timeout=20)
    factories.LeadFactory(title="Director")
    assert pipeline.finish_publish(now) == 0
    done.set()
    other.join()
    assert pipeline.finish_publish(now) == 1
