"""Decides which routing rule fits a lead: the first by position that holds for it.
Called by `assign`, by the preview and when a rule is saved. Conditions are those of scoring,
segments those of lists and reports as they are saved now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from crm.models import Lead
from qualification.models import AccountOwner, RoutingRule
from qualification.scoring.holds import rules_holding, words_within
from qualification.scoring.subjects import Catalogue


def active_rules() -> list[RoutingRule]:
    """The rules that are switched on, in the order in which they are asked."""
    rules = RoutingRule.objects.filter(is_active=True).select_related(
        "team", "pool__team", "segment"
    )
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
    """All of `rules` that fit each lead, in their order. One that asks for what there is no more
    fits none: the next one counts."""
    held = rules_holding(lead_ids, rules, of="routing", now=now)
    named = _leads_of_named_accounts(lead_ids, rules)
    return {
        lead_id: [rule for rule in found if not rule.to_account_owner or lead_id in named]
        for lead_id, found in held.items()
    }


def rule_words(rule: RoutingRule, catalogue: Catalogue) -> str:
    """For which leads a rule is, such as `DACH and Employees at least 1,000`."""
    asked = words_within(rule.segment, rule.condition, catalogue)
    return _("Named accounts: %(asked)s") % {"asked": asked} if rule.to_account_owner else asked


def rule_sentence(rule: RoutingRule, catalogue: Catalogue) -> str:
    """The whole rule, such as `DACH: next in turn in Seniors who has german`."""
    words = {"asked": rule_words(rule, catalogue), "pool": rule.pool or "", "team": rule.team}
    if rule.pool is None:
        return _("%(asked)s: anybody of %(team)s") % words
    to = (
        _("%(asked)s: the owner, else next in turn in %(pool)s")
        if rule.to_account_owner
        else _("%(asked)s: next in turn in %(pool)s")
    )
    needs = _(" who has %(skills)s") % {"skills": ", ".join(rule.skills)} if rule.skills else ""
    return to % words + needs


def _leads_of_named_accounts(
    lead_ids: Collection[int], rules: Sequence[RoutingRule]
) -> frozenset[int]:
    if not any(rule.to_account_owner for rule in rules):
        return frozenset()
    owned = AccountOwner.objects.values("account")
    return frozenset(
        Lead.objects.filter(pk__in=lead_ids, account__in=owned).values_list("pk", flat=True)
    )
