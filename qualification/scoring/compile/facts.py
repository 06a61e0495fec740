"""Decides how each subject is read from the rows: typed, folded, NULL when missing.
One column a subject, computed once a lead; used by the rest of the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qualification.scoring.compile.sources import Source
from qualification.scoring.declared import subject_type
from qualification.scoring.operators import ValueType
from qualification.scoring.subjects import COMMITTEE, Catalogue, Subject

# Columns that have a generated twin, folded when stored (crm/models).
FOLDED = {
    "lead": frozenset(
        [
            "first_name",
            "last_name",
            "title",
            "seniority",
            "department",
            "country",
            "city",
            "channel",
            "campaign",
            "topic",
        ]
    ),
    "account": frozenset({"name", "industry", "country", "city"}),
}
TABLE = {"lead": "l", "account": "c"}

# Year 0 is no year; anything after the date (a time) does not change the day.
_LOOKS_LIKE_DATE = r"^(?!0000)\d{4}-\d{2}-\d{2}($|[Tt ])"


class Params:
    """Values of the statement, each under a name: none ever enters the text. The same value has the
    same name, so that equal expressions are equal text."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[object, str] = {}

    def add(self, value: object) -> str:
        """The placeholder of a value; a tuple is passed as an array."""
        known = (type(value), value)
        if known not in self._names:
            self._names[known] = f"p{len(self.values)}"
            plain = list(value) if isinstance(value, tuple) else value
            self.values[self._names[known]] = plain
        return f"%({self._names[known]})s"


class Facts:
    """Collects the subjects a model looks at and gives each a column of the facts row."""

    def __init__(self, params: Params, used: Mapping[str, ValueType], catalogue: Catalogue) -> None:
        self.params = params
        self.used = used
        self.catalogue = catalogue
        self.columns: dict[str, str] = {}
        self.subjects: dict[str, Subject] = {}
        self.answers: dict[str, str] = {}
        self.needs_account = False
        self.needs_committee = False
        self.needs_source = False

    def column(self, subject: Subject) -> str:
        """The column of this subject in the facts row, `f.<name>`."""
        if subject.name not in self.columns:
            self.columns[subject.name] = f"f{len(self.columns)}"
            self.subjects[subject.name] = subject
            is_counted = subject.family == "account" and subject.part in COMMITTEE
            self.needs_committee |= is_counted
            self.needs_account |= subject.family == "account" and not is_counted
            self.needs_source |= subject.name == "lead.source"
            if subject.family == "checklist":
                self.answers.setdefault(subject.part, f"n{len(self.answers)}")
        return f"f.{self.columns[subject.name]}"

    def type_of(self, subject: Subject) -> ValueType:
        """The type the subject is compared as."""
        return subject_type(subject, self.used, self.catalogue)

    def selected(self, source: Source) -> list[str]:
        """`expression AS column` for the facts row, compared form."""
        return [
            f"{self._read(s, source)} AS {self.columns[name]}" for name, s in self.subjects.items()
        ]

    def shown(self, source: Source) -> list[str]:
        """`expression AS column_shown` as text, as it was written, for the ledger's words."""
        return [
            f"{self._show(s, source)} AS {self.columns[name]}_shown"
            for name, s in self.subjects.items()
        ]

    def joins(self, source: Source) -> list[str]:
        """Only the joins that the subjects need."""
        found = []
        if self.needs_account:
            found.append(source.account)
        if self.needs_committee:
            found.append(source.committee)
        if self.needs_source:
            found.append(source.origin)
        if self.answers:
            found.append(self._answers(source))
        return found

    def _read(self, subject: Subject, source: Source) -> str:
        kind = self.type_of(subject)
        match subject.family:
            case "attributes":
                key = f"{self.params.add(subject.part)}::text"
                return self._from_json(
                    f"l.attributes_folded -> {key}",
                    f"l.attributes_folded ->> {key}",
                    kind,
                    must_fold=False,
                )
            case "checklist":
                alias = self.answers[subject.part]
                if subject.is_state:
                    return f"n.{alias}_state"
                return self._from_json(f"n.{alias}", f"n.{alias} #>> '{{}}'", kind, must_fold=True)
        return self._field(subject, kind, source)

    def _field(self, subject: Subject, kind: ValueType, source: Source) -> str:
        column = self.stored(subject, source)
        if kind is ValueType.TEXT:
            if subject.part in FOLDED[subject.family]:
                return f"nullif({column}_folded, '')"
            return f"nullif(lower(btrim({column})), '')"
        if kind is ValueType.DATE:
            return f"({column} AT TIME ZONE 'UTC')::date"
        return column

    def stored(self, subject: Subject, source: Source) -> str:
        """The fact as its column or its expression has it."""
        if subject.name in source.derived:
            return source.derived[subject.name]
        if subject.name == "lead.source":
            return "o.name"
        if subject.family == "account" and subject.part in COMMITTEE:
            return f"g.{subject.part}"
        return f"{TABLE[subject.family]}.{subject.part}"

    def _from_json(self, value: str, text: str, kind: ValueType, *, must_fold: bool) -> str:
        """A JSON value as its type; another type than expected is missing and never an error."""
        folded = f"lower(btrim({text}))" if must_fold else f"({text})"
        is_text = f"jsonb_typeof({value}) = 'string'"
        match kind:
            case ValueType.TEXT:
                return f"CASE WHEN {is_text} THEN nullif({folded}, '') END"
            case ValueType.NUMBER:
                return f"CASE WHEN jsonb_typeof({value}) = 'number' THEN ({text})::numeric END"
            case ValueType.BOOLEAN:
                return f"CASE WHEN jsonb_typeof({value}) = 'boolean' THEN ({text})::boolean END"
            case ValueType.DATE:
                pattern = self.params.add(_LOOKS_LIKE_DATE)
                # jsonpath reads dates without raising: 31 February is missing, not an error.
                day = f"to_jsonb(left(btrim({text}), 10))"
                return f"""CASE WHEN {is_text} AND btrim({text}) ~ {pattern} THEN (
                    jsonb_path_query_first({day}, '$.datetime()', '{{}}', true) #>> '{{}}'
                )::date END"""
        return f"nullif({folded}, '')"

    def _show(self, subject: Subject, source: Source) -> str:
        match subject.family:
            case "attributes":
                return f"(l.attributes ->> {self.params.add(subject.part)}::text)"
            case "checklist":
                alias = self.answers[subject.part]
                return f"n.{alias}_state" if subject.is_state else f"(n.{alias} #>> '{{}}')"
        if self.type_of(subject) is ValueType.DATE:
            return f"({self.stored(subject, source)} AT TIME ZONE 'UTC')::date::text"
        return f"({self.stored(subject, source)})::text"

    def _answers(self, source: Source) -> str:
        keys = self.params.add(tuple(self.answers))
        columns = []
        for criterion, alias in self.answers.items():
            one = f"FILTER (WHERE q.key = {self.params.add(criterion)})"
            latest = "ORDER BY n.recorded_at DESC, n.id DESC"
            columns += [
                f"(array_agg(n.value {latest}) {one})[1] AS {alias}",
                f"(array_agg(n.state {latest}) {one})[1] AS {alias}_state",
            ]
        return f"""LEFT JOIN (
            SELECT {source.answer_row} AS row_id, {", ".join(columns)}
            FROM {source.answers} JOIN qualification_criterion AS q ON q.id = n.criterion_id
            WHERE {source.answer_where} AND q.key = ANY({keys})
              AND n.recorded_at <= {source.as_of}
              AND (n.superseded_at IS NULL OR n.superseded_at > {source.as_of})
            GROUP BY 1
        ) AS n ON n.row_id = {source.row_id}"""  # noqa: S608 - values are parameters  # nosec
