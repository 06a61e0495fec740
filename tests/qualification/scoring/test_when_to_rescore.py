"""When a score follows: by the clock, by what happened meanwhile, by the colleagues; and how old it
may be."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Account, Activity, Lead
from qualification import invariants, pipeline, runner
from qualification.choices import EntryReason
from qualification.models import LeadScore, ScoringDue, ScoringRun
from qualification.review.queue import enter_queue
from qualification.scoring import freshness, rescore
from tests.qualification.scoring.conftest import LoadModel, StoreFacts, document, rule

pytestmark = pytest.mark.django_db

TITLE = document(rule({"subject": "lead.title", "op": "is_known"}, 5))
VIEWS = document(
    rule({"activity": "page_view", "half_life_days": 7, "max_points": 20}, 8, dimension="intent")
)
PEOPLE = document(rule({"subject": "account.people", "op": "at_least", "value": 2}, 5))
RECENT = document(rule({"subject": "lead.received_at", "op": "days_since_at_most", "value": 3}, 5))
HOUR = dt.timedelta(hours=1)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def ids(store_facts: StoreFacts) -> list[int]:
    facts = {"lead": {"title": "CEO"}, "account": {"name": "Brightwater"}, "attributes": {}}
    return store_facts([facts, facts])


def view(lead_id: int, at: dt.datetime) -> None:
    Activity.objects.create(lead_id=lead_id, type="page_view", occurred_at=at, recorded_at=at)


def intent(lead_id: int) -> int:
    return LeadScore.objects.get(lead_id=lead_id).intent_tenths


@pytest.mark.parametrize(
    ("raw", "depends"), [(TITLE, False), (VIEWS, True), (RECENT, True), (PEOPLE, True)]
)
def test_all_leads_are_scored_again_by_the_clock_where_it_matters(
    raw: dict[str, object],
    depends: bool,
    ids: list[int],
    load_model: LoadModel,
    now: dt.datetime,
) -> None:
    load_model(raw, activate=True)
    runner.work_runs(now=now)
    assert rescore.start_when_due(now=now + 5 * HOUR) is None
    started = rescore.start_when_due(now=now + 6 * HOUR)
    assert (started is not None) == depends


def test_decay_moves_stored_scores_without_an_event(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    view(ids[0], now)
    load_model(VIEWS, activate=True)
    runner.resume_runs(now=now)
    assert intent(ids[0]) == 80
    runner.resume_runs(now=now + dt.timedelta(days=7))
    assert intent(ids[0]) == 40


def test_a_failed_run_is_named_and_soon_tried_again(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(TITLE, activate=True)
    ScoringRun.objects.update(state="failed", finished_at=now)
    assert [v.of for v in invariants.violations(now=now)] == ["run"]
    assert rescore.start_when_due(now=now + rescore.TRY_AGAIN - SECOND) is None
    assert rescore.start_when_due(now=now + rescore.TRY_AGAIN) is not None
    assert invariants.violations(now=now + rescore.TRY_AGAIN) == []


def test_what_was_recorded_after_the_moment_of_a_run_stays_due(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(VIEWS, activate=True)
    view(ids[0], now + SECOND)
    pipeline.facts_changed([ids[0]], now=now + SECOND)
    pipeline.facts_changed([ids[1]], now=now)
    runner.work_runs(now=now)
    assert list(ScoringDue.objects.values_list("lead_id", flat=True)) == [ids[0]]
    pipeline.finish_due(now + SECOND)
    assert intent(ids[0]) == 80


def test_a_slow_worker_forgets_nothing_that_was_scored_meanwhile(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    """It looked at its clock, waited for the lead, and another scored a later activity first."""
    load_model(VIEWS, activate=True)
    view(ids[0], now + SECOND)
    rescore.score_leads([ids[0]], now=now + SECOND)
    pipeline.facts_changed([ids[0]], now=now + 2 * SECOND)
    rescore.score_leads([ids[0]], now=now)
    assert intent(ids[0]) == 80
    assert ScoringDue.objects.filter(lead_id=ids[0]).exists()
    # A clock that is wrong by more is not believed.
    rescore.score_leads([ids[0]], now=now - HOUR)
    assert intent(ids[0]) == 0


def test_colleagues_are_due_where_the_version_looks_at_them(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    account = Account.objects.first()
    Lead.objects.update(account=account)
    load_model(TITLE, activate=True)
    pipeline.facts_changed([ids[0]], now=now)
    assert list(ScoringDue.objects.values_list("lead_id", flat=True)) == [ids[0]]
    load_model(PEOPLE, activate=True)
    pipeline.facts_changed([ids[0]], now=now)
    assert set(ScoringDue.objects.values_list("lead_id", flat=True)) == set(ids)


def test_an_open_lead_with_an_old_score_is_found(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(VIEWS, activate=True)
    runner.work_runs(now=now)
    enter_queue([ids[0]], reason=EntryReason.EXPLORATION, now=now)
    assert not freshness.stale_items(now=now + 24 * HOUR).exists()
    late = now + 25 * HOUR
    assert [item.lead_id for item in freshness.stale_items(now=late)] == [ids[0]]
    kinds = [found.kind for found in invariants.violations(now=late)]
    assert "a lead waits for people with a score that is too old" in kinds
    # The score itself stays as it is: the run confirms it.
    runner.resume_runs(now=now + 20 * HOUR)
    assert not freshness.stale_items(now=late).exists()
    assert LeadScore.objects.get(lead_id=ids[0]).as_of == now


def test_a_run_nobody_goes_on_with_is_found(
    ids: list[int], load_model: LoadModel, now: dt.datetime
) -> None:
    load_model(TITLE, activate=True)
    kind = "work over all leads is left for five minutes"
    assert kind not in [found.kind for found in invariants.violations(now=now)]
    late = now + dt.timedelta(minutes=6)
    assert kind in [found.kind for found in invariants.violations(now=late)]
    runner.work_runs(now=late)
    assert kind not in [found.kind for found in invariants.violations(now=late)]
