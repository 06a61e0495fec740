"""The file of bad rows: where, why, and the row as it was, safe to open in a spreadsheet.

Correct the cells and import that file again: the three columns in front are recognised and skipped.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

# First columns of the file; one that begins so is taken for a corrected one.
ERROR_COLUMNS = ("line", "column", "reason")
# A spreadsheet takes a cell that begins so for a formula; full-width forms are folded by some.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0＝＋－＠]")


def shielded(cell: str) -> str:
    """The cell with an apostrophe in front where a spreadsheet would run it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unshielded(cell: str) -> str:
    """The cell before `shielded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def write_bad_rows(
    path: Path, header: Sequence[str], rows: Iterable[tuple[int, str, str, Sequence[str]]]
) -> None:
    """Write (line, column, reason, cells) rows in UTF-8, comma-separated."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*ERROR_COLUMNS, *map(shielded, header)])
        for line, column, reason, cells in rows:
            writer.writerow([line, shielded(column), reason, *map(shielded, cells)])
