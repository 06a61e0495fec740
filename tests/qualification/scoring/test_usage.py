"""How rules are used, counted range by range, against scores of single leads."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from qualification.models import RunKind, RunState, ScoringModel, ScoringRun
from qualification.runner import work_runs
from qualification.scoring import runs
from qualification.scoring.ledger import ledger_of
from qualification.scoring.usage import always_together, usage_finish, usage_range
from tests.qualification.scoring.conftest import LoadModel, StoreFacts, document

pytestmark = pytest.mark.django_db


def fact(name: str) -> dict[str, Any]:
    """Fires on leads of whom this is true."""
    return {"subject": f"attributes.{name}", "op": "is_true"}


RULES = document(
    {"name": "Big", "dimension": "fit", "when": fact("big"), "points": 20},
    {"name": "Tiny step", "dimension": "fit", "when": fact("step"), "points": 0.5},
    {"name": "Asked", "dimension": "intent", "when": fact("asked"), "points": 30},
    {"name": "Rival", "dimension": "fit", "when": fact("asked"), "points": -1},
    {
        "name": "Out",
        "dimension": "fit",
        "when": fact("out"),
        "points": 0,
        "disqualifies": "out",
    },
)
KEYS = ("big-0", "tiny-step-1", "asked-2", "rival-3", "out-4")
LEADS = [
    {"big": True},
    {"big": True, "step": True},
    {"step": True, "asked": True},
    {"asked": True},
    {"out": True},
    {"out": True, "big": True},
    {},
]


def stored(store_facts: StoreFacts) -> list[int]:
    """A lead for each of the attributes above."""
    return store_facts([{"lead": {}, "account": None, "attributes": facts} for facts in LEADS])


def run_of(model: ScoringModel, now: dt.datetime) -> ScoringRun:
    """A run over all leads."""
    return runs.start_run(kind=RunKind.USAGE, model=model, now=now)


def test_it_counts_what_fired_and_what_told(
    load_model: LoadModel, store_facts: StoreFacts, now: dt.datetime
) -> None:
    ids = stored(store_facts)
    run = run_of(load_model(RULES), now)
    found = usage_range(run, min(ids), max(ids))
    assert found.scored == len(LEADS)
    assert found.result["fired"] == dict(zip(KEYS, (3, 2, 2, 2, 2), strict=True))
    # Without `big` two leads fall from B4 to D4, the third is disqualified all the same; half a
    # point moves nobody; without `asked` two leave 1, without `out` two are graded at all.
    assert found.result["told"] == dict(zip(KEYS, (2, 0, 2, 0, 2), strict=True))


def test_ranges_add_up_to_the_whole(
    load_model: LoadModel, store_facts: StoreFacts, now: dt.datetime
) -> None:
    ids = stored(store_facts)
    run = run_of(load_model(RULES), now)
    whole = usage_finish(run, [usage_range(run, min(ids), max(ids)).result])
    parts = [usage_range(run, lead_id, lead_id).result for lead_id in ids]
    assert usage_finish(run, parts) == whole
    empty = usage_range(run, max(ids) + 1, max(ids) + 9).result
    assert usage_finish(run, [*parts, empty]) == whole


def test_told_is_what_single_leads_say(
    load_model: LoadModel, store_facts: StoreFacts, now: dt.datetime
) -> None:
    ids = stored(store_facts)
    model = load_model(RULES)
    run = run_of(model, now)
    told = usage_range(run, min(ids), max(ids)).result["told"]
    grades = {lead_id: ledger_of(lead_id, model=model, now=now).grade for lead_id in ids}
    for rule in model.rules.all():
        less = document(*[raw for raw in RULES["rules"] if raw["name"] != rule.name])
        without = load_model(less)
        moved = [
            lead_id
            for lead_id in ids
            if ledger_of(lead_id, model=without, now=now).grade != grades[lead_id]
        ]
        assert told[rule.key] == len(moved), rule.key


def test_it_knows_who_always_fires_together(
    load_model: LoadModel, store_facts: StoreFacts, now: dt.datetime
) -> None:
    stored(store_facts)
    model = load_model(RULES)
    run = run_of(model, now)
    work_runs(now=now, run=run)
    run.refresh_from_db()
    assert run.state == RunState.DONE
    rules = {rule.key: rule for rule in model.rules.all()}
    together = {
        key: always_together(run.result, rules["asked-2"], rules[key])
        for key in ("rival-3", "out-4")
    }
    assert together == {"rival-3": 2, "out-4": 0}
    # `big` met a disqualified lead once, but not always.
    assert run.result["together"]["big-0|out-4"] == 1
    assert always_together(run.result, rules["big-0"], rules["out-4"]) == 0
