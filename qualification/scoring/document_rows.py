"""Decides which columns and rows a model document becomes, and how a stored version reads as one.
Called by drafts, the export command and the admin."""

from __future__ import annotations

import zlib
from decimal import Decimal

from django.utils.text import slugify

from qualification.choices import ModelStatus
from qualification.models import ScoringModel, ScoringRule
from qualification.scoring.document import ModelDocument, checked_document

# What a rule consists of, its version apart.
RULE_CONTENT = [
    *("key", "position", "name", "dimension", "condition", "points"),
    *("group", "segment", "disqualifies"),
]


def model_columns(document: ModelDocument) -> dict[str, object]:
    """Column of ScoringModel → what the document says; the version's number is not among them."""
    thresholds, base, limits = document.thresholds, document.base, document.limits
    account_fit = document.account_fit
    return {
        "name": document.name,
        "base_fit": base.fit,
        "base_intent": base.intent,
        "fit_min": limits.fit[0],
        "fit_max": limits.fit[1],
        "intent_min": limits.intent[0],
        "intent_max": limits.intent[1],
        "total_min": limits.total[0],
        "total_max": limits.total[1],
        "mql": thresholds.mql,
        "accept": document.accept,
        "fit_thresholds": _texts(thresholds.fit.model_dump()),
        "intent_thresholds": _texts(thresholds.intent.model_dump(by_alias=True)),
        "tiers": document.tiers,
        "actions": document.actions,
        "caps": _texts(document.caps),
        "account_poor_below": account_fit.poor_below if account_fit else None,
        "account_cap": account_fit.cap if account_fit else None,
    }


def rule_rows(document: ModelDocument, *, model: ScoringModel) -> list[ScoringRule]:
    """The document's rules as unsaved rows of `model`, in order."""
    keys = rule_keys([rule.name for rule in document.rules])
    return [
        ScoringRule(
            model=model,
            key=key,
            position=position,
            name=rule.name,
            dimension=rule.dimension,
            condition=rule.when,
            points=rule.points,
            group=rule.group or "",
            segment=rule.segment or "",
            disqualifies=rule.disqualifies or "",
        )
        for position, (key, rule) in enumerate(zip(keys, document.rules, strict=True), start=1)
    ]


def rule_keys(names: list[str]) -> list[str]:
    """A key per rule name, the same for the same name in every version; unique within the list."""
    keys: list[str] = []
    for name in names:
        keys.append(key_beside(keys, name))
    return keys


def key_beside(taken: list[str], name: str) -> str:
    """The key of a rule of this name that none of the others has."""
    key = slugify(name)[:100]
    return key if key and key not in taken else f"{key or 'rule'}-{zlib.crc32(name.encode()):08x}"


def document_of(model: ScoringModel) -> ModelDocument:
    """A stored version as a document. Raises ModelInvalid when it no longer is a valid one."""
    frozen = None if model.status == ModelStatus.DRAFT else model.segments
    content = content_of(model, list(model.rules.order_by("position", "id")))
    return checked_document(content, segments=frozen)


def content_of(model: ScoringModel, rules: list[ScoringRule]) -> dict[str, object]:
    """What a file would say about this version with these rules; not checked."""
    poor_below, cap = model.account_poor_below, model.account_cap
    return {
        "name": model.name,
        "base": {"fit": model.base_fit, "intent": model.base_intent},
        "limits": {
            "fit": [model.fit_min, model.fit_max],
            "intent": [model.intent_min, model.intent_max],
            "total": [model.total_min, model.total_max],
        },
        "thresholds": {
            "mql": model.mql,
            "accept": model.accept,
            "fit": _decimals(model.fit_thresholds),
            "intent": _decimals(model.intent_thresholds),
        },
        "tiers": model.tiers,
        "actions": model.actions,
        "caps": _decimals(model.caps),
        "account_fit": None if cap is None else {"poor_below": poor_below, "cap": cap},
        "rules": [_rule_content(rule) for rule in rules],
    }


def _decimals(points: dict[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(str(value)) for name, value in points.items()}


def _rule_content(rule: ScoringRule) -> dict[str, object]:
    content = {
        "name": rule.name,
        "dimension": rule.dimension,
        "when": rule.condition,
        "points": rule.points,
    }
    optional = {
        "group": rule.group,
        "segment": rule.segment,
        "disqualifies": rule.disqualifies,
    }
    return content | {key: value for key, value in optional.items() if value}


def _texts(points: dict[str, Decimal]) -> dict[str, str]:
    return {name: str(value) for name, value in points.items()}
