"""`manage.py verify_chain`: whether decisions, rules and rights are as written."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from qualification.audit.verify import verify


class Command(BaseCommand):
    """Last line `entries=N rows=N breaks=N head=SEQ:HASH`; exit 1 when something is broken."""

    help = "Check the chain of audit entries and every row it vouches for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from", dest="since", type=int, default=1, help="first entry to look at"
        )
        parser.add_argument(
            "--head", default="", help="SEQ:HASH kept elsewhere, which the chain must contain"
        )

    def handle(self, *args: Any, since: int, head: str, **options: Any) -> None:
        report = verify(since=max(since, 1), head=head)
        if report.breaks:
            self.stdout.write(f"first break: {report.breaks[0]}")
        self.stdout.write(
            f"entries={report.entries} rows={report.rows} breaks={report.n_breaks}"
            f" head={report.head_seq}:{report.head_hash}"
        )
        if not report.is_whole:
            sys.exit(1)
