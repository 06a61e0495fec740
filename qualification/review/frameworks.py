"""Decides which checklist a lead is worked with: by rule, else the default; or as its holder says.

Called by views, answers and decisions. Answers belong to criteria, so that another checklist keeps
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import User
from qualification.choices import ItemState
from qualification.exceptions import DecisionIncomplete
from qualification.models import Framework, FrameworkRule, ReviewItem
from qualification.review import guard
from qualification.review.hands_on import renew_claim, require_hands_on
from qualification.review.items import log_event
from qualification.scoring.holds import rules_holding, words_within
from qualification.scoring.subjects import Catalogue


@dataclass(frozen=True)
class Pick:
    """A checklist and the name of the rule that chose it; blank for the default one."""

    framework: Framework
    reason: str = ""


def frameworks_on_offer() -> tuple[Framework, ...]:
    """Active checklists, the default one first; raises DecisionIncomplete when there is none."""
    active = tuple(Framework.objects.filter(is_active=True).order_by("-is_default", "id"))
    if not active:
        raise DecisionIncomplete(_("No checklist is active; an admin can switch one on."))
    return active


def pick_for(lead_id: int, *, on_offer: tuple[Framework, ...], now: datetime) -> Pick:
    """The checklist of the first rule that holds for the lead; the default one where none does.

    A rule whose checklist is not on offer, or whose condition cannot be read any more, is passed
    over. One query for the rules, one more to ask them.
    """
    of_key = {framework.key: framework for framework in on_offer}
    rules = [rule for rule in _active_rules() if rule.framework_key in of_key]
    for rule in rules_holding([lead_id], rules, now=now).get(lead_id, ()):
        return Pick(of_key[rule.framework_key], rule.name)
    return Pick(on_offer[0])


def framework_for(item: ReviewItem, *, now: datetime) -> Framework:
    """The checklist this item is worked with; chosen and stored at first use, with the reason."""
    if item.framework is None:
        pick = pick_for(item.lead_id, on_offer=frameworks_on_offer(), now=now)
        ReviewItem.objects.filter(pk=item.pk, framework=None).update(
            framework=pick.framework, framework_reason=pick.reason
        )
        item.refresh_from_db(fields=["framework", "framework_reason"])
    assert item.framework is not None  # noqa: S101 - stored just above
    return item.framework


@transaction.atomic
def switch_framework(
    *, item: ReviewItem, framework: Framework, by: User, now: datetime
) -> ReviewItem:
    """Work the item with another checklist; answers stay, they belong to the criteria.

    Raises PermissionDenied, NotHolder, DecisionIncomplete (checklist switched off).
    """
    locked = guard.lock_item(item)
    require_hands_on(lead=locked.lead, item=locked, by=by, now=now)
    if not framework.is_active:
        raise DecisionIncomplete(_("%(name)s is no longer in use.") % {"name": framework})
    if locked.framework_id != framework.pk and locked.state != ItemState.CLOSED:
        ReviewItem.objects.filter(pk=locked.pk).update(framework=framework, framework_reason="")
        log_event(item=locked, verb="framework:switched", by=by, now=now, note=framework.name)
    renew_claim(locked, by=by, now=now)
    item.refresh_from_db()
    return item


def sentence_of(rule: FrameworkRule) -> str:
    """The rule in words, such as `Revenue at least 10,000,000: MEDDIC`."""
    named = Framework.objects.filter(key=rule.framework_key).order_by("-is_active", "-version")
    name = named.values_list("name", flat=True).first() or rule.framework_key
    return f"{words_within(rule.segment, rule.condition, Catalogue.load())}: {name}"


def _active_rules() -> list[FrameworkRule]:
    return list(FrameworkRule.objects.filter(is_active=True).select_related("segment"))
