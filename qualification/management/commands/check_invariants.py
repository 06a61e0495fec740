"""`manage.py check_invariants`: what does not hold, with the rows."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from qualification.invariants import violations

SHOWN = 10


class Command(BaseCommand):
    """One line per broken invariant, last line `violations=N` (rows); exit 0 if it could look."""

    help = "Check that no lead is lost and every row fits the others."

    def handle(self, *args: Any, **options: Any) -> None:
        found = violations()
        for violation in found:
            ids = ", ".join(str(pk) for pk in violation.ids[:SHOWN])
            more = f" and {len(violation.ids) - SHOWN} more" if len(violation.ids) > SHOWN else ""
            self.stdout.write(f"{violation.kind}: {violation.of} {ids}{more}")
        self.stdout.write(f"violations={sum(len(violation.ids) for violation in found)}")
