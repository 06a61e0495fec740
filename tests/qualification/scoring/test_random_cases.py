"""Random (model, facts, moment): the oracle, stored leads and `score_facts` give the same lines.

`SCORING_CASES=10000` tries that many; the suite tries a sample.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

import pytest

from qualification.models import ScoringModel
from qualification.scoring.compile import compile_model, leads_now
from qualification.scoring.ledger import ledgers
from tests.oracles.random_scoring import DAY, random_document, random_facts
from tests.oracles.scoring_facts import COUNTED
from tests.oracles.scoring_oracle import Oracle
from tests.qualification.scoring.conftest import LoadModel, SaveSegments, StoreFacts
from tests.qualification.scoring.test_oracle import (
    BrokenOracle,
    ForgetfulOracle,
    answer_of,
    declared,
    random_queries,
)

pytestmark = pytest.mark.django_db

CASES = int(os.environ.get("SCORING_CASES", "4000"))
CROWD, MODELS_A_CROWD = 40, 10
LINE_NAMES = {
    "base": "{dimension} base",
    "limit": "{dimension} limit",
    "total_limit": "total limit",
    "account_cap": "account cap",
}

Facts = dict[str, Any]
Answer = dict[str, Any]


class Case(NamedTuple):
    """A document and the queries of the segments it names."""

    document: dict[str, Any]
    segments: dict[str, dict[str, Any]]


class Stores(NamedTuple):
    """Where a case is kept: its version, its leads, its segments."""

    model: LoadModel
    facts: StoreFacts
    segments: SaveSegments


@pytest.fixture
def stores(load_model: LoadModel, store_facts: StoreFacts, save_segments: SaveSegments) -> Stores:
    return Stores(load_model, store_facts, save_segments)


ScoreFacts = Callable[[ScoringModel, list[str]], list[Answer]]


def given_line(facts: Facts, as_of: dt.datetime) -> str:
    """Facts in the form of `score_facts`: a verdict is whether a machine did it as of then."""

    def plain(value: Any) -> str:
        return value.isoformat() if isinstance(value, dt.datetime) else str(value)

    activities = [
        {key: value for key, value in activity.items() if key != "verdicts"}
        | {"machine": is_machine(activity, as_of)}
        for activity in facts["activities"]
    ]
    told = {"lead": literal("lead", facts, as_of), "account": literal("account", facts, as_of)}
    told |= {"activities": activities, "as_of": as_of}
    told |= {key: facts[key] for key in ("attributes", "checklist")}
    return json.dumps(told, default=plain)


def literal(family: str, facts: Facts, as_of: dt.datetime) -> Facts | None:
    """Lead or account with what is derived or counted said in so many words."""
    row = facts[family]
    if row is None:
        return None
    oracle = Oracle({"rules": []})
    names = ("phone_kind", "buying_roles") if family == "lead" else COUNTED
    worked_out = {name: oracle.worked_out(f"{family}.{name}", facts, as_of) for name in names}
    plain = {key: value for key, value in row.items() if key != "phone_key"}
    return plain | {k: int(v) if family == "account" else v for k, v in worked_out.items()}


def is_machine(activity: dict[str, Any], as_of: dt.datetime) -> bool:
    """The verdict told last by then."""
    told = [verdict for verdict in activity.get("verdicts", []) if verdict[0] <= as_of]
    return bool(told) and sorted(told, key=lambda verdict: verdict[0])[-1][1]


def in_tenths(published: Answer) -> Answer:
    """An answer line in the oracle's form."""
    lines = []
    for line in published["lines"]:
        name = LINE_NAMES.get(line["kind"], line["name"]).format(**line)
        if line["kind"] == "group_cap":
            name = name.replace("Cap ", "cap ")
        if line["kind"] != "excluded":
            lines.append((name, round(line["points"] * 10), line["unknown"]))
    return {
        "fit": round(published["fit"] * 10),
        "intent": round(published["intent"] * 10),
        "total": round(published["score"] * 10),
        **{key: published[key] for key in ("grade", "tier", "disqualified")},
        "lines": lines,
    }


def cases(
    count: int,
    seed: int,
    now: dt.datetime,
    stores: Stores,
) -> Iterator[tuple[Case, ScoringModel, list[Facts], list[int], dt.datetime]]:
    """(case, version, facts, their leads, moment) with `count` facts in all."""
    random = Random(seed)
    for number in range(count // CROWD):
        if number % MODELS_A_CROWD == 0:
            many = [random_facts(random, now) for _ in range(CROWD)]
            ids = stores.facts(many)
            queries = random_queries(random)
            stores.segments(queries)
        raw = random_document(random)
        as_of = now - random.choice([0, 0, 1, 3, 30]) * DAY
        yield Case(raw, queries), stores.model(raw), many, ids, as_of


def test_three_ways_to_score_agree(
    stores: Stores,
    score_facts: ScoreFacts,
    now: dt.datetime,
) -> None:
    tried = mismatches = 0
    for case, model, many, ids, as_of in cases(CASES, 11, now, stores):
        oracle = Oracle(case.document, declared(), case.segments)
        stored = ledgers(compile_model(model), leads_now(ids, as_of=as_of), as_of)
        given = score_facts(model, [given_line(facts, as_of) for facts in many])
        for facts, lead_id, published in zip(many, ids, given, strict=True):
            expected = oracle.score(facts, as_of)
            answers = [answer_of(stored[lead_id]), in_tenths(published)]
            tried += 1
            mismatches += answers != [expected, expected]
            for answer in answers:
                assert answer == expected, f"{case}\nas of {as_of}: {facts}"
                assert sum(tenths for _, tenths, _ in answer["lines"]) == answer["total"]
    print(f"cases={tried} mismatches={mismatches}")
    assert tried == CASES // CROWD * CROWD


@pytest.mark.parametrize("broken", [BrokenOracle, ForgetfulOracle])
def test_a_deliberate_mistake_is_caught_both_ways(
    broken: type[Oracle],
    stores: Stores,
    score_facts: ScoreFacts,
    now: dt.datetime,
) -> None:
    caught = {"stored": 0, "given": 0}
    for case, model, many, ids, as_of in cases(800, 12, now, stores):
        oracle = broken(case.document, declared(), case.segments)
        stored = ledgers(compile_model(model), leads_now(ids, as_of=as_of), as_of)
        given = score_facts(model, [given_line(facts, as_of) for facts in many])
        for facts, lead_id, published in zip(many, ids, given, strict=True):
            wrong = oracle.score(facts, as_of)
            caught["stored"] += answer_of(stored[lead_id]) != wrong
            caught["given"] += in_tenths(published) != wrong
    assert min(caught.values()) > 0
