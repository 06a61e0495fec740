"""Decides what a scoring model file may say: YAML text to a checked document and back.
Called by the commands and by versions; refuses with one line that names file, rule and reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from qualification.exceptions import ModelInvalid
from qualification.scoring.conditions import When, parse_points, parse_when
from qualification.scoring.declared import check_types, used_types
from qualification.scoring.operators import ValueType
from qualification.scoring.segments import Query, saved_queries, segment_condition
from qualification.scoring.subjects import Catalogue
from qualification.scoring.yaml_text import flat, load_yaml

MAX_BYTES = 1_000_000
MAX_RULES = 300
ACCEPT_ABOVE_MQL = Decimal("25.0")

GRADES = tuple(f"{letter}{number}" for letter in "ABCD" for number in "1234")
TIERS: dict[str, list[str]] = {
    "hot": ["A1", "A2", "B1"],
    "warm": ["A3", "B2", "B3", "C1", "C2"],
    "cool": ["A4", "B4", "C3", "D1", "D2"],
    "cold": ["C4", "D3", "D4"],
}
ACTIONS: dict[str, list[str]] = {
    "accept": ["A1", "A2", "B1", "B2"],
    "engage": ["A3", "A4", "B3", "B4"],
    "nurture": ["C1", "C2", "D1", "D2"],
    "reject": ["C3", "C4", "D3", "D4"],
}


def _points(raw: object) -> Decimal:
    try:
        return parse_points(raw, "the value")
    except ModelInvalid as error:
        raise ValueError(str(error)) from None


def _text(raw: object) -> object:
    if isinstance(raw, str) and "\x00" in raw:
        raise ValueError("a text holds no NUL")
    return raw


Points = Annotated[Decimal, BeforeValidator(_points)]
Name = Annotated[
    str,
    BeforeValidator(_text),
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=120),
]
Word = Annotated[
    str,
    BeforeValidator(_text),
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=60),
]
Bounds = tuple[Points | None, Points | None]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Base(_Part):
    """Where every lead starts."""

    fit: Points = Decimal("0.0")
    intent: Points = Decimal("0.0")


class Limits(_Part):
    """[lowest, highest] per dimension and in total; null is no limit."""

    fit: Bounds = (None, None)
    intent: Bounds = (None, None)
    total: tuple[Points, Points] = (Decimal("0.0"), Decimal("100.0"))

    @field_validator("fit", "intent", "total")
    @classmethod
    def _in_order(cls, bounds: Bounds) -> Bounds:
        lowest, highest = bounds
        if lowest is not None and highest is not None and lowest >= highest:
            raise ValueError("the lowest value comes first and lies below the highest")
        return bounds


class FitThresholds(_Part):
    """Points from which a letter is reached."""

    A: Points
    B: Points
    C: Points


class IntentThresholds(_Part):
    """Points from which a number is reached."""

    one: Points = Field(alias="1")
    two: Points = Field(alias="2")
    three: Points = Field(alias="3")

    @model_validator(mode="before")
    @classmethod
    def _text_keys(cls, raw: object) -> object:
        return {str(key): value for key, value in raw.items()} if isinstance(raw, dict) else raw


class Thresholds(_Part):
    """The lines: MQL, accept, letters, numbers. Reached means at or above."""

    mql: Points
    accept: Points | None = None
    fit: FitThresholds
    intent: IntentThresholds

    @model_validator(mode="after")
    def _falling(self) -> Self:
        letters = [self.fit.A, self.fit.B, self.fit.C]
        numbers = [self.intent.one, self.intent.two, self.intent.three]
        for name, steps in (("fit", letters), ("intent", numbers)):
            if sorted(steps, reverse=True) != steps:
                raise ValueError(f"{name}: thresholds must fall from the best grade down")
        return self


class AccountFit(_Part):
    """A lead whose account earns less than `poor_below` by the fit rules that look at nothing but
    the account has at most `cap` in total. Points of those rules before any cap of a group."""

    poor_below: Points
    cap: Points


class Rule(_Part):
    """One rule. `when` is kept as written, JSON-safe; `parse_when` gives its meaning."""

    name: Name
    dimension: Literal["fit", "intent"]
    when: dict[str, Any]
    points: Points
    group: Word | None = None
    segment: Word | None = None
    disqualifies: Word | None = None

    @model_validator(mode="before")
    @classmethod
    def _disqualifier_needs_no_points(cls, raw: object) -> object:
        if isinstance(raw, dict) and "disqualifies" in raw and "points" not in raw:
            return {**raw, "points": 0}
        return raw

    @field_validator("when", mode="before")
    @classmethod
    def _meaningful(cls, raw: object) -> object:
        try:
            parse_when(raw)
        except ModelInvalid as error:
            raise ValueError(str(error)) from None
        return _json_safe(raw)

    @property
    def meaning(self) -> When:
        """The typed condition."""
        return parse_when(self.when)


class ModelDocument(_Part):
    """A whole scoring model as the file format says it."""

    name: Name
    base: Base = Base()
    limits: Limits = Limits()
    thresholds: Thresholds
    tiers: dict[str, list[str]] = Field(default_factory=lambda: dict(TIERS))
    actions: dict[str, list[str]] = Field(default_factory=lambda: dict(ACTIONS))
    caps: dict[Word, Points] = Field(default_factory=dict)
    account_fit: AccountFit | None = None
    rules: list[Rule] = Field(min_length=1, max_length=MAX_RULES)

    @field_validator("tiers", "actions")
    @classmethod
    def _each_grade_once(cls, groups: dict[str, list[str]], info: Any) -> dict[str, list[str]]:
        wanted = TIERS if info.field_name == "tiers" else ACTIONS
        for word in groups:
            if word not in wanted:
                raise ValueError(f"unknown key '{word}'")
        given = [grade for grades in groups.values() for grade in grades]
        for grade in given:
            if grade not in GRADES:
                raise ValueError(f"unknown grade '{grade}'")
            if given.count(grade) > 1:
                raise ValueError(f"grade {grade} stands there twice")
        missing = [grade for grade in GRADES if grade not in given]
        if missing:
            raise ValueError(f"grade {missing[0]} is missing")
        return groups

    @field_validator("caps")
    @classmethod
    def _by_size(cls, caps: dict[str, Decimal]) -> dict[str, Decimal]:
        for group, cap in caps.items():
            if cap < 0:
                raise ValueError(f"{group}: a cap is a size, not below 0")
        return caps

    @model_validator(mode="after")
    def _cap_within_limits(self) -> Self:
        lowest, highest = self.limits.total
        if self.account_fit is not None and not lowest <= self.account_fit.cap <= highest:
            raise ValueError("account_fit: the cap lies within the limits of the total")
        return self

    @model_validator(mode="after")
    def _rules_fit_together(self) -> Self:
        names: set[str] = set()
        dimension_of: dict[str, str] = {}
        for rule in self.rules:
            if rule.name.lower() in names:
                raise ValueError(f"rule '{rule.name}': the name stands there twice")
            names.add(rule.name.lower())
            if rule.group and dimension_of.setdefault(rule.group, rule.dimension) != rule.dimension:
                raise ValueError(
                    f"rule '{rule.name}': group '{rule.group}' is one of the other dimension"
                )
        return self

    @property
    def accept(self) -> Decimal:
        """The accept line: as given, else 25 above MQL, at most the total maximum."""
        if self.thresholds.accept is not None:
            return self.thresholds.accept
        return min(self.thresholds.mql + ACCEPT_ABOVE_MQL, self.limits.total[1])


def read_file(path: Path) -> ModelDocument:
    """The document in a YAML file. Raises ModelInvalid: `FILE: rule 'X': when: reason`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelInvalid(f"{path}: {error.strerror or error}") from None
    try:
        return read_document(content)
    except ModelInvalid as error:
        raise ModelInvalid(f"{path}: {error}") from None


def read_document(content: bytes) -> ModelDocument:
    """The document in the bytes of a YAML file, types checked against what is declared.

    Raises ModelInvalid with one line.
    """
    if len(content) > MAX_BYTES:
        raise ModelInvalid(f"larger than {MAX_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelInvalid(f"not UTF-8 text (byte {error.start + 1})") from None
    raw = load_yaml(text)
    if not isinstance(raw, dict):
        raise ModelInvalid(
            "not a scoring model: the file must be a mapping with 'name' and 'rules'"
        )
    return checked_document(raw)


def checked_document(
    raw: Mapping[str, Any], *, segments: Mapping[str, Query] | None = None
) -> ModelDocument:
    """The document in a plain mapping. `segments` are the queries it was frozen with; without them
    its segments must be saved ones. Raises ModelInvalid with one line.
    """
    try:
        document = ModelDocument.model_validate(raw)
    except ValidationError as error:
        raise ModelInvalid(_one_line(error, raw)) from None
    except RecursionError:
        raise ModelInvalid("refers to itself or is nested too deeply") from None
    types_in(document, segments=segments)
    return document


def types_in(
    document: ModelDocument, *, segments: Mapping[str, Query] | None = None
) -> dict[str, ValueType]:
    """Types of the attributes and answers the document uses, by subject name.

    Raises ModelInvalid on a conflict, with what is declared or between two rules, and when a rule
    names a segment nobody saved.
    """
    catalogue = Catalogue.load()
    asked = {rule.segment: rule.name for rule in document.rules if rule.segment}
    queries = saved_queries(asked) if segments is None else segments
    used: dict[str, ValueType] = {}
    for rule in document.rules:
        _take_types(rule.meaning, f"rule '{rule.name}': when", used, catalogue)
        if rule.segment:
            where = f"rule '{rule.name}': segment '{rule.segment}'"
            _take_types(segment_condition(queries[rule.segment]), where, used, catalogue)
    return used


def _take_types(when: When, where: str, used: dict[str, ValueType], catalogue: Catalogue) -> None:
    """Adds what one condition uses; ModelInvalid when it does not fit what was used before."""
    try:
        used.update(
            (name, kind)
            for name, kind in used_types([when], catalogue).items()
            if used.get(name, ValueType.ANY) is ValueType.ANY
        )
        check_types(when, used, catalogue)
    except ModelInvalid as error:
        raise ModelInvalid(f"{where}: {error}") from None


_PLAIN = {"extra_forbidden": "unknown key '{}'", "missing": "missing key '{}'"}


def _one_line(error: ValidationError, raw: Mapping[str, Any]) -> str:
    """The first mistake, by the way to it in the file's own words."""
    mistake = error.errors(include_url=False, include_context=False)[0]
    way = [str(step) for step in mistake["loc"]]
    message = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] in _PLAIN:
        message = _PLAIN[mistake["type"]].format(way.pop())
    if way[:1] == ["rules"] and len(way) > 1:
        way[:2] = [_rule_at(raw, int(way[1]))]
    return flat(": ".join([*way, message]))


def _rule_at(raw: Mapping[str, Any], index: int) -> str:
    rules = raw.get("rules")
    rule = rules[index] if isinstance(rules, list) else None
    name = rule.get("name") if isinstance(rule, Mapping) else None
    return f"rule '{name}'" if isinstance(name, str) else f"rule {index + 1}"


def _json_safe(raw: Any) -> Any:
    """The same nested value with dates as ISO text; only called once it is known to be finite."""
    if isinstance(raw, Mapping):
        return {str(key): _json_safe(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_json_safe(value) for value in raw]
    return raw.isoformat() if isinstance(raw, date) else raw
