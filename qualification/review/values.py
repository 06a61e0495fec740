"""Decides what a checklist answer may be: the typed value, and the same in words.

Pure functions. Called by `checklists.py` and `handoff/packet.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from django.utils import formats
from django.utils.translation import gettext as _

from qualification.choices import AnswerState
from qualification.exceptions import AnswerInvalid
from qualification.models import Criterion

Value = str | bool | int | float | None
TEXT_LIMIT = 1000
YES = {"yes", "true", "y", "1"}
NO = {"no", "false", "n", "0"}


def typed(criterion: Criterion, value: object, state: str) -> Value:
    """The value as stored, by the criterion's type. Raises AnswerInvalid naming the question."""
    is_blank = value is None or (isinstance(value, str) and not value.strip())
    if state == AnswerState.UNKNOWN:
        if not is_blank:
            raise _refusal(criterion, _("“Unknown” has no value; leave it empty or say how sure."))
        return None
    if is_blank:
        if state == AnswerState.CONTRADICTED:
            return None
        raise _refusal(criterion, _("an answer is needed, or “Unknown”."))
    return _READERS[criterion.value_type](criterion, value)


def in_words(value: Value, value_type: str) -> str:
    """The stored value for a reader: Yes, 1200, 23 Nov 2026, or the text itself."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if value_type == Criterion.ValueType.DATE:
        return formats.date_format(date.fromisoformat(str(value)), "j M Y")
    return str(value)


def _text(criterion: Criterion, value: object) -> str:
    text = str(value).strip()
    if len(text) > TEXT_LIMIT:
        raise _refusal(criterion, _("at most %(n)s characters, please.") % {"n": TEXT_LIMIT})
    if "\x00" in text:
        raise _refusal(criterion, _("this text contains a character that cannot be stored."))
    return text


def _boolean(criterion: Criterion, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in YES | NO:
        return word in YES
    raise _refusal(criterion, _("answer yes or no."))


def _number(criterion: Criterion, value: object) -> int | float:
    if isinstance(value, bool):
        raise _refusal(criterion, _("enter a number."))
    try:
        number = Decimal(str(value).strip().replace(" ", "").replace("\u00a0", ""))
    except InvalidOperation:
        raise _refusal(criterion, _("enter a number.")) from None
    if not math.isfinite(number) or abs(number) >= 10**15:
        raise _refusal(criterion, _("enter a number."))
    return int(number) if number == number.to_integral_value() else float(number)


def _date(criterion: Criterion, value: object) -> str:
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return date.fromisoformat(str(value).strip()).isoformat()
    except ValueError:
        raise _refusal(criterion, _("enter a date such as 2026-11-23.")) from None


def _refusal(criterion: Criterion, what: str) -> AnswerInvalid:
    return AnswerInvalid(f"{criterion.label}: {what}")


_READERS: dict[str, Callable[[Criterion, object], Value]] = {
    Criterion.ValueType.TEXT.value: _text,
    Criterion.ValueType.PERSON.value: _text,
    Criterion.ValueType.BOOLEAN.value: _boolean,
    Criterion.ValueType.NUMBER.value: _number,
    Criterion.ValueType.DATE.value: _date,
}
