"""Entry points of the workers: load by id, call the room, nothing else.

Safe to run twice or never.
"""

from __future__ import annotations

from django.utils import timezone

from qualification import pipeline, sweeps


def process_inbox(message_id: int) -> None:
    """One stored message on its way to a lead."""
    pipeline.process(message_id, now=timezone.now())


def rescore_all() -> None:
    """Every lead under the active model, after a publish."""
    pipeline.finish_publish(now=timezone.now())


def sweep() -> None:
    """One pass of every sweeper."""
    sweeps.run_all(now=timezone.now())
