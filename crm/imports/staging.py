"""The rows of a file in a temporary table, in the order they are taken. Nothing else is touched.

Called by `load.py`. The table lives in the session: a killed import leaves nothing of it behind.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from psycopg import sql

from crm.exceptions import FileInvalid
from crm.imports.errors import unshielded
from crm.imports.mapping import Mapping
from crm.imports.sniff import MAX_CELL, Layout

REPEATED = "repeated in the file with other values"


@dataclass(frozen=True)
class StagedRow:
    """One data row; `reason` is set when it is bad already."""

    seq: int
    line: int
    cells: list[str]
    column: str
    reason: str


class Staging:
    """Temporary tables with the rows; a context manager that drops them."""

    def __init__(self, layout: Layout, mapping: Mapping) -> None:
        self.layout, self.mapping = layout, mapping
        self.name = f"import_{uuid.uuid4().hex[:12]}"
        self.count = 0

    def __enter__(self) -> Staging:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "CREATE TEMP TABLE {raw} (line integer NOT NULL, cells text[] NOT NULL, "
                    'external_id text NOT NULL, order_key text NOT NULL, "column" text NOT NULL, '
                    "reason text NOT NULL)"
                ).format(raw=self._raw)
            )
            self._copy()
            self._order()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:  # the transaction may be broken; the session's end drops them, too
            return
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}, {}").format(self._raw, self._rows))

    @property
    def _raw(self) -> sql.Identifier:
        return sql.Identifier(f"{self.name}_raw")

    @property
    def _rows(self) -> sql.Identifier:
        return sql.Identifier(self.name)

    def _copy(self) -> None:
        statement = sql.SQL(
            'COPY {raw} (line, cells, external_id, order_key, "column", reason) FROM STDIN'
        ).format(raw=self._raw)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in self._read():
                copy.write_row(row)
                self.count += 1

    def _read(self) -> Iterator[tuple[int, list[str], str, str, str, str]]:
        layout = self.layout
        id_place = layout.positions[self.mapping.external_id]
        order_place = layout.positions[self.mapping.order_by or self.mapping.external_id]
        for line, cells in data_rows(layout):
            reason = ""
            if any("\0" in cell for cell in cells):
                reason = "holds a NUL character"
            if len(cells) != len(layout.header):
                reason = f"{len(cells)} cells where the header has {len(layout.header)}"
            kept = [cell.replace("\0", "\N{REPLACEMENT CHARACTER}") for cell in cells]
            external_id = kept[id_place].strip() if id_place < len(kept) else ""
            order_key = kept[order_place].strip() if order_place < len(kept) else ""
            yield line, kept, external_id, order_key, "", reason

    def _order(self) -> None:
        """Number the rows in the order of arrival and mark repeated external ids."""
        mapped = sql.SQL(", ").join(
            sql.SQL("btrim(cells[{}])").format(sql.Literal(place + 1))
            for place in sorted(set(self.layout.positions.values()))
        )
        key = sql.SQL("line") if not self.mapping.order_by else self._order_key()
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "CREATE TEMP TABLE {rows} AS SELECT row_number() OVER (ORDER BY {key}, line) "
                    'AS seq, line, cells, external_id, "column", reason, '
                    "NULL::boolean AS is_equal FROM {raw}"
                ).format(rows=self._rows, raw=self._raw, key=key)
            )
            cursor.execute(sql.SQL("TRUNCATE {}").format(self._raw))
            cursor.execute(sql.SQL("CREATE UNIQUE INDEX ON {} (seq)").format(self._rows))
            # Rows that come again: is each like the first good one of its external id?
            cursor.execute(
                sql.SQL(
                    "UPDATE {rows} AS r SET is_equal = again.is_equal FROM ("
                    "  SELECT seq, row_number() OVER w AS nth,"
                    "    ARRAY[{mapped}] = first_value(ARRAY[{mapped}]) OVER w AS is_equal"
                    "  FROM {rows} WHERE reason = '' AND external_id <> ''"
                    "  WINDOW w AS (PARTITION BY external_id ORDER BY seq)"
                    ") AS again WHERE again.seq = r.seq AND again.nth > 1"
                ).format(rows=self._rows, mapped=mapped)
            )
            cursor.execute(
                sql.SQL(
                    'UPDATE {rows} SET reason = %s, "column" = %s WHERE is_equal = false'
                ).format(rows=self._rows),
                [REPEATED, self.mapping.external_id],
            )

    def _order_key(self) -> sql.Composable:
        """Numbers sort as numbers when every row has one; blanks come last."""
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT bool_and(order_key ~ '^[+-]?[0-9]{{1,100}}([.][0-9]{{1,100}})?$') "
                    "FROM {} WHERE order_key <> ''"
                ).format(self._raw)
            )
            is_numeric = bool(cursor.fetchone()[0])
        text = (
            "nullif(order_key, '')::numeric"
            if is_numeric
            else "nullif(order_key, '') COLLATE \"C\""
        )
        return sql.SQL(text + " NULLS LAST")

    def rows(self, after: int, count: int) -> list[StagedRow]:
        """The next rows after this number."""
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    'SELECT seq, line, cells, "column", reason FROM {rows} '
                    "WHERE seq > %s AND seq <= %s ORDER BY seq"
                ).format(rows=self._rows),
                [after, after + count],
            )
            return [StagedRow(*row) for row in cursor.fetchall()]

    def mark_bad(self, bad: Sequence[tuple[int, str, str]]) -> None:
        """Note (seq, column, reason) of rows that turned out bad."""
        if not bad:
            return
        seqs, columns, reasons = (list(part) for part in zip(*bad, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    'UPDATE {rows} AS r SET "column" = b.c, reason = b.r '
                    "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS b(seq, c, r) "
                    "WHERE b.seq = r.seq"
                ).format(rows=self._rows),
                [seqs, columns, reasons],
            )

    def bad_rows(self) -> Iterator[tuple[int, str, str, list[str]]]:
        """(line, column, reason, cells) of every bad row, by line, a thousand at a time."""
        line = 0
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL(
                        'SELECT line, "column", reason, cells FROM {rows} '
                        "WHERE reason <> '' AND line > %s ORDER BY line LIMIT 1000"
                    ).format(rows=self._rows),
                    [line],
                )
                found = cursor.fetchall()
            yield from found
            if not found:
                return
            line = found[-1][0]


def data_rows(layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """(physical line where it begins, cells) of every row below the header, but for blank rows.

    Raises FileInvalid when the file is not a CSV below its header.
    """
    csv.field_size_limit(MAX_CELL)
    skipped = 3 if layout.is_corrected else 0
    with layout.open() as file:
        reader = csv.reader(file, delimiter=layout.delimiter, strict=True)
        is_header, begins = True, 1
        try:
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    pass
                elif is_header:
                    is_header = False
                elif skipped:
                    yield begins, [unshielded(cell) for cell in cells[skipped:]]
                else:
                    yield begins, cells
                begins = reader.line_num + 1
        except csv.Error as error:
            raise FileInvalid(f"{layout.path}: line {begins}: not a CSV row: {error}") from None
