"""`import_leads` run on made-up files of one folder, for its tests."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.models import Lead, Source

MAPPING = """
name: Fair
source: fair
external_id: Id
empty: ["", "n/a"]
fields: {name: Name, email: Mail, company: Company, employees: {column: Staff}}
attributes:
  seats: {column: Seats, type: number}
  customer: {column: Customer, type: boolean, true_values: ["Yes"], false_values: ["No"]}
ignore: [Notes]
"""
HEADER = "Id,Name,Mail,Company,Staff,Seats,Customer,Notes\n"
ANA = "1,Ana Lund,ana@brightwater.com,Brightwater GmbH,120,40,Yes,x\n"
BO = "2,Bo Berg,bo@brightwater.com,Brightwater,,2.5,No,\n"


class Import:
    """Runs the command on files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = folder / "bad.csv"
        self.stderr = ""

    def __call__(
        self,
        content: str | bytes,
        mapping: str = MAPPING,
        *,
        name: str = "leads.csv",
        **options: Any,
    ) -> str:
        """The last line of stdout."""
        file, map_file = self.folder / name, self.folder / "mapping.yaml"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        map_file.write_text(mapping)
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("import_leads", file, mapping=map_file, stdout=out, stderr=err, **options)
        finally:
            self.stderr = err.getvalue()
        return out.getvalue().splitlines()[-1]

    def refusal(self, content: str | bytes, mapping: str = MAPPING, **options: Any) -> str:
        """The one line it refuses with; nothing is written."""
        with pytest.raises(CommandError) as refused:
            self(content, mapping, **options)
        assert refused.value.returncode == 2
        assert "\n" not in str(refused.value)
        assert not Lead.objects.exists()
        assert not Source.objects.exists()
        return str(refused.value)

    def bad(self) -> list[list[str]]:
        """Rows of the error file below its header."""
        with self.errors.open(newline="") as file:
            return list(csv.reader(file))[1:]


def counts(imported: int = 0, updated: int = 0, unchanged: int = 0, failed: int = 0) -> str:
    return f"imported={imported} updated={updated} unchanged={unchanged} failed={failed}"
