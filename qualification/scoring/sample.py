"""Decides on how many of the newest leads a rule fires, through the compiled expression.
Called by the rule editor while somebody writes; bounded, whatever the number of leads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from crm.models import Lead
from qualification.models import ScoringRule
from qualification.scoring.compile import compile_rules, leads_now
from qualification.scoring.conditions import Condition, parse_when
from qualification.scoring.declared import check_types, used_types
from qualification.scoring.holds import holding
from qualification.scoring.subjects import Catalogue

SAMPLE = 2_000


@dataclass(frozen=True)
class Sample:
    """Of `n` leads, on how many the rule fires and for how many a fact it needs is missing."""

    n: int
    fired: int
    unknown: int

    @property
    def percent(self) -> float:
        """Fired per hundred leads; 0 without any."""
        return 100 * self.fired / self.n if self.n else 0.0


def fires_on(rule: ScoringRule, *, now: datetime) -> Sample:
    """How often the rule, stored or not, fires on the newest leads with their facts as they stand.

    Raises ModelInvalid when its condition is none, or does not fit the types of its subjects.
    """
    catalogue = Catalogue.load()
    when = parse_when(rule.condition)
    check_types(when, used_types([when], catalogue), catalogue)
    newest = _newest()
    compiled = compile_rules(rule.model, [rule], catalogue)
    sql, params = compiled.fired(leads_now(newest, as_of=now))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*), count(*) FILTER (WHERE t0), count(*) FILTER (WHERE u0)
            FROM ({sql}) AS s""",  # noqa: S608 - compiled text; values are parameters  # nosec
            params,
        )
        n, fired, unknown = cursor.fetchone()
    return Sample(n, fired, unknown)


def holds_for(condition: Condition, *, now: datetime) -> Sample:
    """For how many of the newest leads a condition outside of scoring holds, as they stand; a fact
    that is missing is no match. The types of its subjects are checked before."""
    newest = _newest()
    held = holding(newest, [condition], now=now)
    return Sample(len(newest), sum(holds for (holds,) in held.values()), 0)


def _newest() -> list[int]:
    return list(Lead.objects.order_by("-pk").values_list("pk", flat=True)[:SAMPLE])
