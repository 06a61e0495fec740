"""Decides the shape of the compiled expression: facts, sums and limits, then grade and tier.
`compile_model` is the only way from rules to SQL: `totals` to store, `lines` for the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from qualification.choices import Dimension, ModelStatus
from qualification.exceptions import ModelInvalid
from qualification.models import ScoringModel, ScoringRule
from qualification.scoring.compile.activities import Activities, CompiledActivity
from qualification.scoring.compile.conditions import compile_condition
from qualification.scoring.compile.facts import Facts, Params
from qualification.scoring.compile.sources import Source
from qualification.scoring.conditions import (
    ActivityTest,
    AllOf,
    Comparison,
    Condition,
    NoActivityTest,
    When,
    comparisons,
    parse_when,
)
from qualification.scoring.declared import used_types
from qualification.scoring.points import tenths_of
from qualification.scoring.segments import queries_of, segment_condition
from qualification.scoring.subjects import Catalogue

Statement = tuple[str, dict[str, Any]]

# Statements collect their parameters as they are drawn up, so threads do not share compiled models.
_kept = threading.local()

# Sums beyond this would not fit the score's columns; a model without limits still has these.
UNLIMITED_TENTHS = 100_000_000


@dataclass(frozen=True)
class CompiledRule:
    """A rule as SQL. `leaves` are the tests of its comparisons and of its segment's, by comparison,
    for the wording; `segment` is whom it is for, None for everybody."""

    rule: ScoringRule
    when: When
    test: str
    tenths: str
    unknown: str
    leaves: Mapping[Comparison, str]
    activity: CompiledActivity | None = None
    segment: Condition | None = None

    @property
    def is_account_fit(self) -> bool:
        """Whether its points are what the account earns: fit, asked of nothing but the account."""
        if self.activity is not None or self.rule.dimension != Dimension.FIT:
            return False
        return all(leaf.subject.family == "account" for leaf in comparisons(self.when))


@dataclass(frozen=True)
class CompiledModel:
    """A model as one expression. Row of `totals`: row_id, fit, intent, total, grade, tier,
    disqualified; `lines` adds what the ledger needs, rule by rule."""

    model: ScoringModel
    rules: tuple[CompiledRule, ...]
    params: Params
    facts: Facts
    activities: Activities

    def totals(self, source: Source, *, carried: Sequence[str] = ()) -> Statement:
        """Statement with one narrow row per row of the source; `carried`: columns of the lead that
        whoever asks wants beside it."""
        facts = [f"l.{column}" for column in carried]
        return self._statement(source, facts=facts, extra=[f"f.{column}" for column in carried])

    def lines(self, source: Source) -> Statement:
        """Statement with the totals and, per rule i, r<i> tenths, t<i> fired, u<i> unknown,
        l<i>_<k> its k-th comparison; raw<i>, n<i>, age<i> of activity rules; facts f<k>_shown and
        f<k>_missing; group sums g<k>; of a model that caps poor accounts account_fit (tenths),
        is_poor and uncapped, the total before that cap."""
        columns = self.facts.columns.values()
        extra = [f"f.{column}_shown" for column in columns]
        extra += [f"f.{column} IS NULL AS {column}_missing" for column in columns]
        for number, compiled in enumerate(self.rules):
            extra += _rule_columns(number, compiled)
        extra += [f"{self._group(group)} AS g{number}" for number, group in enumerate(self.groups)]
        outer = [f"{self._limited()} AS uncapped"] if self.caps_poor_accounts else []
        return self._statement(source, facts=self.facts.shown(source), extra=extra, outer=outer)

    def fired(self, source: Source) -> Statement:
        """Statement with the totals and, per rule i, r<i> tenths, t<i> fired, u<i> unknown."""
        extra = [
            column
            for number, compiled in enumerate(self.rules)
            for column in _firing_columns(number, compiled)
        ]
        return self._statement(source, facts=(), extra=extra)

    @property
    def caps_poor_accounts(self) -> bool:
        """Whether a poor account limits the total of its leads."""
        return self.model.account_cap is not None

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups with a cap that rules belong to, in the order of their first rule."""
        named = dict.fromkeys(compiled.rule.group for compiled in self.rules)
        return tuple(group for group in named if group and group in self.model.caps)

    def _statement(
        self,
        source: Source,
        facts: Iterable[str],
        extra: Sequence[str],
        outer: Sequence[str] = (),
    ) -> Statement:
        carried = "".join(f", {column}" for column in [*extra, *self._poor_account()])
        told = "".join(f", {column}" for column in outer)
        scores = f"""{self._dimension("fit")} AS fit, {self._dimension("intent")} AS intent,
            {self._disqualified()} AS disqualified{carried}"""
        used = self.activities.used_in(scores)
        selected = [
            f"{source.row_id} AS row_id",
            f"({source.as_of} AT TIME ZONE 'UTC')::date AS today",
            *self.facts.selected(source),
            *facts,
            *([f"{source.has_account} AS has_account"] if self.caps_poor_accounts else []),
            *(f"x.{column}" for column in used.values()),
        ]
        joins = [*self.facts.joins(source), *self.activities.join(source, used)]
        # OFFSET 0 keeps PostgreSQL from copying a layer's expressions into every use of them.
        sql = f"""
            SELECT z.*,
                {self._total()} AS total,
                {self._graded(_grades())} AS grade,
                {self._graded(_tiers(self.model))} AS tier{told}
            FROM (
                SELECT f.row_id, {scores}
                FROM (
                    SELECT {", ".join(selected)}
                    FROM {source.leads} {" ".join(joins)}
                    WHERE {source.where} OFFSET 0
                ) AS f OFFSET 0
            ) AS z
        """  # noqa: S608 - text of this package; values are parameters  # nosec
        return sql, {**self.params.values, **source.params}

    def _dimension(self, dimension: str) -> str:
        base: Decimal = getattr(self.model, f"base_{dimension}")
        parts = [f"{tenths_of(base)}::bigint"]
        parts += [
            compiled.tenths
            for compiled in self.rules
            if compiled.rule.dimension == dimension and compiled.rule.group not in self.groups
        ]
        parts += [self._group(group) for group in self.groups if self._belongs(group, dimension)]
        limits = [getattr(self.model, f"{dimension}_{end}") for end in ("min", "max")]
        lowest, highest = (
            tenths_of(limit) if limit is not None else unlimited
            for limit, unlimited in zip(limits, (-UNLIMITED_TENTHS, UNLIMITED_TENTHS), strict=True)
        )
        return f"greatest({lowest}, least({highest}, {' + '.join(parts)}))::int"

    def _belongs(self, group: str, dimension: str) -> bool:
        return any(
            compiled.rule.group == group and compiled.rule.dimension == dimension
            for compiled in self.rules
        )

    def _group(self, group: str) -> str:
        cap = tenths_of(Decimal(str(self.model.caps[group])))
        members = [compiled.tenths for compiled in self.rules if compiled.rule.group == group]
        return f"greatest({-cap}, least({cap}, {' + '.join(members)}))"

    def _limited(self) -> str:
        lowest, highest = tenths_of(self.model.total_min), tenths_of(self.model.total_max)
        return f"greatest({lowest}, least({highest}, z.fit + z.intent))"

    def _total(self) -> str:
        limited = self._limited()
        if self.model.account_cap is None:
            return limited
        cap = tenths_of(self.model.account_cap)
        return f"CASE WHEN z.is_poor THEN least({cap}, {limited}) ELSE {limited} END"

    def _poor_account(self) -> list[str]:
        """What the account earns by itself, and whether that is too little."""
        if self.model.account_poor_below is None:
            return []
        earned = [compiled.tenths for compiled in self.rules if compiled.is_account_fit]
        account_fit = " + ".join(["0::bigint", *earned])
        least = tenths_of(self.model.account_poor_below)
        return [
            f"({account_fit}) AS account_fit",
            f"(f.has_account AND ({account_fit}) < {least}) AS is_poor",
        ]

    def _disqualified(self) -> str:
        reasons = [
            f"WHEN {compiled.test} THEN {self.params.add(compiled.rule.disqualifies)}::text"
            for compiled in self.rules
            if compiled.rule.disqualifies
        ]
        return f"CASE {' '.join(reasons)} ELSE '' END" if reasons else "''::text"

    def _graded(self, words: Sequence[str]) -> str:
        """The word of the grade a row reached; blank when disqualified."""
        fit = _steps("z.fit", self.model.fit_thresholds, "ABC")
        intent = _steps("z.intent", self.model.intent_thresholds, "123")
        listed = ", ".join(f"'{word}'" for word in words)
        return (
            f"CASE WHEN z.disqualified <> '' THEN '' "
            f"ELSE (ARRAY[{listed}])[1 + 4 * {fit} + {intent}] END"
        )


def _steps(column: str, thresholds: Mapping[str, Any], names: str) -> str:
    """0 for the best threshold reached, 3 for none."""
    tests = [
        f"WHEN {column} >= {tenths_of(Decimal(str(thresholds[name])))} THEN {step}"
        for step, name in enumerate(names)
    ]
    return f"CASE {' '.join(tests)} ELSE 3 END"


def _grades() -> list[str]:
    return [f"{letter}{number}" for letter in "ABCD" for number in "1234"]


def _tiers(model: ScoringModel) -> list[str]:
    tier_of = {grade: tier for tier, grades in model.tiers.items() for grade in grades}
    return [tier_of[grade] for grade in _grades()]


def _firing_columns(number: int, compiled: CompiledRule) -> list[str]:
    return [
        f"{compiled.tenths} AS r{number}",
        f"{compiled.test} AS t{number}",
        f"{compiled.unknown} AS u{number}",
    ]


def _rule_columns(number: int, compiled: CompiledRule) -> list[str]:
    columns = _firing_columns(number, compiled)
    columns += [
        f"{test} AS l{number}_{index}" for index, test in enumerate(compiled.leaves.values())
    ]
    if compiled.activity is not None:
        columns += [
            f"{compiled.activity.raw_tenths} AS raw{number}",
            f"{compiled.activity.count} AS n{number}",
            f"{compiled.activity.newest_age} AS age{number}",
        ]
    return columns


def compile_model(model: ScoringModel) -> CompiledModel:
    """The compiled form of a stored version, its rules by position.

    PostgreSQL freezes what is no draft, so that form is made once a thread.
    """
    if model.status == ModelStatus.DRAFT:
        return _compile_stored(model)
    kept: dict[tuple[object, ...], CompiledModel] = _kept.__dict__.setdefault("models", {})
    key = (model.pk, model.version, model.created_at)
    if key not in kept:
        kept[key] = _compile_stored(model)
    # The version as it was read just now: its status may have moved on.
    return replace(kept[key], model=model)


def _compile_stored(model: ScoringModel) -> CompiledModel:
    return compile_rules(model, list(model.rules.order_by("position", "id")), Catalogue.load())


def compile_rules(
    model: ScoringModel, rules: Sequence[ScoringRule], catalogue: Catalogue
) -> CompiledModel:
    """The compiled form of these rules under the model's limits, thresholds and caps.

    Their segments mean what is saved now while the model is a draft, what it was frozen with after.
    Raises ModelInvalid when a rule names a segment that is neither.
    """
    whens = [parse_when(rule.condition) for rule in rules]
    segments = _segments(model, rules)
    params = Params()
    asked = [*whens, *segments.values()]
    facts = Facts(params, used_types(asked, catalogue), catalogue)
    activities = Activities(params)
    compiled = tuple(
        _compile_rule(rule, when, segments.get(rule.segment), facts, activities)
        for rule, when in zip(rules, whens, strict=True)
    )
    return CompiledModel(model, compiled, params, facts, activities)


def _segments(model: ScoringModel, rules: Sequence[ScoringRule]) -> dict[str, Condition]:
    """The conditions of the segments that these rules are for, by key."""
    is_draft = model.status == ModelStatus.DRAFT
    queries = queries_of(rules) if is_draft else model.segments
    for rule in rules:
        if rule.segment and rule.segment not in queries:
            raise ModelInvalid(f"rule '{rule.name}': segment '{rule.segment}' was never frozen")
    return {
        key: segment_condition(queries[key])
        for key in dict.fromkeys(rule.segment for rule in rules if rule.segment)
    }


def _compile_rule(
    rule: ScoringRule,
    when: When,
    segment: Condition | None,
    facts: Facts,
    activities: Activities,
) -> CompiledRule:
    if isinstance(when, ActivityTest | NoActivityTest):
        return _compile_activity(rule, when, segment, facts, activities)
    whole = when if segment is None else AllOf((segment, when))
    condition = compile_condition(whole, facts)
    return CompiledRule(
        rule=rule,
        when=when,
        test=condition.test,
        tenths=f"CASE WHEN {condition.test} THEN {tenths_of(rule.points)} ELSE 0 END",
        unknown=f"(NOT {condition.test} AND ({condition.maybe}) IS NULL)",
        leaves=_leaves(whole, facts),
        segment=segment,
    )


def _compile_activity(
    rule: ScoringRule,
    when: ActivityTest | NoActivityTest,
    segment: Condition | None,
    facts: Facts,
    activities: Activities,
) -> CompiledRule:
    found = (
        activities.add(when, rule.points)
        if isinstance(when, ActivityTest)
        else activities.add_absence(when, rule.points)
    )
    if segment is None:
        return CompiledRule(rule, when, found.test, found.tenths, "false", {}, found)
    inside = compile_condition(segment, facts)
    return CompiledRule(
        rule=rule,
        when=when,
        test=f"({inside.test} AND {found.test})",
        tenths=f"CASE WHEN {inside.test} THEN {found.tenths} ELSE 0 END",
        unknown=f"({found.test} AND NOT {inside.test} AND ({inside.maybe}) IS NULL)",
        leaves=_leaves(segment, facts),
        activity=found,
        segment=segment,
    )


def _leaves(condition: Condition, facts: Facts) -> dict[Comparison, str]:
    return {leaf: compile_condition(leaf, facts).test for leaf in comparisons(condition)}
