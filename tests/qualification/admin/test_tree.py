"""A condition survives its form: fields and back mean the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualification.admin.scoring.tree import node_at_error, node_of, placed, posted_node, raw_of
from qualification.scoring.conditions import AllOf, AnyOf, Condition, NotThis, parse_when
from qualification.scoring.operators import ValueType
from qualification.scoring.subjects import Catalogue

CATALOGUE = Catalogue(attributes={"size": ValueType.NUMBER, "signed": ValueType.DATE})

texts = st.text("abc 7.\"'\n", min_size=1, max_size=6).filter(
    lambda text: text.strip() == text and "\n" not in text and '"' not in text
)
numbers = st.integers(-10_000, 10_000) | st.decimals(-99, 99, places=2).map(float)


def row(subject: str, op: str, value: Any) -> dict[str, Any]:
    return {"subject": subject, "op": op} | ({} if value is None else {"value": value})


rows = st.one_of(
    st.builds(row, st.just("lead.title"), st.just("contains"), texts),
    st.builds(row, st.just("lead.title"), st.just("is_one_of"), st.lists(texts, min_size=1)),
    st.builds(row, st.just("attributes.size"), st.just("at_least"), numbers),
    st.builds(
        row, st.just("attributes.unheard_of"), st.just("is"), texts | numbers | st.booleans()
    ),
    st.builds(row, st.just("attributes.signed"), st.just("at_most"), st.dates().map(str)),
    st.builds(row, st.just("lead.received_at"), st.just("days_since_at_most"), st.integers(0, 900)),
    st.builds(row, st.just("lead.opted_out"), st.just("is_true"), st.none()),
)
conditions = st.recursive(
    rows,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)


def plain(condition: Condition) -> Condition:
    """The same without double negation, which a form does not keep."""
    match condition:
        case NotThis(NotThis(part)):
            return plain(part)
        case NotThis(part):
            return NotThis(plain(part))
        case AllOf(parts):
            return AllOf(tuple(plain(part) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(plain(part) for part in parts))
    return condition


@given(conditions)
def test_what_is_drawn_and_sent_back_means_the_same(raw: dict[str, Any]) -> None:
    meant = parse_when(raw)
    node = placed(node_of(meant), CATALOGUE)  # type: ignore[arg-type]
    back = parse_when(raw_of(posted_node(fields_of(node)), CATALOGUE))
    assert back == plain(meant)  # type: ignore[arg-type]


def fields_of(node: Any) -> dict[str, str]:
    """What a browser sends of this form."""
    place = node.place
    fields = {f"{place}.kind": node.kind, f"{place}.not": "on" if node.is_not else ""}
    if node.kind == "row":
        return fields | {
            f"{place}.subject": node.subject,
            f"{place}.op": node.op,
            f"{place}.value": node.first,
            f"{place}.value2": node.second,
            f"{place}.lines": node.lines,
        }
    fields[f"{place}.parts"] = ",".join(str(n) for n in range(len(node.parts)))
    for part in node.parts:
        fields |= fields_of(part)
    return fields


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("operator 'is' takes no value", "n"),
        ("all[2]: missing key 'value'", "n.1"),
        ("rule 'X': when: all[2]: not: any[1]: a value is blank", "n.1.0"),
        ("all[9]: nobody knows", "n"),
    ],
)
def test_a_refusal_names_its_row(message: str, place: str) -> None:
    raw = {"all": [row("lead.city", "is_known", None), {"any": [row("lead.title", "is", "x")]}]}
    assert node_at_error(message, node_of(parse_when(raw))) == place  # type: ignore[arg-type]


def test_numbers_keep_their_decimals() -> None:
    node = node_of(parse_when(row("attributes.size", "at_least", 2.5)))  # type: ignore[arg-type]
    assert parse_when(raw_of(node, CATALOGUE)).values == (Decimal("2.5"),)  # type: ignore[union-attr]
