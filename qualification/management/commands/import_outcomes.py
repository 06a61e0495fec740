"""`manage.py import_outcomes FILE`: outcomes from a CSV file, all of it or nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.models import Source
from qualification.exceptions import OutcomeInvalid
from qualification.outcomes.file import COLUMNS, file_source, load_outcomes


class Command(BaseCommand):
    help = (
        f"Loads outcomes from a CSV file with the columns {', '.join(COLUMNS)}."
        " Last line: recorded=N known=N unmatched=N failed=N. With one wrong row nothing is kept:"
        " exit 1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", default="", help="whose ids the column `lead` may hold")
        parser.add_argument("--dry-run", action="store_true", help="check and count, keep nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        source = self._source(options["source"]) or file_source(now=now)
        try:
            loaded = load_outcomes(
                body=options["file"].read_bytes(),
                source=source,
                now=now,
                dry_run=options["dry_run"],
            )
        except (OSError, OutcomeInvalid) as error:
            raise CommandError(f"{options['file']}: {error}", returncode=2) from None
        for wrong in loaded.errors:
            self.stderr.write(f"line {wrong.line}: {wrong.words}")
        self.stdout.write(
            f"recorded={loaded.recorded} known={loaded.known}"
            f" unmatched={loaded.unmatched} failed={len(loaded.errors)}"
        )
        if loaded.errors:
            raise SystemExit(1)

    def _source(self, name: str) -> Source | None:
        if not name:
            return None
        source = Source.objects.filter(name=name).first()
        if source is None:
            raise CommandError(f"there is no source named {name!r}", returncode=2)
        return source
