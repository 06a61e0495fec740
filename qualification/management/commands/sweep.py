"""`manage.py sweep`: one pass of every sweeper, without Redis."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from qualification import sweeps


class Command(BaseCommand):
    """One line `inbox=N scores=N timers=N leases=N wakeups=N outbox=N`; one that failed shows
    `-`, and the exit code is 1."""

    help = "Run one pass of every sweeper: inbox, scores, timers, leases, wake-ups, outbox."

    def handle(self, *args: Any, **options: Any) -> None:
        handled = sweeps.run_all(now=timezone.now())
        self.stdout.write(" ".join(f"{name}={handled.get(name, '-')}" for name in sweeps.SWEEPERS))
        failed = [name for name in sweeps.SWEEPERS if name not in handled]
        if failed:
            self.stderr.write(f"failed: {', '.join(failed)} (see the log)")
            raise SystemExit(1)
