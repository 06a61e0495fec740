"""The reference limit: a file of SQL in sections, with tables and rows of its own."""

from __future__ import annotations

import re
from pathlib import Path

from django.db import connection

_COPY = re.compile(r"COPY \((.*?)\n?\) TO :'(\w+)_csv' \(FORMAT csv\);", re.DOTALL)


class LimitFile:
    """The file's statements by section, at another size than it names."""

    def __init__(self, path: Path, *, leads: int, activities: int) -> None:
        text = re.sub(r"\b1000000\b", str(leads), path.read_text())
        text = re.sub(r"\b5000000\b", str(activities), text)
        parts = re.split(r"^-- SECTION (\w+).*$", text, flags=re.MULTILINE)
        self.sections = dict(zip(parts[1::2], parts[2::2], strict=True))

    def build(self) -> None:
        """Its tables, filled, with its index and its view."""
        with connection.cursor() as cursor:
            cursor.execute(self.sections["schema"])
            for select, table in _COPY.findall(self.sections["gen"]):
                cursor.execute(f"INSERT INTO {table} {select}")
            for statement in self.sections["index"].split(";"):
                if statement.strip():
                    cursor.execute(statement)
            cursor.execute(self.sections["fn"])

    def run(self, section: str) -> None:
        """One of its statements, as it stands."""
        with connection.cursor() as cursor:
            cursor.execute(self.sections[section])
            if cursor.description:
                cursor.fetchall()
