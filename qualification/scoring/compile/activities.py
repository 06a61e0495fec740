"""Decides how activity rules become SQL: one pass over the activities, an aggregate a rule.
Ages are float seconds (date_part), which is fast; used by the compiler only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from qualification.scoring.compile.facts import Params
from qualification.scoring.compile.sources import Source
from qualification.scoring.conditions import ActivityTest, NoActivityTest, Scalar
from qualification.scoring.points import tenths_of

DAY_SECONDS = 86_400
# After so many half-lives (as an exponent) nothing is left of any points.
SPENT = -1000


@dataclass(frozen=True)
class CompiledActivity:
    """A rule over activities: whether it fired, its tenths, and what the ledger says about it."""

    test: str
    tenths: str
    raw_tenths: str
    count: str
    newest_age: str


def seconds(days: Decimal) -> float:
    """Days as seconds."""
    return float(days * DAY_SECONDS)


class Activities:
    """Collects what the rules of a model ask of the activities; equal questions share a column."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.columns: dict[str, str] = {}
        self.types: set[str] = set()
        self.wants_any_type = False
        self.reach: Decimal | None = Decimal(0)
        self.needs_properties = False

    def add(self, test: ActivityTest, points: Decimal) -> CompiledActivity:
        """The SQL of a rule about what they did, worth `points` a time."""
        self.types.update(test.types)
        self._reach_back(test.within_days)
        match = self._matches(test)
        count = f"coalesce(f.{self._column(f'count(*) FILTER (WHERE {match})')}, 0)"
        newest = f"f.{self._column(f'min(b.age) FILTER (WHERE {match})')}"
        fired = f"({count} >= {test.at_least_times or 1})"
        raw = self._raw(test, tenths_of(points), match, count, newest)
        tenths = raw
        if test.max_points is not None:
            most = tenths_of(test.max_points)
            tenths = f"greatest({-most}, least({most}, {raw}))"
        return CompiledActivity(fired, tenths, raw, count, newest)

    def add_absence(self, test: NoActivityTest, points: Decimal) -> CompiledActivity:
        """The SQL of a rule about what they did not do."""
        if test.types:
            self.types.update(test.types)
        else:
            self.wants_any_type = True
        self._reach_back(None if test.after_first else test.within_days)
        of_type = self._of_types(test.types)
        edge = self.params.add(seconds(test.within_days))
        within = f"count(*) FILTER (WHERE {of_type} AND b.age < {edge})"
        count = f"coalesce(f.{self._column(within)}, 0)"
        newest = f"f.{self._column(f'min(b.age) FILTER (WHERE {of_type})')}"
        fired = f"({count} = 0)"
        if test.after_first:
            fired = f"({count} = 0 AND {newest} IS NOT NULL)"
        tenths = f"CASE WHEN {fired} THEN {tenths_of(points)} ELSE 0 END"
        return CompiledActivity(fired, tenths, tenths, count, newest)

    def used_in(self, text: str) -> dict[str, str]:
        """The columns, by aggregate, that an expression over the facts row names: the totals need
        fewer than the ledger."""
        named = set(re.findall(r"\bf\.(a\d+)\b", text))
        return {sql: name for sql, name in self.columns.items() if name in named}

    def join(self, source: Source, used: Mapping[str, str]) -> list[str]:
        """The one aggregated join with the columns `used`, or none when no rule asks."""
        if not used:
            return []
        columns = ", ".join(f"{sql} AS {name}" for sql, name in used.items())
        conditions = [
            source.activity_where,
            f"a.occurred_at <= {source.as_of}",
            f"a.recorded_at <= {source.as_of}",
            f"NOT {source.is_machine}",
        ]
        if not self.wants_any_type:
            conditions.append(f"a.type = ANY({self.params.add(tuple(sorted(self.types)))})")
        if self.reach is not None:
            back = self.params.add(seconds(self.reach))
            conditions.append(f"a.occurred_at > {source.as_of} - make_interval(secs => {back})")
        properties = ", a.properties" if self.needs_properties else ""
        return [
            f"""LEFT JOIN (
                SELECT b.row_id, {columns}
                FROM (
                    SELECT {source.activity_row} AS row_id, a.type{properties},
                        date_part('epoch', {source.as_of} - a.occurred_at) AS age
                    FROM {source.activities}
                    WHERE {" AND ".join(conditions)} OFFSET 0
                ) AS b GROUP BY b.row_id
            ) AS x ON x.row_id = {source.row_id}"""  # noqa: S608 - values are parameters  # nosec
        ]

    def _raw(self, test: ActivityTest, tenths: int, match: str, count: str, newest: str) -> str:
        """Tenths before `max_points`; rounded half away from zero, once."""
        if test.at_least_times is not None or (test.is_once and test.half_life_days is None):
            return f"CASE WHEN {count} >= {test.at_least_times or 1} THEN {tenths} ELSE 0 END"
        if test.half_life_days is None:
            return f"({tenths} * {count})"
        half_life = self.params.add(seconds(test.half_life_days))
        if test.is_once:
            weight = _decay(newest, half_life)
        else:
            decayed = f"sum({_decay('b.age', half_life)}) FILTER (WHERE {match})"
            weight = f"f.{self._column(decayed)}"
        sign = "-" if tenths < 0 else ""
        return f"({sign}floor({abs(tenths)} * coalesce({weight}, 0) + 0.5))::bigint"

    def _reach_back(self, within_days: Decimal | None) -> None:
        if within_days is None or self.reach is None:
            self.reach = None
        else:
            self.reach = max(self.reach, within_days)

    def _column(self, aggregate: str) -> str:
        return self.columns.setdefault(aggregate, f"a{len(self.columns)}")

    def _matches(self, test: ActivityTest) -> str:
        found = [self._of_types(test.types)]
        if test.within_days is not None:
            found.append(f"b.age < {self.params.add(seconds(test.within_days))}")
        for name, values in test.where:
            self.needs_properties = True
            found.append(self._property(name, values))
        return " AND ".join(found)

    def _of_types(self, types: tuple[str, ...]) -> str:
        if not types:
            return "true"
        if len(types) == 1:
            return f"b.type = {self.params.add(types[0])}"
        return f"b.type = ANY({self.params.add(types)})"

    def _property(self, name: str, values: tuple[Scalar, ...]) -> str:
        key = f"{self.params.add(name)}::text"
        value = f"b.properties -> {key}"
        texts = [v for v in values if isinstance(v, str)]
        others = [v for v in values if not isinstance(v, str)]
        found = []
        if texts:
            folded = [f"lower(btrim({self.params.add(text)}::text))" for text in texts]
            found.append(
                f"(jsonb_typeof({value}) = 'string'"
                f" AND lower(btrim(b.properties ->> {key})) = ANY(ARRAY[{', '.join(folded)}]))"
            )
        if others:
            listed = [f"{self.params.add(_json(other))}::jsonb" for other in others]
            found.append(f"{value} = ANY(ARRAY[{', '.join(listed)}])")
        return f"({' OR '.join(found)})"


def _decay(age: str, half_life: str) -> str:
    """2^(−age / half-life). PostgreSQL refuses a power too small for a float, where nothing is left
    of the points long since."""
    return f"power(2::float8, greatest({SPENT}, -({age}) / {half_life}::float8))"


def _json(value: Scalar) -> str:
    """A number, true or false as JSON text."""
    return json.dumps(value) if isinstance(value, bool) else str(value)
