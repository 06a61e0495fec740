"""Random scoring documents and facts that meet often: few names, few values, many edges.

Imports nothing from the app. Everything comes from one `random.Random`, so a seed repeats a case.
"""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any

TEXTS = ["Alpha", " alpha ", "BETA", "beta max", "Gamma", "Ärzte", "", "  ", "it's 100% \\ _x"]
WANTED = ["alpha", "Beta", "gamma ", "ÄRZTE", "a", "max", "it's 100% \\ _X"]
NUMBERS = [0, 1, 2.5, 3, 10, 10.1, 200, 999.99, -4]
DATES = ["2026-11-23", "2026-11-22", "2025-11-23", "2024-02-29", "2026-12-24", "2026-02-31", "soon"]
TYPES = ["page_view", "form_submit", "email_click", "demo_request"]
PATHS = ["/pricing", "/Plans ", "/", 5, True, None]
TEXT_SUBJECTS = ["lead.title", "lead.country", "lead.email", "account.industry", "account.website"]
ATTRIBUTES = {"attributes.color": "text", "attributes.size": "number", "attributes.vip": "boolean"}
ATTRIBUTES |= {"attributes.signed_on": "date", "attributes.odd": "any"}
CHECKLIST = {"checklist.budget": "text", "checklist.pain.state": "text"}
STATES = ["confirmed", "inferred", "contradicted", "unknown"]
SUBJECTS = (
    dict.fromkeys(TEXT_SUBJECTS, "text")
    | {"account.employees": "number", "account.revenue": "number"}
    | {"lead.opted_out": "boolean", "account.is_target": "boolean", "lead.received_at": "date"}
    | ATTRIBUTES
    | CHECKLIST
)
OPERATORS = {
    "text": ["is", "is_one_of", "is_not_one_of", "contains", "starts_with"],
    "number": ["is", "is_one_of", "is_not_one_of", "at_least", "at_most", "between"],
    "boolean": ["is_true", "is_false", "is"],
    "date": ["days_since_at_most", "at_least", "at_most", "between"],
    "any": [],
}
DAY = dt.timedelta(days=1)


def random_document(random: Random) -> dict[str, Any]:
    """A valid document."""
    limits: dict[str, Any] = {"total": sorted(random.sample(range(-80, 160), 2))}
    for dimension in ("fit", "intent"):
        if random.random() < 0.5:
            limits[dimension] = random.choice([[-30, 40.5], [None, 25], [-10, None], [0, 100]])
    rules = [random_rule(random, number) for number in range(random.randint(1, 14))]
    return {
        "name": "Random",
        "base": {"fit": random.choice([0, 5, -3.5]), "intent": random.choice([0, 2.5])},
        "limits": limits,
        "thresholds": {
            "mql": random.choice([20, 30.5]),
            "fit": {"A": 30, "B": 15.5, "C": 5},
            "intent": {1: 25, 2: 12.5, 3: 0},
        },
        "caps": {"f1": 12.5, "f2": 0, "i1": random.choice([8, 20])},
        "rules": rules,
    }


def random_rule(random: Random, number: int) -> dict[str, Any]:
    """One rule; groups stay within a dimension."""
    dimension = random.choice(["fit", "intent"])
    rule: dict[str, Any] = {
        "name": f"Rule {number}",
        "dimension": dimension,
        "when": random_when(random),
        "points": round(random.uniform(-25, 30), 1),
    }
    if random.random() < 0.4:
        rule["group"] = f"{dimension[0]}{random.randint(1, 3)}"
    if random.random() < 0.1:
        rule["disqualifies"] = f"reason_{number}"
    return rule


def random_when(random: Random) -> dict[str, Any]:
    """An attribute condition or one about activities."""
    if random.random() < 0.35:
        return random_activity(random)
    return random_condition(random, 0)


def random_condition(random: Random, depth: int) -> dict[str, Any]:
    """Nested up to three deep."""
    drawn = random.random()
    if depth < 3 and drawn < 0.4:
        word = random.choice(["all", "any", "not"])
        if word == "not":
            return {"not": random_condition(random, depth + 1)}
        count = random.randint(1, 3)
        return {word: [random_condition(random, depth + 1) for _ in range(count)]}
    return random_comparison(random)


def random_comparison(random: Random) -> dict[str, Any]:
    """A subject with an operator of its type and values near the facts."""
    subject, kind = random.choice(list(SUBJECTS.items()))
    op = random.choice([*OPERATORS[kind], "is_known", "is_unknown"])
    found: dict[str, Any] = {"subject": subject, "op": op}
    if op in ("is_known", "is_unknown", "is_true", "is_false"):
        return found
    if op == "days_since_at_most":
        return found | {"value": random.choice([0, 1, 364, 365, 900])}
    if kind == "boolean":
        return found | {"value": random.choice([True, False])}
    pool: list[Any] = {"text": WANTED, "number": NUMBERS, "date": DATES[:5]}[kind]
    if subject.endswith(".state"):
        pool = STATES
    if op == "between":
        return found | {"value": sorted(random.sample(pool, 2))}
    if op in ("is_one_of", "is_not_one_of"):
        return found | {"value": random.sample(pool, random.randint(1, 3))}
    return found | {"value": random.choice(pool)}


def random_activity(random: Random) -> dict[str, Any]:
    """A condition about what they did or did not do."""
    types: Any = random.choice(TYPES)
    if random.random() < 0.3:
        types = random.sample(TYPES, 2)
    window = random.choice([1, 7, 30, 90, 0.5])
    if random.random() < 0.2:
        kinds = random.choice([types, "any"])
        return {
            "no_activity": kinds,
            "within_days": window,
            "after_first": random.choice([True, False]),
        }
    when: dict[str, Any] = {"activity": types}
    if random.random() < 0.4:
        when["where"] = {
            "path": random.choice(["/pricing", ["/plans", 5], True, [" /PRICING", "/"]])
        }
    if random.random() < 0.7:
        when["within_days"] = window
    if random.random() < 0.5:
        when["half_life_days"] = random.choice([1, 7, 30, 0.5])
    if random.random() < 0.3:
        when["per"] = random.choice(["once", "occurrence"])
    if random.random() < 0.25:
        when["at_least_times"] = random.randint(1, 4)
    if random.random() < 0.5:
        when["max_points"] = random.choice([0, 5, 12.5, 40])
    return when


def random_facts(random: Random, now: dt.datetime) -> dict[str, Any]:
    """What is known of one lead, with gaps and values of the wrong type."""
    account = None
    if random.random() < 0.7:
        account = {
            "name": random.choice(["Acme", "Zeta"]),
            "industry": random.choice(TEXTS),
            "website": random.choice(TEXTS),
            "employees": random.choice([None, 0, 3, 10, 200]),
            "revenue": random.choice([None, 1, 200]),
            "is_target": random.choice([True, False]),
        }
    names = [name.partition(".")[2] for name in ATTRIBUTES]
    anything = [
        *TEXTS[:5],
        *NUMBERS,
        *DATES,
        True,
        False,
        None,
        [],
        {"a": 1},
        "2026-11-22T10:00:00Z",
    ]
    fitting = {"color": TEXTS, "size": NUMBERS, "vip": [True, False], "signed_on": DATES}
    attributes = {
        name: random.choice(
            fitting[name] if name in fitting and random.random() < 0.7 else anything
        )
        for name in names
        if random.random() < 0.75
    }
    return {
        "lead": {
            "title": random.choice(TEXTS),
            "country": random.choice(TEXTS),
            "email": random.choice(TEXTS),
            "opted_out": random.choice([True, False]),
            "received_at": now - random.choice([0, 1, 365, 900]) * DAY,
        },
        "account": account,
        "attributes": attributes,
        "checklist": {
            key: {"value": random.choice([*TEXTS, 5, True, None]), "state": random.choice(STATES)}
            for key in ("budget", "pain")
            if random.random() < 0.6
        },
        "activities": [random_event(random, now) for _ in range(random.choice([0, 0, 1, 3, 8]))],
    }


def random_event(random: Random, now: dt.datetime) -> dict[str, Any]:
    """An activity at an edge or anywhere in the last hundred days, sometimes a machine's."""
    edge = random.choice([0, 0.5, 1, 7, 14, 30, 60, 90]) * DAY
    anywhere = dt.timedelta(seconds=random.uniform(0, 100 * 86_400))
    occurred_at = now - random.choice([edge, edge + dt.timedelta(microseconds=1), anywhere])
    occurred_at = occurred_at.replace(microsecond=occurred_at.microsecond)
    verdicts = []
    if random.random() < 0.25:
        verdicts = [
            (occurred_at + random.choice([0, 1, 40]) * DAY + i * DAY, random.random() < 0.6)
            for i in range(random.randint(1, 2))
        ]
    path = random.choice(PATHS)
    return {
        "type": random.choice(TYPES),
        "occurred_at": occurred_at,
        "recorded_at": occurred_at + random.choice([0, 0, 2]) * DAY,
        "properties": {} if path is None else {"path": path},
        "verdicts": verdicts,
    }
