"""Cells of bad rows cannot run as formulas, and come back as they were."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.imports.errors import shielded, unshielded, write_bad_rows

STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"]
cells = st.tuples(
    st.sampled_from(["", "'", "''", *STARTS]), st.sampled_from(["", *STARTS]), st.text()
).map("".join)


@given(cells)
def test_it_shields_and_gives_back_any_cell(cell: str) -> None:
    assert unshielded(shielded(cell)) == cell
    assert not shielded(cell).startswith(tuple(STARTS))


@pytest.mark.parametrize("cell", ["+49 30 1", "-5", "=1+1", "@x", "'=1"])
def test_it_puts_an_apostrophe_in_front(cell: str) -> None:
    assert shielded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ana", "5", "'quoted'", "a=b", "O'Neill"])
def test_it_leaves_harmless_cells_alone(cell: str) -> None:
    assert shielded(cell) == unshielded(cell) == cell


def test_it_quotes_what_needs_quotes(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    write_bad_rows(path, ["Id", "=Name"], [(3, "=Name", "bad", ["1", 'two\nlines, "quoted"'])])
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "column", "reason", "Id", "'=Name"],
            ["3", "'=Name", "bad", "1", 'two\nlines, "quoted"'],
        ]
