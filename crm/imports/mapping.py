"""The mapping file: which column is what. Refuses unknown keys with one line naming key and reason.

Called by the `import_leads` command and whoever replays files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from crm.exceptions import MappingInvalid
from crm.intake.attributes import NAME as ATTRIBUTE_NAME
from crm.intake.payload import ACCOUNT_FIELDS, LEAD_FIELDS, MAX_TYPE, PARENT
from crm.intake.values import TRUE_WORDS
from crm.matching.normalize import fold

FIELDS = (*LEAD_FIELDS, "name", *ACCOUNT_FIELDS, PARENT)
MAX_BYTES = 1_000_000


def _as_text(value: Any) -> Any:
    """Numbers may stand without quotes; yes and no are truth values in YAML and must not."""
    if isinstance(value, bool):
        raise ValueError("put it in quotes: YAML reads it as a truth value")
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Column = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1)]
Slug = Annotated[Text, StringConstraints(pattern=r"^[-a-zA-Z0-9_]{1,60}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldColumn(_Strict):
    """Where a field of the lead or the account comes from."""

    column: Column
    true_values: list[Text] = Field(default=list(TRUE_WORDS), min_length=1)


class AttributeColumn(_Strict):
    """Where a custom attribute comes from, and its type."""

    column: Column
    type: Literal["text", "choice", "number", "boolean", "date"]
    true_values: list[Text] | None = Field(default=None, min_length=1)
    false_values: list[Text] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _words_are_for_booleans(self) -> AttributeColumn:
        if self.type != "boolean" and (self.true_values or self.false_values):
            raise ValueError("true_values and false_values are for type boolean")
        both = {fold(word) for word in self.true_values or []} & {
            fold(word) for word in self.false_values or []
        }
        if both:
            raise ValueError(f"{sorted(both)[0]!r} is both true and false")
        return self

    @property
    def declared_type(self) -> str:
        """Type of the AttributeDefinition: a choice is text."""
        return "text" if self.type == "choice" else self.type


class OutcomeColumn(_Strict):
    """The known result of a past lead: won for these values, lost for every other."""

    column: Column
    positive: list[Text] = Field(min_length=1)


class ActivityType(_Strict):
    """What each row tells that happened."""

    type: Annotated[Text, StringConstraints(pattern=rf"^[a-z][a-z0-9_]{{0,{MAX_TYPE - 1}}}$")]


def _field(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _activity(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


FieldSpec = Annotated[FieldColumn, BeforeValidator(_field)]


class Mapping(_Strict):
    """A mapping as in the documentation; every key once."""

    name: Column
    source: Slug
    external_id: Column
    order_by: Column | None = None
    empty: list[Text] = [""]
    fields: dict[str, FieldSpec] = {}
    attributes: dict[str, AttributeColumn] = {}
    ignore: list[Column] = []
    outcome: OutcomeColumn | None = None
    blank_clears: bool = False
    received_at: Column | None = None
    occurred_at: Column | None = None
    activity: Annotated[ActivityType, BeforeValidator(_activity)] | None = None
    team: Column | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Mapping:
        for name in self.fields:
            if name not in FIELDS:
                raise ValueError(f"fields.{name}: no such field; known: {', '.join(FIELDS)}")
        for name in self.attributes:
            if not ATTRIBUTE_NAME.fullmatch(name):
                raise ValueError(f"attributes.{name}: a name has a-z, 0-9 and _, 60 at most")
        if "name" in self.fields and {"first_name", "last_name"} & set(self.fields):
            raise ValueError("fields.name: give either name or first_name and last_name")
        if self.occurred_at and not self.activity:
            raise ValueError("occurred_at: needs activity, the type of what occurred")
        twice = set(self.ignore) & set(self.columns)
        if twice:
            raise ValueError(f"ignore: {sorted(twice)[0]!r} is mapped, too")
        return self

    @property
    def columns(self) -> list[str]:
        """Every column the mapping reads, once, in a fixed order."""
        single = [self.external_id, self.order_by, self.received_at, self.occurred_at]
        named: list[FieldColumn | AttributeColumn]
        named = [*self.fields.values(), *self.attributes.values()]
        if self.outcome:
            single.append(self.outcome.column)
        return list(dict.fromkeys([c for c in single if c] + [spec.column for spec in named]))


class _UniqueKeys(yaml.SafeLoader):
    """YAML without repeated keys, which PyYAML would let the last one win."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002
    ) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_mapping(path: Path) -> Mapping:
    """The mapping in this file; raises MappingInvalid with one line naming file, key and reason."""
    try:
        text = path.read_bytes()[: MAX_BYTES + 1]
        document = yaml.load(text.decode("utf-8-sig"), _UniqueKeys)  # noqa: S506  # nosec
    except OSError as error:
        raise MappingInvalid(f"{path}: {error.strerror or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise MappingInvalid(f"{path}: not UTF-8 text") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MappingInvalid(f"{path}: {_yaml_line(error)}") from None
    if not isinstance(document, dict):
        raise MappingInvalid(f"{path}: not a mapping of keys to values")
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        raise MappingInvalid(f"{path}: {_first(error)}") from None


def _yaml_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not valid YAML"
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)


def _first(error: ValidationError) -> str:
    """The first mistake as `key: reason`, and how many more there are."""
    mistakes = error.errors(include_url=False, include_input=False)
    first = mistakes[0]
    key = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        reason = "no such key"
    elif first["type"] == "missing":
        reason = "is missing"
    more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    return f"{key}: {reason}{more}" if key else f"{reason}{more}"
