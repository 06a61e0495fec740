"""Tables as files to take away."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

from crm.imports.errors import shielded


def csv_file(name: str, rows: Iterable[Sequence[str]]) -> HttpResponse:
    """The rows as a file of this name; what looks like a formula is not run by a spreadsheet."""
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(answer)
    for row in rows:
        writer.writerow([shielded(cell) for cell in row])
    return answer
