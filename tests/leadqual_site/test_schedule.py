"""The schedule loads, and its clock rings so that our workers can read it."""

import logging

import django_rq
import pytest
from rq.serializers import JSONSerializer

from leadqual_site.management.commands.rqcron import RingingScheduler

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
