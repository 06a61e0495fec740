"""The compiled expression against the oracle: thousands of random models, facts and moments."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from django.db import connection

from crm.models import AttributeDefinition
from qualification.scoring.compile import compile_model, leads_now
from qualification.scoring.ledger import Ledger, ledgers
from tests.oracles.random_scoring import (
    DAY,
    SEGMENTS,
    random_document,
    random_facts,
    random_query,
)
from tests.oracles.scoring_facts import leaves
from tests.oracles.scoring_oracle import Oracle
from tests.qualification.scoring.conftest import LoadModel, SaveSegments, StoreFacts

LEADS, MODELS = 60, 80
# What each run must really have met.
FEATURES = (
    *("account_cap", "segment of facts", "segment of activities"),
    *("account.people", "account.active_people", "account.roles_covered"),
    *("account.is_competitor", "lead.phone_kind", "lead.buying_roles"),
)


def lines_of(ledger: Ledger) -> list[tuple[str, int, bool]]:
    """The lines as the oracle names them."""
    names = {"base": "{0.dimension} base", "limit": "{0.dimension} limit"}
    names |= {"total_limit": "total limit", "group_cap": "cap {0.name}"}
    names |= {"account_cap": "account cap"}
    found = []
    for line in ledger.lines:
        if line.kind == "excluded":  # told for the reader; the oracle counts nothing there
            continue
        name = names.get(line.kind, "{0.name}").format(line).replace("cap Cap ", "cap ")
        found.append((name, line.points_tenths, line.is_unknown))
    return found


def answer_of(ledger: Ledger) -> dict[str, Any]:
    """A ledger in the oracle's form."""
    return {
        "fit": ledger.fit_tenths,
        "intent": ledger.intent_tenths,
        "total": ledger.total_tenths,
        "grade": ledger.grade,
        "tier": ledger.tier,
        "disqualified": ledger.disqualified,
        "lines": lines_of(ledger),
    }


def declared() -> dict[str, str]:
    """Types of the attributes declared so far, by subject name."""
    rows = AttributeDefinition.objects.values_list("name", "type")
    return {f"attributes.{name}": kind for name, kind in rows}


def random_queries(random: Random) -> dict[str, dict[str, Any]]:
    """The queries of the segments that random rules name."""
    return {key: random_query(random) for key in SEGMENTS}


def totals_of(model: Any, ids: list[int], as_of: dt.datetime) -> dict[int, dict[str, Any]]:
    """What rescoring would store."""
    sql, params = compile_model(model).totals(leads_now(ids, as_of=as_of))
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def mismatches(
    oracle: Oracle,
    many: list[dict[str, Any]],
    found: dict[int, Ledger],
    ids: list[int],
    at: dt.datetime,
) -> list[tuple[Any, Any, Any]]:
    """(facts, expected, found) wherever the two disagree."""
    wrong = []
    for facts, lead_id in zip(many, ids, strict=True):
        expected, answer = oracle.score(facts, at), answer_of(found[lead_id])
        if expected != answer:
            wrong.append((facts, expected, answer))
    return wrong


@pytest.fixture
def crowd(store_facts: StoreFacts, now: dt.datetime) -> tuple[list[dict[str, Any]], list[int]]:
    """Leads with random facts, and their ids."""
    random = Random(7)
    many = [random_facts(random, now) for _ in range(LEADS)]
    return many, store_facts(many)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_it_equals_the_oracle_line_by_line(
    seed: int,
    crowd: tuple[list[dict[str, Any]], list[int]],
    load_model: LoadModel,
    save_segments: SaveSegments,
    now: dt.datetime,
) -> None:
    many, ids = crowd
    random = Random(seed)
    seen: Counter[str] = Counter()
    for number in range(MODELS // 4):
        queries = random_queries(random)
        save_segments(queries)
        raw = random_document(random)
        as_of = now - random.choice([0, 0, 1, 3, 30]) * DAY
        model = load_model(raw)
        found = ledgers(compile_model(model), leads_now(ids, as_of=as_of), as_of)
        oracle = Oracle(raw, declared(), queries)
        for facts, expected, answer in mismatches(oracle, many, found, ids, as_of):
            case = f"model {seed}/{number}: {raw}\n{queries}\nas of {as_of}: {facts}"
            assert answer == expected, case
        seen += features_of(raw, found.values())
        for lead_id, row in totals_of(model, ids, as_of).items():
            ledger = found[lead_id]
            assert sum(line.points_tenths for line in ledger.lines) == ledger.total_tenths
            assert (row["fit"], row["intent"], row["total"]) == (
                ledger.fit_tenths,
                ledger.intent_tenths,
                ledger.total_tenths,
            )
            assert (row["grade"], row["tier"], row["disqualified"]) == (
                ledger.grade,
                ledger.tier,
                ledger.disqualified,
            )
    assert min(seen[feature] for feature in FEATURES) >= 5, seen


def features_of(raw: dict[str, Any], found: Iterable[Ledger]) -> Counter[str]:
    """How often each of FEATURES gave or took points in these ledgers."""
    rules = {rule["name"]: rule for rule in raw["rules"]}
    seen: Counter[str] = Counter()
    for line in (line for ledger in found for line in ledger.lines if line.points_tenths):
        seen["account_cap"] += line.kind == "account_cap"
        rule = rules.get(line.name)
        if rule is None:
            continue
        is_done = "activity" in rule["when"] or "no_activity" in rule["when"]
        seen["segment of facts"] += "segment" in rule and not is_done
        seen["segment of activities"] += "segment" in rule and is_done
        seen.update({leaf["subject"] for leaf in leaves(rule["when"])} & set(FEATURES))
    return seen


class BrokenOracle(Oracle):
    """At least means more than: what a mistake in one operator looks like."""

    def holds(self, op: str, fact: Any, wanted: list[Any]) -> bool:
        if op == "at_least":
            return bool(fact > wanted[0])
        return super().holds(op, fact, wanted)


class CountingClicksOracle(Oracle):
    """Takes a person's fifty clicks for fifty people."""

    def worked_out(self, subject: str, facts: dict[str, Any], as_of: dt.datetime) -> Any:
        if subject == "account.active_people":
            people = [facts, *facts["colleagues"]]
            return sum(len(self.seen(person, as_of)) for person in people)
        return super().worked_out(subject, facts, as_of)


class EverybodyOracle(Oracle):
    """Takes everybody for a member of every segment."""

    def fired(
        self, rule: dict[str, Any], facts: dict[str, Any], as_of: dt.datetime
    ) -> tuple[bool, int, bool]:
        return self.fired_for_all(rule, facts, as_of)


class GenerousOracle(Oracle):
    """Lets the people of a poor account pass."""

    def capped_by_account(self, total: int, *_: Any) -> int:
        return total


BROKEN = [BrokenOracle, CountingClicksOracle, EverybodyOracle, GenerousOracle]


class ForgetfulOracle(Oracle):
    """Counts what machines did."""

    def seen(self, facts: dict[str, Any], as_of: dt.datetime) -> list[dict[str, Any]]:
        return [
            a
            for a in facts["activities"]
            if a["occurred_at"] <= as_of and a["recorded_at"] <= as_of
        ]


@pytest.mark.django_db
@pytest.mark.parametrize("broken", [*BROKEN, ForgetfulOracle])
def test_it_catches_a_deliberate_mistake(
    broken: type[Oracle],
    crowd: tuple[list[dict[str, Any]], list[int]],
    load_model: LoadModel,
    save_segments: SaveSegments,
    now: dt.datetime,
) -> None:
    many, ids = crowd
    random = Random(1)
    queries = random_queries(random)
    save_segments(queries)
    caught = 0
    for _ in range(20):
        raw = random_document(random)
        found = ledgers(compile_model(load_model(raw)), leads_now(ids, as_of=now), now)
        caught += len(mismatches(broken(raw, declared(), queries), many, found, ids, now))
    assert caught > 0
