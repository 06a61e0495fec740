"""After a version went live every lead is scored, whether or not a bell was heard."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from crm.models import User
from qualification import runner, sweeps
from qualification.models import LeadScore, ReviewItem, ScoringModel, ScoringRun
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
    run = ScoringRun.objects.get()
    assert (run.model, run.state, run.as_of) == (model, "done", now)
    assert LeadScore.objects.get(lead=lead).total_tenths == 250
    assert ReviewItem.objects.open().filter(lead=lead).exists()


@pytest.mark.django_db
def test_it_is_done_once_a_version(people: dict[str, User]) -> None:
    now = timezone.now()
    factories.LeadFactory(title="Director", team=people["sdr"].team)
    go_live(25, now)
    assert runner.work_runs(now=now) == 1
    assert runner.work_runs(now=now) == 0
    go_live(30, now)
    assert runner.work_runs(now=now) == 1


@pytest.mark.django_db
def test_it_begins_again_after_a_rollback(people: dict[str, User]) -> None:
    now = timezone.now()
    lead = factories.LeadFactory(title="Director", team=people["sdr"].team)
    first = go_live(25, now)
    runner.work_runs(now=now)
    go_live(30, now)
    runner.work_runs(now=now)
    versions.rollback(model=first, by=None, now=now)
    assert runner.work_runs(now=now) == 1
    assert LeadScore.objects.get(lead=lead).total_tenths == 250
