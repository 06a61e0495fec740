"""The schedule loads, and its clock rings so that our workers can read it."""

import datetime as dt
import json
import logging

import django_rq
import pytest
import time_machine
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from crm.models import InboxMessage, Lead
from leadqual_site.management.commands.rqcron import RingingScheduler
from qualification.enqueue import ring

AT_ONCE, AT_NIGHT = ("sweep", "learn_tallies"), ("forget_old", "verify_chain")


@pytest.mark.django_db
def test_it_rings_every_due_job_once_as_json(django_capture_on_commit_callbacks):
    queues = [django_rq.get_queue(name) for name in ("default", "bulk")]
    for queue in queues:
        queue.empty()
    scheduler = RingingScheduler(logging_level=logging.WARNING)
    scheduler.load_config_from_file("leadqual_site.schedule")
    jobs = {job.func_name: job.interval for job in scheduler.get_jobs()}
    assert set(jobs) == {f"qualification.jobs.{name}" for name in (*AT_ONCE, *AT_NIGHT)}
    # What has an interval is due at the start; the rest waits for its hour.
    names = {name for name, interval in jobs.items() if interval}
    assert names == {f"qualification.jobs.{name}" for name in AT_ONCE}
    with django_capture_on_commit_callbacks(execute=True):
        assert {job.func_name for job in scheduler.enqueue_jobs()} == names
    assert scheduler.enqueue_jobs() == []
    rung = [job for queue in queues for job in queue.jobs]
    assert {job.func_name for job in rung} == names
    assert all(job.serializer is JSONSerializer for job in rung)
    for queue in queues:
        queue.empty()


@pytest.mark.django_db
def test_netbox_22714_a_run_that_died_or_was_missed_holds_up_no_later_one(
    django_capture_on_commit_callbacks,
):
    """There the row of a run that never ended counted as the next one, for ever. Here a run that a
    killed worker left among the started is nobody's, and after days of downtime it goes on at once,
    with one run and not with all that were missed."""
    queue = django_rq.get_queue("default")
    queue.empty()
    start = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)

    def rung(scheduler: RingingScheduler, at: dt.datetime) -> int:
        before = queue.count
        with (
            time_machine.travel(at, tick=False),
            django_capture_on_commit_callbacks(execute=True),
        ):
            scheduler.enqueue_jobs()
        return queue.count - before

    def started() -> RingingScheduler:
        scheduler = RingingScheduler(logging_level=logging.WARNING)
        scheduler.load_config_from_file("leadqual_site.schedule")
        return scheduler

    first = started()
    assert rung(first, start) == 1
    (dead,) = queue.jobs
    queue.remove(dead)
    dead.set_status("started")
    registry = StartedJobRegistry(queue=queue)
    registry.connection.zadd(registry.key, {f"{dead.id}:killed": 2**31})
    assert rung(first, start + dt.timedelta(seconds=5)) == 1
    later = start + dt.timedelta(days=5)
    second = started()
    assert rung(second, later) == 1
    assert rung(second, later + dt.timedelta(seconds=1)) == 0
    assert rung(second, later + dt.timedelta(seconds=5)) == 1
    assert {job.func_name for job in queue.jobs} == {"qualification.jobs.sweep"}
    registry.connection.delete(registry.key)
    dead.delete()
    queue.empty()


@pytest.mark.django_db
def test_netbox_21129_a_job_carries_ids_and_brings_nothing_back(
    django_capture_on_commit_callbacks,
):
    """There a queued job held its row and stored it again after somebody had deleted it."""
    queue = django_rq.get_queue("default")
    queue.empty()
    gone = 10**9
    with django_capture_on_commit_callbacks(execute=True):
        ring("process_inbox", gone)
    (job,) = queue.jobs
    assert (job.func_name, list(job.args)) == ("qualification.jobs.process_inbox", [gone])
    assert set(json.loads(job.data)[2]) <= {gone}
    with pytest.raises(InboxMessage.DoesNotExist):
        job.func(*job.args)
    assert not InboxMessage.objects.exists()
    assert not Lead.objects.exists()
    queue.empty()
