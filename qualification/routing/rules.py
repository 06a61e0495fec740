"""Decides which routing rule fits a lead: the first by position that holds for it.
Called by `assign`, by the preview and when a rule is saved. Conditions are those of scoring."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from crm.models import Lead
from qualification.models import AccountOwner, RoutingRule
from qualification.scoring.holds import holding, plain_condition


def active_rules() -> list[RoutingRule]:
    """The rules that are switched on, in the order in which they are asked."""
    rules = RoutingRule.objects.filter(is_active=True).select_related("team", "pool__team")
    return list(rules.order_by("position", "id"))


def rule_of_leads(
    lead_ids: Collection[int], *, rules: Sequence[RoutingRule], now: datetime
) -> dict[int, RoutingRule | None]:
    """The first of `rules` that fits each lead; None where none does. One statement for all."""
    fitting = rules_fitting(lead_ids, rules=rules, now=now)
    return {lead_id: next(iter(found), None) for lead_id, found in fitting.items()}


def rules_fitting(
    lead_ids: Collection[int], *, rules: Sequence[RoutingRule], now: datetime
) -> dict[int, list[RoutingRule]]:
    """All of `rules` that fit each lead, in their order."""
    conditions = [plain_condition(rule.condition) for rule in rules]
    held = holding(lead_ids, conditions, now=now)
    named = _leads_of_named_accounts(lead_ids, rules)
    return {
        lead_id: [
            rule
            for rule, holds in zip(rules, flags, strict=True)
            if holds and (not rule.to_account_owner or lead_id in named)
        ]
        for lead_id, flags in held.items()
    }


def _leads_of_named_accounts(
    lead_ids: Collection[int], rules: Sequence[RoutingRule]
) -> frozenset[int]:
    if not any(rule.to_account_owner for rule in rules):
        return frozenset()
    owned = AccountOwner.objects.values("account")
    return frozenset(
        Lead.objects.filter(pk__in=lead_ids, account__in=owned).values_list("pk", flat=True)
    )
