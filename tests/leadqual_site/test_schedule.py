"""The schedule loads, and its clock rings so that our workers can read it."""

import logging

import django_rq
import pytest
from rq.serializers import JSONSerializer

from leadqual_site.management.commands.rqcron import RingingScheduler


@pytest.mark.django_db
def test_it_rings_every_due_job_once_as_json(django_capture_on_commit_callbacks):
    queue = django_rq.get_queue("default")
    queue.empty()
    scheduler = RingingScheduler(logging_level=logging.WARNING)
    scheduler.load_config_from_file("leadqual_site.schedule")
    names = {job.func_name for job in scheduler.get_jobs()}
    assert "qualification.jobs.sweep" in names
    with django_capture_on_commit_callbacks(execute=True):
        assert {job.func_name for job in scheduler.enqueue_jobs()} == names
    assert scheduler.enqueue_jobs() == []
    rung = queue.jobs
    assert {job.func_name for job in rung} == names
    assert all(job.serializer is JSONSerializer for job in rung)
    queue.empty()
