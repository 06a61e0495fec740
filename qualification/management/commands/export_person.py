"""`export_person LEAD [--out FILE] [--csv]`: everything held about one person."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from qualification.exceptions import ModelInvalid
from qualification.management.commands.explain import lead_named
from qualification.personal import export


class Command(BaseCommand):
    """Writes the data of a person to a file or to the terminal."""

    help = "Write everything held about a lead's person: JSON, or one CSV a table in a zip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Lead, place, form."""
        parser.add_argument(
            "lead", metavar="LEAD", help="number of the lead, or source:external_id"
        )
        parser.add_argument("--out", metavar="FILE", type=Path, help="else the terminal")
        parser.add_argument("--csv", action="store_true", help="a zip of CSV files; wants --out")

    def handle(self, *args: Any, lead: str, out: Path | None, csv: bool, **options: Any) -> None:
        """Write it; that it was given out is kept."""
        if csv and out is None:
            raise CommandError("a zip goes into a file: give --out", returncode=2)
        try:
            found = lead_named(lead)
        except ModelInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        now = timezone.now()
        form = export.CSV if csv else export.JSON
        export.record_export(lead=found, form=form, by=None, now=now)
        if out is None:
            self.stdout.writelines(export.as_json(found, now=now))
        elif csv:
            out.write_bytes(export.as_zip(found))
        else:
            with out.open("w", encoding="utf-8") as file:
                file.writelines(export.as_json(found, now=now))
        self.stderr.write(f"exported lead={found.pk} form={form}")
