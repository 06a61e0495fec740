"""Decides how a model document is written as a file: the same format `load_scoring_model` reads.
Pure. Called by the export command and the admin."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import yaml

from qualification.scoring.document import ACTIONS, TIERS, ModelDocument, Rule


def to_yaml(document: ModelDocument) -> str:
    """The document as the text of a file that loads to an equal one."""
    content: dict[str, Any] = {
        "name": document.name,
        "base": _plain(document.base.model_dump()),
        "limits": _plain(document.limits.model_dump()),
        "thresholds": {
            "mql": _number(document.thresholds.mql),
            "accept": _number(document.accept),
            "fit": _plain(document.thresholds.fit.model_dump()),
            "intent": {
                1: _number(document.thresholds.intent.one),
                2: _number(document.thresholds.intent.two),
                3: _number(document.thresholds.intent.three),
            },
        },
        "tiers": {word: document.tiers[word] for word in TIERS if word in document.tiers},
        "actions": {word: document.actions[word] for word in ACTIONS if word in document.actions},
        "caps": _plain(document.caps),
    }
    if document.account_fit is not None:
        content["account_fit"] = _plain(document.account_fit.model_dump())
    rules = [_plain(_rule(rule)) for rule in document.rules]
    return (
        _dump(content)
        + "rules:\n"
        + "".join(f"- {_dump(rule, in_one_line=True)}" for rule in rules)
    )


# PostgreSQL keeps JSON keys in an order of its own; a file is written in the order people read.
_KEY_ORDER = [
    "subject",
    "op",
    "value",
    "activity",
    "no_activity",
    "where",
    "within_days",
    "half_life_days",
    "per",
    "at_least_times",
    "max_points",
    "after_first",
    "all",
    "any",
    "not",
]


def _rule(rule: Rule) -> dict[str, Any]:
    return rule.model_dump(exclude_none=True) | {"when": _condition(rule.when)}


def condition_yaml(raw: Any) -> str:
    """The `when` of a rule as YAML text, keys in the order people read."""
    return _dump(_plain(_condition(raw)))


def _condition(raw: Any) -> Any:
    if isinstance(raw, list):
        return [_condition(part) for part in raw]
    if not isinstance(raw, Mapping):
        return raw
    return {
        key: raw[key] if key in {"value", "where"} else _condition(raw[key])
        for key in sorted(raw, key=_place_of)
    }


def _place_of(key: str) -> int:
    return _KEY_ORDER.index(key) if key in _KEY_ORDER else len(_KEY_ORDER)


def _dump(value: object, *, in_one_line: bool = False) -> str:
    return yaml.safe_dump(
        value,
        default_flow_style=True if in_one_line else None,
        sort_keys=False,
        allow_unicode=True,
        width=10**6,
    )


def _number(points: Decimal) -> int | float:
    return int(points) if points == points.to_integral_value() else float(points)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
