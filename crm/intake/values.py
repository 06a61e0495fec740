"""Reads single values from text: numbers, dates, yes or no. Pure; refuses rather than guesses.

Called by payloads, attributes and imports.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from datetime import date, datetime

from django.utils.translation import gettext as _

from crm.exceptions import PayloadInvalid
from crm.matching import normalize

MAX_TEXT = 1000
# Whole numbers up to here survive every reader of JSON.
MAX_NUMBER = 10**15
TRUE_WORDS = ("true", "yes", "y", "1", "on")
FALSE_WORDS = ("false", "no", "n", "0", "off")

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?", re.ASCII | re.DOTALL)


def read_number(text: str) -> int | float:
    """A number with a point for decimals; raises PayloadInvalid for anything else."""
    if len(text) > 40 or not _NUMBER.fullmatch(text):
        raise PayloadInvalid(_("not a number"))
    number = float(text)
    if abs(number) > MAX_NUMBER:
        raise PayloadInvalid(_("too large a number"))
    return int(number) if number == int(number) else number


def read_date(text: str) -> str:
    """An ISO date, also of a date with time; raises PayloadInvalid for anything else."""
    if not _DATE.fullmatch(text):
        raise PayloadInvalid("not a date (YYYY-MM-DD)")
    try:
        if len(text) > 10:
            datetime.fromisoformat(text)
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise PayloadInvalid("not a date (YYYY-MM-DD)") from None


def read_boolean(
    text: str,
    true_values: Collection[str] = TRUE_WORDS,
    false_values: Collection[str] | None = None,
) -> bool:
    """Whether the folded text is one of the true values; without false values all else is no."""
    word = normalize.fold(text)
    if word in true_values:
        return True
    if false_values is not None and word not in false_values:
        raise PayloadInvalid("neither yes nor no")
    return False


def read_text(text: str) -> str:
    """Cleaned text; raises PayloadInvalid when it is too long."""
    clean = normalize.clean_text(text)
    if len(clean) > MAX_TEXT:
        raise PayloadInvalid(f"longer than {MAX_TEXT} characters")
    return clean


def digest(data: str | bytes) -> str:
    """SHA-256 as hex: a key of fixed length."""
    raw = data.encode() if isinstance(data, str) else data
    return hashlib.sha256(raw).hexdigest()
