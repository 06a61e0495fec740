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
COUNTED = ["account.people", "account.active_people", "account.roles_covered"]
ROLES = ["end_user", "influencer", "decision_maker", "economic_buyer"]
PHONES = [("", None), ("  ", None), ("12345", None), ("+49 30 901820", "+4930901820")]
EMAIL_KINDS = ["", "corporate", "free", "education"]
SOURCES = ["oracle", "webinar"]
SEGMENTS = ("s0", "s1", "s2", "s3")
ATTRIBUTES = {"attributes.color": "text", "attributes.size": "number", "attributes.vip": "boolean"}
ATTRIBUTES |= {"attributes.signed_on": "date", "attributes.odd": "any"}
CHECKLIST = {"checklist.budget": "text", "checklist.pain.state": "text"}
STATES = ["confirmed", "inferred", "contradicted", "unknown"]
SUBJECTS = (
    dict.fromkeys(TEXT_SUBJECTS, "text")
    | {"account.employees": "number", "account.revenue": "number"}
    | {"lead.opted_out": "boolean", "account.is_target": "boolean", "lead.received_at": "date"}
    | {"account.is_competitor": "boolean", "lead.phone_kind": "text", "lead.buying_roles": "text"}
    | dict.fromkeys(COUNTED, "number")
    | ATTRIBUTES
    | CHECKLIST
)
# Drawn more often than their share: who buys with whom.
OF_PURCHASES = ["lead.buying_roles", "lead.buying_roles", "account.is_competitor", *COUNTED]
OPERATORS = {
    "text": ["is", "is_one_of", "is_not_one_of", "contains", "starts_with"],
    "number": ["is", "is_one_of", "is_not_one_of", "at_least", "at_most", "between"],
    "boolean": ["is_true", "is_false", "is"],
    "date": ["days_since_at_most", "at_least", "at_most", "between"],
    "any": [],
}
DAY = dt.timedelta(days=1)
# Values of subjects that have their own words.
POOLS: dict[str, list[Any]] = {
    "lead.phone_kind": ["real", "fake"],
    "lead.buying_roles": [*ROLES, "decision", "e", "decision_maker, end_user"],
    **{name: [0, 1, 2, 3, 4] for name in COUNTED},
    "checklist.pain.state": STATES,
}


def random_query(random: Random) -> dict[str, Any]:
    """The query of a segment: one to three filters."""
    employees = sorted(random.sample([0, 3, 10, 200], 2))
    size = {"employees_min": employees[0], "employees_max": employees[1]}
    attribute, values = random.choice(
        [("color", WANTED), ("size", NUMBERS), ("vip", [True, False])]
    )
    words = [
        {name: random.sample(WANTED, random.randint(1, 3))}
        for name in (
            *("country", "city", "seniority", "department", "channel", "campaign"),
            *("industry", "account_country"),
        )
    ]
    others: list[dict[str, Any]] = [
        {"market": random.sample(WANTED, 3)},
        {"market": random.sample(WANTED, 3)},
        random.choice([size, {"employees_min": employees[0]}, {"employees_max": employees[1]}]),
        random.choice([{"revenue_min": 1}, {"revenue_max": 100}]),
        {random.choice(["title", "topic"]): random.choice(WANTED)},
        {"email_kind": random.sample(EMAIL_KINDS[1:], 2)},
        {"source": [random.choice(SOURCES)]},
        {random.choice(["opted_out", "is_target", "is_competitor"]): random.choice([True, False])},
        {"received_within": random.choice([0, 364, 365])},
        {"attribute": attribute, "attribute_value": random.choice(values)},
    ]
    query: dict[str, Any] = {}
    for part in random.sample([random.choice(words), *others], random.randint(1, 3)):
        query |= part
    return query


def random_document(random: Random) -> dict[str, Any]:
    """A valid document."""
    limits: dict[str, Any] = {"total": sorted(random.sample(range(-80, 160), 2))}
    for dimension in ("fit", "intent"):
        if random.random() < 0.5:
            limits[dimension] = random.choice([[-30, 40.5], [None, 25], [-10, None], [0, 100]])
    rules = [random_rule(random, number) for number in range(random.randint(1, 14))]
    more = {}
    if random.random() < 0.4:
        cap = random.randint(*limits["total"])
        more["account_fit"] = {"poor_below": random.choice([0, 5, 12.5, 30]), "cap": cap}
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
    } | more


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
    if random.random() < 0.25:
        rule["segment"] = random.choice(SEGMENTS)
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
    drawn_from = OF_PURCHASES if random.random() < 0.2 else list(SUBJECTS)
    subject = random.choice(drawn_from)
    kind = SUBJECTS[subject]
    op = random.choice([*OPERATORS[kind], "is_known", "is_unknown"])
    found: dict[str, Any] = {"subject": subject, "op": op}
    if op in ("is_known", "is_unknown", "is_true", "is_false"):
        return found
    if op == "days_since_at_most":
        return found | {"value": random.choice([0, 1, 364, 365, 900])}
    if kind == "boolean":
        return found | {"value": random.choice([True, False])}
    usual: list[Any] = {"text": WANTED, "number": NUMBERS, "date": DATES[:5]}[kind]
    pool = POOLS.get(subject, usual)
    if op == "between":
        return found | {"value": sorted(random.sample(pool, 2))}
    if op in ("is_one_of", "is_not_one_of"):
        return found | {"value": random.sample(pool, random.randint(1, min(3, len(pool))))}
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
            "country": random.choice(TEXTS),
            "is_target": random.choice([True, False]),
            "is_competitor": random.choice([True, False]),
        }
    phone, phone_key = random.choice(PHONES)
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
            **{
                name: random.choice(TEXTS)
                for name in ("city", "seniority", "department", "channel", "campaign", "topic")
            },
            "email_kind": random.choice(EMAIL_KINDS),
            "phone": phone,
            "phone_key": phone_key,
            "source": random.choice(SOURCES),
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
        **random_person(random, now),
        "colleagues": [
            random_person(random, now) for _ in range(random.choice([0, 0, 1, 3]) if account else 0)
        ],
    }


def random_person(random: Random, now: dt.datetime) -> dict[str, Any]:
    """What somebody did, and the parts they play or played in the purchase."""
    roles = []
    for role in random.sample(ROLES, random.choice([0, 1, 1, 3])):
        recorded_at = now - random.choice([0, 1, 40]) * DAY
        ended_at = random.choice([None, None, recorded_at, recorded_at + 20 * DAY])
        roles.append({"role": role, "recorded_at": recorded_at, "ended_at": ended_at})
    return {
        "activities": [random_event(random, now) for _ in range(random.choice([0, 0, 1, 3, 8]))],
        "roles": roles,
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
