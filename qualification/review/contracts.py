"""Knows when a lead's present contract ends: from an answer of discovery, else from an attribute.

Called by the nurture dialog, and by the waking so that a plan follows an end that moved.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from crm.models import Lead
from qualification.choices import AnswerState
from qualification.models import ChecklistAnswer, NurturePlan
from qualification.zones import zone_named

# The name of the criterion and of the attribute that hold the day.
CONTRACT_END = "contract_end"
# How long before the end a lead wakes unless somebody chooses otherwise.
LEAD_DAYS = 90
# Answers that say something about the day; a contradicted one does not.
_SAID = (AnswerState.CONFIRMED, AnswerState.INFERRED)


@dataclass(frozen=True)
class ContractEnd:
    """The day a contract ends, and where that is known from."""

    on: date
    source: str


def contract_ends(lead_ids: Collection[int]) -> dict[int, ContractEnd]:
    """The known ends of contracts of these leads, in two queries."""
    leads = Lead.objects.filter(pk__in=lead_ids, attributes__has_key=CONTRACT_END)
    found = {}
    for pk, value in leads.values_list("pk", f"attributes__{CONTRACT_END}"):
        day = _day(value)
        if day is not None:
            found[pk] = ContractEnd(day, _("their record"))
    answers = ChecklistAnswer.objects.filter(
        lead__in=lead_ids, criterion__key=CONTRACT_END, superseded_at=None, state__in=_SAID
    )
    for answer in answers:
        day = _day(answer.value)
        if day is not None:
            found[answer.lead_id] = ContractEnd(day, answer.source or _("an answer"))
    return found


def _day(value: object) -> date | None:
    """The day in a stored value; None for what is none."""
    try:
        return parse_date(value[:10]) if isinstance(value, str) else None
    except ValueError:  # the shape of a date, but no day of any month
        return None


def follow_contracts(lead_ids: Collection[int], *, now: datetime) -> int:
    """Plans that wait for the end of a contract keep their lead time to the end as it is known now;
    how many moved. One whose day is past by then wakes the next time anybody looks."""
    plans = NurturePlan.objects.waiting().filter(lead__in=lead_ids, contract_ends_on__isnull=False)
    rows = list(plans.select_related("decision__by").select_for_update(of=("self",), no_key=True))
    known = contract_ends([plan.lead_id for plan in rows]) if rows else {}
    moved = 0
    for plan in rows:
        end = known.get(plan.lead_id)
        if end is None or end.on == plan.contract_ends_on:
            continue
        _move(plan, end.on, today=now.astimezone(zone_named(plan.decision.by.time_zone)).date())
        moved += 1
    return moved


def _move(plan: NurturePlan, ends_on: date, *, today: date) -> None:
    assert plan.contract_ends_on is not None  # noqa: S101 - filtered above
    assert plan.contract_wake_on is not None  # noqa: S101 - by constraint
    ahead: timedelta = plan.contract_ends_on - plan.contract_wake_on
    wake_on = max(ends_on - ahead, min(today, ends_on))
    NurturePlan.objects.filter(pk=plan.pk).update(
        contract_ends_on=ends_on,
        contract_wake_on=wake_on,
        latest_on=max(plan.latest_on, wake_on),
    )
