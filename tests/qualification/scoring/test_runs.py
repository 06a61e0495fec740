"""Runs over all leads: who gets which range, what a dead or late worker leaves, what ends a run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from qualification import runner, sweeps
from qualification.models import (
    LeadScore,
    ReviewItem,
    RunKind,
    ScoringChunk,
    ScoringModel,
    ScoringRun,
)
from qualification.scoring import runs, versions
from qualification.scoring.runs import RangeResult
from tests.qualification.queue_support import in_threads
from tests.qualification.scoring.conftest import LoadModel, StoreFacts, document, rule

TITLE = {"subject": "lead.title", "op": "is_known"}
RAW = document(rule(TITLE, 40))
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def ids(store_facts: StoreFacts, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Three leads with a title, a range each."""
    monkeypatch.setattr(runs, "CHUNK_KEYS", 1)
    return store_facts([{"lead": {"title": "CEO"}, "account": None, "attributes": {}}] * 3)


@pytest.fixture
def model(ids: list[int], load_model: LoadModel) -> ScoringModel:
    """A version that just went live, with its run."""
    return load_model(RAW, activate=True)


def run_of(model: ScoringModel) -> ScoringRun:
    return ScoringRun.objects.get(model=model)


def taken(now: dt.datetime) -> ScoringChunk:
    chunk = runs.take_chunk(now=now)
    assert chunk is not None
    return chunk


@pytest.mark.django_db
def test_a_publish_starts_a_run_that_any_worker_finishes(
    ids: list[int], model: ScoringModel, now: dt.datetime
) -> None:
    run = run_of(model)
    assert (run.kind, run.state, run.as_of, run.chunks.count()) == ("rescore", "running", now, 3)
    assert runner.work_runs(now=now) == 3
    run.refresh_from_db()
    assert (run.state, runs.progress_of(run)) == ("done", runs.Progress(3, 3, 3, 3))
    assert ReviewItem.objects.count() == 3
    assert runner.work_runs(now=now) == 0


@pytest.mark.django_db
def test_without_leads_a_run_is_done_at_once(load_model: LoadModel, now: dt.datetime) -> None:
    model = load_model(RAW, activate=True)
    runner.work_runs(now=now)
    assert run_of(model).state == "done"


@pytest.mark.django_db
def test_it_stops_in_time_and_goes_on_later(
    ids: list[int], model: ScoringModel, now: dt.datetime
) -> None:
    assert runner.work_runs(now=now, seconds=0) == 0
    assert run_of(model).state == "running"
    assert runs.is_work_left(now=now)
    assert runner.work_runs(now=now) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_held", [True, False])
def test_two_workers_never_get_one_range(
    is_held: bool,
    ids: list[int],
    model: ScoringModel,
    now: dt.datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: with leases that are over as they begin, a range is handed out twice."""
    monkeypatch.setattr(runs, "LEASE", runs.LEASE if is_held else -SECOND)
    found = in_threads([lambda: runs.take_chunk(now=now)] * 3 * 2)
    got = [chunk.pk for chunk in found if isinstance(chunk, ScoringChunk)]
    again = [runs.take_chunk(now=now) for _ in range(3)]
    got += [chunk.pk for chunk in again if chunk is not None]
    assert (len(got) == len(set(got)) == 3) == is_held


@pytest.mark.django_db
def test_a_worker_killed_before_the_mark_leaves_a_range_done_again_to_the_same_end(
    ids: list[int], model: ScoringModel, now: dt.datetime
) -> None:
    chunk = taken(now)
    runner.KINDS[chunk.run.kind].work(chunk.run, chunk.first, chunk.last)  # and then: killed
    scores, items = list(LeadScore.objects.values()), list(ReviewItem.objects.values())
    assert runner.work_runs(now=now) == 2
    assert run_of(model).state == "running"
    later = now + runs.LEASE
    assert runner.work_runs(now=later) == 1
    assert run_of(model).state == "done"
    assert list(LeadScore.objects.filter(lead_id=chunk.first).values()) == scores
    assert list(ReviewItem.objects.filter(lead_id=chunk.first).values()) == items


@pytest.mark.django_db
def test_a_late_worker_is_fenced_off(ids: list[int], model: ScoringModel, now: dt.datetime) -> None:
    late = taken(now)
    second = ScoringChunk.objects.get(pk=late.pk)
    while second.token == late.token:
        second = taken(now + runs.LEASE)
        second = second if second.pk == late.pk else late
    nonsense, found = RangeResult(99, 99), RangeResult(1, 1)
    assert not runs.finish_chunk(chunk=late, found=nonsense, now=now)
    runs.give_back_chunk(chunk=late, error="TooLate")
    assert runs.finish_chunk(chunk=second, found=found, now=now)
    assert not runs.finish_chunk(chunk=second, found=nonsense, now=now)
    second.refresh_from_db()
    assert (second.scored, second.changed, second.run.error) == (1, 1, "")


@pytest.mark.django_db
def test_a_poisoned_range_fails_the_run_and_the_others_are_done(
    ids: list[int],
    model: ScoringModel,
    now: dt.datetime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = runner.KINDS["rescore"]

    def poisoned(run: ScoringRun, first: int, last: int) -> RangeResult:
        if first == ids[1]:
            raise ValueError("about ana@brightwater.com")
        return whole.work(run, first, last)

    monkeypatch.setitem(runner.KINDS, "rescore", runner.Kind(poisoned, whole.finish))
    assert runner.work_runs(now=now) == 2
    run = run_of(model)
    assert (run.state, run.error) == ("failed", f"ValueError in leads {ids[1]}–{ids[1]}")
    assert run.chunks.get(first=ids[1]).attempts == runs.MAX_ATTEMPTS
    assert set(LeadScore.objects.values_list("lead_id", flat=True)) == {ids[0], ids[2]}
    assert "brightwater" not in caplog.text


@pytest.mark.django_db
def test_a_range_that_kills_its_workers_is_given_up(
    ids: list[int], model: ScoringModel, now: dt.datetime
) -> None:
    ScoringChunk.objects.filter(first=ids[0]).update(attempts=runs.MAX_ATTEMPTS, lease_until=now)
    assert runner.work_runs(now=now) == 2
    run = run_of(model)
    assert (run.state, run.error[:14]) == ("failed", "a worker ended")


@pytest.mark.django_db
def test_a_publish_meanwhile_ends_the_run_and_its_late_worker_writes_nothing(
    ids: list[int], model: ScoringModel, load_model: LoadModel, now: dt.datetime
) -> None:
    """netbox 23138: there a job that was taken away while it ran went on to its end."""
    chunk = taken(now)
    second = load_model(document(rule(TITLE, 10)), activate=True)
    assert run_of(model).state == "stopped"
    assert runner._work_on(chunk, lambda: now) == 0
    assert not LeadScore.objects.exists()
    runner.work_runs(now=now)
    assert set(LeadScore.objects.values_list("model", "total_tenths")) == {(second.pk, 100)}
    assert run_of(second).state == "done"


@pytest.mark.django_db
def test_a_rollback_scores_everything_again(
    ids: list[int], model: ScoringModel, load_model: LoadModel, now: dt.datetime
) -> None:
    runner.work_runs(now=now)
    before = list(LeadScore.objects.order_by("pk").values())
    load_model(document(rule(TITLE, 10)), activate=True)
    runner.work_runs(now=now)
    versions.rollback(model=model, by=None, now=now)
    runner.work_runs(now=now)
    assert list(LeadScore.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_a_report_runs_once_at_a_time_and_after_the_scores(
    ids: list[int],
    model: ScoringModel,
    load_model: LoadModel,
    now: dt.datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []

    def work(run: ScoringRun, first: int, last: int) -> RangeResult:
        order.append(run.kind)
        return RangeResult(1, 0, {"at": first})

    def finish(run: ScoringRun, results: list[dict[str, Any]]) -> dict[str, Any]:
        return {"places": [result["at"] for result in results]}

    monkeypatch.setitem(runner.KINDS, "usage", runner.Kind(work, finish))
    monkeypatch.setitem(runner.KINDS, "rescore", runner.Kind(work, lambda run, results: {}))
    report = runs.start_run(kind=RunKind.USAGE, model=model, now=now)
    assert runs.start_run(kind=RunKind.USAGE, model=model, now=now) == report
    again = runs.start_run(kind=RunKind.RESCORE, model=model, now=now)
    assert [run.state for run in ScoringRun.objects.order_by("pk")] == [
        "stopped",
        "running",
        "running",
    ]
    runner.work_runs(now=now)
    assert order == ["rescore"] * 3 + ["usage"] * 3
    report.refresh_from_db()
    again.refresh_from_db()
    assert (report.state, report.result, again.state) == ("done", {"places": ids}, "done")


@pytest.mark.django_db
def test_a_sweep_goes_on_only_where_nobody_is(
    ids: list[int], model: ScoringModel, now: dt.datetime
) -> None:
    chunk = taken(now)
    assert sweeps.run_all(now=now)["runs"] == 0
    assert sweeps.run_all(now=now + runs.LEASE)["runs"] == 3
    chunk.refresh_from_db()
    assert chunk.attempts == 2
