"""The condition of a rule as a form: rows and groups with the texts of their fields.

Pure. It turns fields into what a file would say and back; what that means, and whether it is
allowed, only the parser knows. A form may be unfinished, a condition may not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from qualification.exceptions import ModelInvalid
from qualification.scoring.conditions import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    NotThis,
    Scalar,
)
from qualification.scoring.operators import OPERATORS, Operator, Shape, ValueType
from qualification.scoring.subjects import Catalogue, subject_of

ROOT = "n"
ROW, ALL, ANY = "row", "all", "any"
NEW_SUBJECT, NEW_OP = "lead.title", "contains"
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,10})?")


@dataclass
class Node:
    """A row (subject, operator, values as texts) or a group of parts. `place` names its fields."""

    kind: str
    is_not: bool = False
    parts: list[Node] = field(default_factory=list)
    subject: str = NEW_SUBJECT
    op: str = NEW_OP
    values: list[str] = field(default_factory=list)
    place: str = ROOT
    type: ValueType = ValueType.ANY

    @property
    def operator(self) -> Operator:
        """The operator of a row."""
        return OPERATORS.get(self.op, OPERATORS["is_known"])

    @property
    def way(self) -> str:
        """The place without dots, for ids."""
        return self.place.replace(".", "-")

    @property
    def first(self) -> str:
        """The one value, or the lower of two."""
        return self.values[0] if self.values else ""

    @property
    def second(self) -> str:
        """The upper of two values."""
        return self.values[1] if len(self.values) > 1 else ""

    @property
    def rows(self) -> int:
        """Height of the field for a list."""
        return min(max(len(self.values), 2), 8)

    @property
    def operators(self) -> list[Operator]:
        """Those that fit the type."""
        return operators_for(self.type)

    @property
    def input_type(self) -> str:
        """The HTML type of a field for one value."""
        is_day = self.type is ValueType.DATE and self.op in {"at_least", "at_most", "between"}
        kinds = {ValueType.NUMBER: "number", ValueType.DATE: "date" if is_day else "text"}
        return kinds.get(self.type, "text")

    @property
    def lines(self) -> str:
        """The values of a list, one a line."""
        return "\n".join(self.values)


# --- between a condition and its form ----------------------------------------------------------


def node_of(condition: Condition, *, is_not: bool = False) -> Node:
    """The form of a condition; what is negated twice comes back plain."""
    match condition:
        case NotThis(part):
            return node_of(part, is_not=not is_not)
        case AllOf(parts) | AnyOf(parts):
            kind = ALL if isinstance(condition, AllOf) else ANY
            return Node(kind, is_not, parts=[node_of(part) for part in parts])
        case Comparison():
            values = [_shown(value, condition) for value in condition.values]
            return Node(ROW, is_not, subject=condition.subject.name, op=condition.op, values=values)


def _shown(value: Scalar, asked: Comparison) -> str:
    if asked.op in {"contains", "starts_with"}:
        return str(value)
    return text_of(value)


def raw_of(node: Node, catalogue: Catalogue) -> dict[str, Any]:
    """What a file would say; not checked, an empty value is left to the parser to refuse."""
    raw: dict[str, Any]
    if node.kind == ROW:
        raw = {"subject": node.subject, "op": node.op} | _raw_value(node, catalogue)
    else:
        raw = {node.kind: [raw_of(part, catalogue) for part in node.parts]}
    return {"not": raw} if node.is_not else raw


def _raw_value(node: Node, catalogue: Catalogue) -> dict[str, Any]:
    kind = type_of(node.subject, catalogue)
    values = [_value(text, kind, node.op) for text in node.values]
    match node.operator.shape:
        case Shape.NONE:
            return {}
        case Shape.ONE | Shape.DAYS:
            return {"value": values[0] if values else ""}
    return {"value": values}


def _value(text: str, kind: ValueType, op: str) -> Any:
    """A text of a field as the value of a file, by the type of what it is compared with."""
    text = text.strip()
    if op == "days_since_at_most":
        return number_of(text)
    if kind is ValueType.TEXT or op in {"contains", "starts_with"}:
        return unquoted(text)
    return text if kind is ValueType.DATE else scalar_of(text)


def type_of(subject: str, catalogue: Catalogue) -> ValueType:
    """The declared type of a subject; ANY for one that nobody declared or knows."""
    try:
        return catalogue.type_of(subject_of(subject)) or ValueType.ANY
    except ModelInvalid:
        return ValueType.ANY


def text_of(value: Scalar) -> str:
    """A value as a field shows it; a text that looks like a number stands in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return f'"{value}"' if scalar_of(value) != value else value


def scalar_of(text: str) -> str | int | float | bool:
    """A field's text as yes or no, a number, else a text; quotes keep it a text."""
    plain = text.strip()
    if plain in {"true", "false"}:
        return plain == "true"
    return number_of(plain) if _NUMBER.fullmatch(plain) else unquoted(plain)


def number_of(text: str) -> str | int | float:
    """The number in a field, or the text as it is, for the parser to refuse."""
    if not _NUMBER.fullmatch(text.strip()):
        return text
    number = Decimal(text.strip())
    return int(number) if number == number.to_integral_value() else float(number)


def unquoted(text: str) -> str:
    """A text without the quotes around it."""
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1] if is_quoted else text


# --- fields ------------------------------------------------------------------------------------


def posted_node(data: Mapping[str, Any], place: str = ROOT, depth: int = 0) -> Node:
    """The form as it was sent. Raises ModelInvalid for one nested without end."""
    if depth > 20:
        raise ModelInvalid("nested deeper than 20")
    kind = data.get(f"{place}.kind", ROW)
    is_not = data.get(f"{place}.not") == "on"
    if kind in (ALL, ANY):
        names = [name for name in data.get(f"{place}.parts", "").split(",") if name.isdecimal()]
        parts = [posted_node(data, f"{place}.{name}", depth + 1) for name in names[:100]]
        return Node(kind, is_not, parts=parts)
    op = data.get(f"{place}.op", NEW_OP)
    return Node(
        ROW,
        is_not,
        subject=data.get(f"{place}.subject", NEW_SUBJECT),
        op=op,
        values=_posted_values(data, place, op),
    )


def _posted_values(data: Mapping[str, Any], place: str, op: str) -> list[str]:
    shape = OPERATORS[op].shape if op in OPERATORS else Shape.NONE
    lines = [line for line in data.get(f"{place}.lines", "").splitlines() if line.strip()]
    one, other = data.get(f"{place}.value", ""), data.get(f"{place}.value2", "")
    match shape:
        case Shape.LIST:
            # Another operator until now: its value is the first of the list.
            return lines or [text for text in (one,) if text]
        case Shape.PAIR:
            return [one or (lines[0] if lines else ""), other]
        case Shape.ONE | Shape.DAYS:
            return [one or (lines[0] if lines else "")]
    return []


def changed(root: Node, verb: str, place: str) -> Node:
    """The form after a button: `add` a row or `group` of one to a group, `remove` a part, `wrap`
    what there is into a group. Unknown verbs and places change nothing."""
    if verb == "wrap" and place == ROOT:
        return Node(ALL, parts=[root, Node(ROW)])
    above, _, name = place.rpartition(".")
    target = _at(root, above if verb == "remove" else place)
    if target is None or target.kind == ROW:
        return root
    match verb:
        case "add":
            target.parts.append(Node(ROW))
        case "group":
            other = ANY if target.kind == ALL else ALL
            target.parts.append(Node(other, parts=[Node(ROW), Node(ROW)]))
        case "remove" if name.isdecimal() and int(name) < len(target.parts):
            del target.parts[int(name)]
    return root


def _at(root: Node, place: str) -> Node | None:
    numbers = [int(name) for name in place.split(".")[1:] if name.isdecimal()]
    found = root
    for number in numbers:
        if number >= len(found.parts):
            return None
        found = found.parts[number]
    return found


def placed(node: Node, catalogue: Catalogue, place: str = ROOT) -> Node:
    """The same form with the names of its fields, types, and operators that fit them."""
    node.place = place
    if node.kind == ROW:
        node.type = type_of(node.subject, catalogue)
        fitting = operators_for(node.type)
        if node.op not in {operator.name for operator in fitting}:
            node.op = "is_true" if node.type is ValueType.BOOLEAN else fitting[0].name
        if node.type is ValueType.BOOLEAN and node.operator.shape is Shape.ONE:
            # The list of yes and no has no blank.
            node.values = [node.first if node.first in {"true", "false"} else "true"]
        if node.operator.shape is Shape.NONE:
            node.values = []
    for number, part in enumerate(node.parts):
        placed(part, catalogue, f"{place}.{number}")
    return node


def operators_for(kind: ValueType) -> list[Operator]:
    """Those that compare this type; for what nobody declared, all: the first use declares it."""
    if kind is ValueType.ANY:
        return list(OPERATORS.values())
    return [operator for operator in OPERATORS.values() if kind in operator.types]


def shape_of(node: Node) -> str:
    """What decides which fields there are; a form of another shape is drawn anew."""
    if node.kind == ROW:
        return f"{node.type}:{node.op}"
    return f"{node.kind}({','.join(shape_of(part) for part in node.parts)})"


def node_at_error(message: str, root: Node) -> str:
    """The place of the row a refusal speaks of, such as `all[2]: not: …`; the root if none."""
    found, place = root, ROOT
    for word, number in re.findall(r"(?:^|: )(?:(all|any)\[(\d+)\](?=: ))", message):
        index = int(number) - 1
        if found.kind != word or index >= len(found.parts):
            break
        found, place = found.parts[index], f"{place}.{index}"
    return place
