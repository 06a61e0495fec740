"""Decides how a condition alone becomes SQL: which leads are in a segment.
Called by the filters of lists and by reports; the same columns and tests as a rule's."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

from qualification.scoring.compile.conditions import compile_condition
from qualification.scoring.compile.facts import Facts, Params
from qualification.scoring.compile.sources import Source, all_leads, lead_in
from qualification.scoring.conditions import Condition, comparisons
from qualification.scoring.declared import used_types
from qualification.scoring.subjects import Catalogue

Statement = tuple[str, dict[str, Any]]

_NAMED = re.compile(r"%\((\w+)\)s")


def members(condition: Condition, *, as_of: datetime) -> Statement:
    """Statement with the ids (`row_id`) of all leads for which the condition is true now: read once
    from end to end, for counts and reports."""
    return _matching(condition, all_leads(as_of=as_of))


def _matching(condition: Condition, source: Source) -> Statement:
    families = {leaf.subject.family for leaf in comparisons(condition)}
    # Only attributes are declared in rows.
    params, catalogue = Params(), Catalogue.load() if "attributes" in families else Catalogue()
    facts = Facts(params, used_types([condition], catalogue), catalogue)
    test = compile_condition(condition, facts).test
    selected = [
        f"{source.row_id} AS row_id",
        f"({source.as_of} AT TIME ZONE 'UTC')::date AS today",
        *facts.selected(source),
    ]
    sql = f"""
        SELECT f.row_id FROM (
            SELECT {", ".join(selected)} FROM {source.leads} {" ".join(facts.joins(source))}
            WHERE {source.where} OFFSET 0
        ) AS f WHERE {test}
    """  # noqa: S608 - text of this package; values are parameters  # nosec
    return sql, {**params.values, **source.params}


class _Membership(models.Func):
    """A test of the lead whose id the expression gives."""

    output_field = models.BooleanField()

    def __init__(self, lead: models.F, *, condition: Condition, as_of: datetime) -> None:
        super().__init__(lead)
        self.condition, self.as_of = condition, as_of

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, list[Any]]:
        lead, _ = compiler.compile(self.source_expressions[0])
        return _in_order(*self.statement(lead))

    def statement(self, lead: str) -> Statement:
        """The test of the lead in this column."""
        raise NotImplementedError


class IsMember(_Membership):
    """Whether the lead is in the segment, asked row by row: a page of a long list stops as soon as
    it is full."""

    def statement(self, lead: str) -> Statement:
        sql, params = _matching(self.condition, lead_in(lead, as_of=self.as_of))
        return f"EXISTS ({sql})", params


class IsAmongMembers(_Membership):
    """Whether the lead is among all members, found in one pass: for whoever reads all leads."""

    def statement(self, lead: str) -> Statement:
        sql, params = members(self.condition, as_of=self.as_of)
        return f"{lead} IN ({sql})", params


def _in_order(sql: str, params: dict[str, Any]) -> tuple[str, list[Any]]:
    """The text with its parameters by place, as the ORM passes them."""
    ordered = [params[name] for name in _NAMED.findall(sql)]
    return _NAMED.sub("%s", sql), ordered
