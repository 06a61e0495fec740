"""Random (model, facts, moment): the oracle, stored leads and `score_facts` give the same lines.

`SCORING_CASES=10000` tries that many; the suite tries a sample.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from qualification.models import ScoringModel
from qualification.scoring.compile import compile_model, leads_now
from qualification.scoring.ledger import ledgers
from tests.oracles.random_scoring import DAY, random_document, random_facts
from tests.oracles.scoring_oracle import Oracle
from tests.qualification.scoring.conftest import LoadModel, StoreFacts
from tests.qualification.scoring.test_oracle import (
    BrokenOracle,
    ForgetfulOracle,
    answer_of,
    declared,
)

pytestmark = pytest.mark.django_db

CASES = int(os.environ.get("SCORING_CASES", "4000"))
CROWD, MODELS_A_CROWD = 40, 10
LINE_NAMES = {
    "base": "{dimension} base",
    "limit": "{dimension} limit",
    "total_limit": "total limit",
}

Facts = dict[str, Any]
Answer = dict[str, Any]
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
    return json.dumps(facts | {"activities": activities, "as_of": as_of}, default=plain)


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
    count: int, seed: int, now: dt.datetime, load_model: LoadModel, store_facts: StoreFacts
) -> Iterator[tuple[Facts, ScoringModel, list[Facts], list[int], dt.datetime]]:
    """(document, version, facts, their leads, moment) with `count` facts in all."""
    random = Random(seed)
    for number in range(count // CROWD):
        if number % MODELS_A_CROWD == 0:
            many = [random_facts(random, now) for _ in range(CROWD)]
            ids = store_facts(many)
        raw = random_document(random)
        as_of = now - random.choice([0, 0, 1, 3, 30]) * DAY
        yield raw, load_model(raw), many, ids, as_of


def test_three_ways_to_score_agree(
    load_model: LoadModel, store_facts: StoreFacts, score_facts: ScoreFacts, now: dt.datetime
) -> None:
    tried = mismatches = 0
    for raw, model, many, ids, as_of in cases(CASES, 11, now, load_model, store_facts):
        oracle = Oracle(raw, declared())
        stored = ledgers(compile_model(model), leads_now(ids, as_of=as_of), as_of)
        given = score_facts(model, [given_line(facts, as_of) for facts in many])
        for facts, lead_id, published in zip(many, ids, given, strict=True):
            expected = oracle.score(facts, as_of)
            answers = [answer_of(stored[lead_id]), in_tenths(published)]
            tried += 1
            mismatches += answers != [expected, expected]
            for answer in answers:
                assert answer == expected, f"{raw}\nas of {as_of}: {facts}"
                assert sum(tenths for _, tenths, _ in answer["lines"]) == answer["total"]
    print(f"cases={tried} mismatches={mismatches}")
    assert tried == CASES // CROWD * CROWD


@pytest.mark.parametrize("broken", [BrokenOracle, ForgetfulOracle])
def test_a_deliberate_mistake_is_caught_both_ways(
    broken: type[Oracle],
    load_model: LoadModel,
    store_facts: StoreFacts,
    score_facts: ScoreFacts,
    now: dt.datetime,
) -> None:
    caught = {"stored": 0, "given": 0}
    for raw, model, many, ids, as_of in cases(800, 12, now, load_model, store_facts):
        oracle = broken(raw, declared())
        stored = ledgers(compile_model(model), leads_now(ids, as_of=as_of), as_of)
        given = score_facts(model, [given_line(facts, as_of) for facts in many])
        for facts, lead_id, published in zip(many, ids, given, strict=True):
            wrong = oracle.score(facts, as_of)
            caught["stored"] += answer_of(stored[lead_id]) != wrong
            caught["given"] += in_tenths(published) != wrong
    assert min(caught.values()) > 0
