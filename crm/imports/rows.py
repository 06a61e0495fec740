"""One row of cells becomes a LeadPayload, or the column and reason why not. Pure.

Called by `load.py` for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.utils import timezone

from crm.exceptions import PayloadInvalid
from crm.imports.mapping import AttributeColumn, Mapping
from crm.intake import values
from crm.intake.payload import (
    MAX_EXTERNAL_ID,
    MAX_LENGTH,
    ActivityPayload,
    LeadPayload,
    Value,
    read_field,
)
from crm.matching import normalize

Reader = Callable[[str], Value]
# At the ends of the calendar a time cannot be read back in every zone.
FIRST_YEAR, LAST_YEAR = 1900, 2200


class RowInvalid(Exception):
    """The row cannot be imported: which column, and why."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column, self.reason = column, reason


class RowReader:
    """Reads cells by a mapping; made once for a file."""

    def __init__(self, mapping: Mapping, positions: dict[str, int]) -> None:
        self.mapping, self.positions = mapping, positions
        self.empty = {word.strip() for word in mapping.empty} | {""}
        self.fields = [
            (key, spec.column, _field_reader(key, spec.true_values))
            for key, spec in mapping.fields.items()
        ]
        self.attributes = [
            (name, spec.column, _attribute_reader(spec))
            for name, spec in mapping.attributes.items()
        ]
        self.positive = (
            {normalize.fold(word) for word in mapping.outcome.positive}
            if (mapping.outcome)
            else set()
        )

    def payload(self, cells: Sequence[str], now: datetime) -> LeadPayload:
        """What the row says; raises RowInvalid."""
        external_id = self._text(cells, self.mapping.external_id)
        if not external_id:
            raise RowInvalid(self.mapping.external_id, "is missing")
        if len(external_id) > MAX_EXTERNAL_ID:
            raise RowInvalid(self.mapping.external_id, f"longer than {MAX_EXTERNAL_ID} characters")
        said, blank_fields = self._values(cells, self.fields)
        attributes, blank_attributes = self._values(cells, self.attributes)
        if "name" in said:
            said |= _name_parts(str(said.pop("name")), self.mapping.fields["name"].column)
        cleared = {"first_name", "last_name"} if "name" in blank_fields else set()
        cleared |= {*blank_fields, *(f"attributes.{name}" for name in blank_attributes)}
        received_at = self._instant(cells, self.mapping.received_at)
        return LeadPayload(
            external_id=external_id,
            values=said,
            attributes=attributes,
            cleared=frozenset(cleared) if self.mapping.blank_clears else frozenset(),
            outcome=self._outcome(cells),
            received_at=received_at,
            activity=self._activity(cells, external_id, received_at or now),
        )

    def _values(
        self, cells: Sequence[str], readers: list[tuple[str, str, Reader]]
    ) -> tuple[dict[str, Value], list[str]]:
        said: dict[str, Value] = {}
        blank: list[str] = []
        for key, column, read in readers:
            text = self._text(cells, column)
            value: Value = ""
            if text:
                try:
                    value = read(text)
                except PayloadInvalid as error:
                    raise RowInvalid(column, str(error)) from None
            if value == "":
                blank.append(key)
            else:
                said[key] = value
        return said, blank

    def _text(self, cells: Sequence[str], column: str) -> str:
        text = cells[self.positions[column]].strip()
        return "" if text in self.empty else text

    def _outcome(self, cells: Sequence[str]) -> str:
        if self.mapping.outcome is None:
            return ""
        text = self._text(cells, self.mapping.outcome.column)
        if not text:
            return ""
        return "won" if normalize.fold(text) in self.positive else "lost"

    def _instant(self, cells: Sequence[str], column: str | None) -> datetime | None:
        text = self._text(cells, column) if column else ""
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            aware = moment if moment.tzinfo else timezone.make_aware(moment)
        except (ValueError, OverflowError):
            raise RowInvalid(str(column), "not a date or time (YYYY-MM-DD HH:MM)") from None
        if not FIRST_YEAR <= aware.year <= LAST_YEAR:
            raise RowInvalid(str(column), f"not in the years {FIRST_YEAR} to {LAST_YEAR}")
        return aware

    def _activity(
        self, cells: Sequence[str], external_id: str, default: datetime
    ) -> ActivityPayload | None:
        if self.mapping.activity is None:
            return None
        stated = self._instant(cells, self.mapping.occurred_at)
        kind = self.mapping.activity.type
        # Without a time of its own the row is one event, whenever the file is imported.
        moment = stated.isoformat() if stated else ""
        return ActivityPayload(
            type=kind,
            occurred_at=stated or default,
            event_key=f"row:{values.digest(f'{external_id}|{kind}|{moment}')}",
        )


def _field_reader(key: str, true_values: Sequence[str]) -> Reader:
    if key == "opted_out":
        words = {normalize.fold(word) for word in true_values}
        return lambda text: values.read_boolean(text, words)
    if key == "name":
        return normalize.clean_text
    return lambda text: read_field(key, text)


def _name_parts(name: str, column: str) -> dict[str, Value]:
    parts = dict(zip(("first_name", "last_name"), normalize.split_name(name), strict=True))
    for key, part in parts.items():
        if len(part) > MAX_LENGTH[key]:
            raise RowInvalid(column, f"longer than {MAX_LENGTH[key]} characters")
    return {key: part for key, part in parts.items() if part}


def _attribute_reader(spec: AttributeColumn) -> Reader:
    if spec.type == "number":
        return values.read_number
    if spec.type == "date":
        return values.read_date
    if spec.type == "boolean":
        true_words = {normalize.fold(word) for word in spec.true_values or values.TRUE_WORDS}
        false_words = None
        if spec.false_values or not spec.true_values:
            false_words = {normalize.fold(word) for word in spec.false_values or values.FALSE_WORDS}
        return lambda text: values.read_boolean(text, true_words, false_words)
    return values.read_text
