"""Outcomes as a system tells them in JSON: `{"outcomes": [{"id", "outcome", "at", "lead",
"months"}]}`. Called by the signed door."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from qualification.connectors.base import ToldOutcome
from qualification.exceptions import OutcomeInvalid
from qualification.outcomes.file import lead_ref, read_moment
from qualification.outcomes.record import check_typed

MOST = 500
NAMES = frozenset({"id", "outcome", "at", "lead", "months"})


def read_outcomes(body: bytes, *, now: datetime) -> list[ToldOutcome]:
    """The outcomes of a message. Raises OutcomeInvalid, naming the place, if one cannot be kept."""
    try:
        found = json.loads(body)
    except ValueError:
        raise OutcomeInvalid(_("This is no JSON.")) from None
    listed = found.get("outcomes") if isinstance(found, dict) else None
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST:
        raise OutcomeInvalid(_("“outcomes” must list 1 to %(n)s of them.") % {"n": MOST})
    told = []
    for number, one in enumerate(listed):
        try:
            told.append(_told(one, now=now))
        except OutcomeInvalid as error:
            raise OutcomeInvalid(
                _("outcomes[%(n)s]: %(why)s") % {"n": number, "why": error}
            ) from error
    return told


def _told(one: Any, *, now: datetime) -> ToldOutcome:
    if not isinstance(one, dict) or set(one) - NAMES:
        raise OutcomeInvalid(_("Only %(names)s are known.") % {"names": ", ".join(sorted(NAMES))})
    months = one.get("months")
    if months is not None and (not isinstance(months, int) or isinstance(months, bool)):
        raise OutcomeInvalid(_("Months must be a whole number."))
    told = ToldOutcome(
        external_id=_text(one.get("id")),
        value=_text(one.get("outcome")),
        occurred_at=read_moment(_text(one.get("at"))),
        lead_ref=lead_ref(_text(one.get("lead"))),
        months=months,
    )
    check_typed(told, now=now)
    return told


def _text(value: Any) -> str:
    """A text or a whole number as text; blank for anything else."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value).strip() if isinstance(value, str) or is_number else ""
