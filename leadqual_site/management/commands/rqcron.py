"""Rings the periodic jobs of a schedule through our own doorbell: `rqcron leadqual_site.schedule`.

RQ's scheduler would enqueue with pickle, which our workers refuse, and fail while Redis is down.
"""

import logging
from typing import Any

from django.core.management.base import CommandError
from django_rq.cron import DjangoCronScheduler
from django_rq.management.commands import rqcron
from rq.cron import CronJob
from rq.utils import now

from qualification.enqueue import ring


class RingingScheduler(DjangoCronScheduler):
    """RQ's clock with our bell: only `qualification.enqueue.ring` puts anything on Redis."""

    def enqueue_jobs(self) -> list[CronJob]:
        """Ring for every job that is due and return these."""
        moment = now()
        due = [job for job in self.get_jobs() if job.should_run()]
        for job in due:
            ring(job.func_name.rpartition(".")[2], queue=job.queue_name)
            job.set_enqueue_time(moment)
        return due


class Command(rqcron.Command):
    """Replaces django-rq's command of the same name."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Load the schedule and ring until stopped. CommandError when it holds no job."""
        level = getattr(logging, options["logging_level"])
        scheduler = RingingScheduler(logging_level=level)
        scheduler.load_config_from_file(options["config_path"])
        if not scheduler.get_jobs():
            raise CommandError(f"{options['config_path']} registers no job")
        scheduler.start()  # type: ignore[no-untyped-call]
