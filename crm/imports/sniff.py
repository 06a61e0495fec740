"""What kind of file it is: encoding, delimiter, header. Never guesses silently: refuses instead.

Called by `staging.py`; every refusal is a FileInvalid with one line naming file and reason.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crm.exceptions import FileInvalid
from crm.imports.errors import ERROR_COLUMNS, unshielded
from crm.imports.mapping import Mapping
from crm.matching.normalize import fold

DELIMITERS = (",", ";", "\t", "|")
# A cell longer than this is no cell but a quote that was never closed.
MAX_CELL = 1_000_000

_BLOCK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_KINDS = (
    (b"PK\x03\x04", "a zip or spreadsheet (.xlsx): save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel file (.xls): save it as CSV"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed: unpack it first"),
    (b"SQLite", "a database"),
)


@dataclass(frozen=True)
class Layout:
    """How to read the file. `positions` maps each mapped column to its place in a row."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    positions: dict[str, int]
    unmapped: tuple[str, ...]
    is_corrected: bool  # one of our files of bad rows, its first three columns are ours

    def open(self) -> IO[str]:
        """The decoded text, line ends as they are."""
        return open_text(self.path, self.encoding)


def open_text(path: Path, encoding: str) -> IO[str]:
    """Text of the file for the csv module."""
    return open(path, encoding=encoding, errors="strict", newline="")


def sniff(path: Path, mapping: Mapping, encoding: str = "") -> Layout:
    """Look at the whole file once; raises FileInvalid when it is not a CSV this mapping fits."""
    try:
        chosen = _encoding(path, encoding)
        first = _first_line(path, chosen)
        return _layout(path, chosen, first, mapping)
    except OSError as error:
        raise FileInvalid(f"{path}: {error.strerror or 'cannot be read'}") from None


def _encoding(path: Path, wanted: str) -> str:
    with open(path, "rb") as file:
        head = file.read(64)
    if not head:
        raise FileInvalid(f"{path}: the file is empty")
    for magic, kind in _OTHER_KINDS:
        if head.startswith(magic):
            raise FileInvalid(f"{path}: not a CSV file but {kind}")
    chosen = _known_codec(path, wanted) if wanted else _marked(path, head)
    _check_decodes(path, chosen, is_wanted=bool(wanted))
    return chosen


def _known_codec(path: Path, wanted: str) -> str:
    try:
        name = codecs.lookup(wanted).name
        "".encode(name)
    except (LookupError, UnicodeError):
        raise FileInvalid(f"{path}: unknown encoding {wanted!r}") from None
    return "utf-8-sig" if name == "utf-8" else name


def _marked(path: Path, head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            if not encoding:
                raise FileInvalid(f"{path}: UTF-32 is not supported; save it as UTF-8")
            return encoding
    return "utf-8-sig"


def _check_decodes(path: Path, encoding: str, *, is_wanted: bool) -> None:
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    line = 1
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeDecodeError as error:
                line += block[: error.start].count(b"\n")
                raise _undecodable(path, encoding, line, is_wanted=is_wanted) from None
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise _undecodable(path, encoding, line, is_wanted=is_wanted) from None


def _undecodable(path: Path, encoding: str, line: int, *, is_wanted: bool) -> FileInvalid:
    name = encoding.removesuffix("-sig").upper()
    hint = "" if is_wanted else "; name its encoding with --encoding, such as cp1252"
    return FileInvalid(f"{path}: line {line}: not {name} text{hint}")


def _first_line(path: Path, encoding: str) -> str:
    """The physical line that holds the header; a header does not span lines."""
    with open_text(path, encoding) as file:
        for line in file:
            if "\0" in line:
                raise FileInvalid(
                    f"{path}: not a text file, or UTF-16 without its mark "
                    "(name it with --encoding, such as utf-16-le)"
                )
            if line.strip():
                return line
            if len(line) > MAX_CELL:
                break
    raise FileInvalid(f"{path}: the file is empty")


def _layout(path: Path, encoding: str, first: str, mapping: Mapping) -> Layout:
    readings = {delimiter: _split(first, delimiter) for delimiter in DELIMITERS}
    wanted = mapping.columns

    def fitness(delimiter: str) -> tuple[int, int]:
        names = {_key(name) for name in readings[delimiter]}
        return sum(_key(column) in names for column in wanted), len(names)

    delimiter = max(DELIMITERS, key=fitness)
    header = readings[delimiter]
    is_corrected = header[:3] == ERROR_COLUMNS and ERROR_COLUMNS[0] not in wanted
    header = tuple(map(unshielded, header[3:])) if is_corrected else header
    _check_header(path, header, wanted)
    positions = {column: _position(header, column) for column in wanted}
    known = {*positions.values(), *(_position(header, name) for name in mapping.ignore)}
    unmapped = tuple(name for place, name in enumerate(header) if name and place not in known)
    return Layout(path, encoding, delimiter, header, positions, unmapped, is_corrected)


def _split(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        rows: Iterator[list[str]] = csv.reader([line], delimiter=delimiter, strict=True)
        return tuple(name.strip() for name in next(rows))
    except (csv.Error, StopIteration):
        return ()


def _key(name: str) -> str:
    return " ".join(fold(name).split())


def _position(header: tuple[str, ...], column: str) -> int:
    """Place of the column, written so or the same but for case and spaces; -1 when absent."""
    if column in header:
        return header.index(column)
    keys = [_key(name) for name in header]
    return keys.index(_key(column)) if _key(column) in keys else -1


def _check_header(path: Path, header: tuple[str, ...], wanted: list[str]) -> None:
    counted = Counter(name for name in header if name)
    twice = [name for name, count in counted.items() if count > 1]
    if twice:
        raise FileInvalid(f"{path}: line 1: the column {twice[0]!r} stands twice")
    keys = Counter(_key(name) for name in header)
    for column in wanted:
        if column not in counted and keys[_key(column)] > 1:
            raise FileInvalid(f"{path}: line 1: the column {column!r} stands twice")
    missing = [column for column in wanted if _position(header, column) < 0]
    if missing:
        names = ", ".join(repr(column) for column in missing)
        plural = "columns" if len(missing) > 1 else "column"
        raise FileInvalid(f"{path}: line 1: missing {plural} {names}, named by the mapping")
