"""`export_scores [--model N]`: the scores as CSV, one row per identity."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from qualification.exceptions import ModelInvalid
from qualification.scoring.compile import CompiledModel, compile_model, leads_between
from qualification.scoring.points import points_text
from qualification.scoring.rescore import key_ranges
from qualification.scoring.versions import chosen_or_live

HEADER = [
    "source",
    "external_id",
    "fit",
    "intent",
    "score",
    "grade",
    "tier",
    "disqualified",
    "model_version",
    "probability",
]


class Command(BaseCommand):
    """Scores every lead under the chosen version as of now and writes what it found."""

    help = "Write the scores as CSV, one row per identity."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which version, by number."""
        parser.add_argument(
            "--model", metavar="N", type=int, help="version (default: the live one)"
        )

    def handle(self, *args: Any, model: int | None, **options: Any) -> None:
        """Print the file, chunk by chunk."""
        try:
            chosen = chosen_or_live(model)
        except ModelInvalid as error:
            raise CommandError(str(error), returncode=2) from None
        writer = csv.writer(self.stdout, lineterminator="\n")
        writer.writerow(HEADER)
        compiled, now = compile_model(chosen), timezone.now()
        for first, last, _ in key_ranges():
            writer.writerows(score_rows(compiled, first, last, now))


def score_rows(
    compiled: CompiledModel, first: int, last: int, now: datetime
) -> Iterator[list[object]]:
    """One row per identity of the leads in the key range, by lead."""
    totals, params = compiled.totals(leads_between(first, last, as_of=now))
    sql = f"""
        SELECT o.name, i.external_id, t.fit, t.intent, t.total, t.grade, t.tier, t.disqualified
        FROM ({totals}) AS t
        JOIN crm_leadidentity AS i ON i.lead_id = t.row_id
        JOIN crm_source AS o ON o.id = i.source_id
        ORDER BY t.row_id, i.id
    """  # noqa: S608 - compiled text; values are parameters  # nosec
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        for source, external_id, fit, intent, total, *standing in cursor.fetchall():
            points = (points_text(fit), points_text(intent), points_text(total))
            yield [source, external_id, *points, *standing, compiled.model.version, ""]
