"""What a rule asks of activities, as fields of a form and back. Pure; only the parser judges."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from qualification.admin.scoring.tree import number_of, scalar_of, text_of
from qualification.scoring.conditions import ANY_ACTIVITY, ActivityTest, NoActivityTest

ACTIVITY, ABSENCE = "activity", "no_activity"
NUMBERS = ("within_days", "half_life_days", "at_least_times", "max_points")


@dataclass(frozen=True)
class Where:
    """A property and the values it may have, one a line."""

    name: str = ""
    lines: str = ""


@dataclass(frozen=True)
class ActivityFields:
    """The texts of the fields. `kind`: activity or no_activity; blank numbers are not said."""

    kind: str
    types: tuple[str, ...]
    where: tuple[Where, ...] = ()
    within_days: str = ""
    half_life_days: str = ""
    at_least_times: str = ""
    max_points: str = ""
    is_once: bool = False
    after_first: bool = False

    @property
    def type_fields(self) -> tuple[str, ...]:
        """Types as given and a field for another; they stay as they are while somebody writes."""
        return (*self.types, "") if self.types else ("", "")

    @property
    def where_fields(self) -> tuple[Where, ...]:
        """Properties as given and fields for others."""
        return (*self.where, Where()) if self.where else (Where(), Where())

    @property
    def shape(self) -> str:
        """What decides which fields there are."""
        return self.kind


def fields_of(test: ActivityTest | NoActivityTest) -> ActivityFields:
    """The fields of a rule about activities."""
    if isinstance(test, NoActivityTest):
        return ActivityFields(
            ABSENCE,
            test.types or (ANY_ACTIVITY,),
            within_days=_plain(test.within_days),
            after_first=test.after_first,
        )
    return ActivityFields(
        ACTIVITY,
        test.types,
        where=tuple(Where(name, "\n".join(map(text_of, values))) for name, values in test.where),
        within_days=_plain(test.within_days),
        half_life_days=_plain(test.half_life_days),
        at_least_times=str(test.at_least_times or ""),
        max_points=_plain(test.max_points),
        is_once=test.is_once,
    )


def _plain(number: Decimal | None) -> str:
    return "" if number is None else f"{number.normalize():f}"


def posted_fields(data: QueryDict, kind: str) -> ActivityFields:
    """The fields as they were sent."""
    names, lines = data.getlist("a.where.name"), data.getlist("a.where.lines")
    rows = zip(names, lines, strict=False)
    return ActivityFields(
        kind,
        types=tuple(text.strip() for text in data.getlist("a.type") if text.strip()),
        where=tuple(Where(name.strip(), text) for name, text in rows if name.strip()),
        **{name: data.get(f"a.{name}", "").strip() for name in NUMBERS},
        is_once=data.get("a.per") == "once",
        after_first=data.get("a.after_first") == "on",
    )


def raw_activity(fields: ActivityFields) -> dict[str, Any]:
    """What a file would say; not checked."""
    raw: dict[str, Any] = {fields.kind: _one_or_list(fields.types)}
    if fields.kind == ABSENCE:
        wanted = {"within_days": number_of(fields.within_days)} if fields.within_days else {}
        return raw | wanted | ({"after_first": True} if fields.after_first else {})
    where = {row.name: _one_or_list(_values(row.lines)) for row in fields.where}
    raw |= {"where": where} if where else {}
    raw |= {
        name: number_of(getattr(fields, name)) for name in NUMBERS if getattr(fields, name) != ""
    }
    return raw | ({"per": "once"} if fields.is_once else {})


def _values(lines: str) -> tuple[Any, ...]:
    return tuple(scalar_of(line) for line in lines.splitlines() if line.strip())


def _one_or_list(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else list(values)
