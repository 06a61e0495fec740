"""Puts the condition of a rule into words: what it asks for, not what a lead has.

Pure. Called by the proposal page.
"""

from __future__ import annotations

from typing import Any

from qualification.exceptions import ModelInvalid
from qualification.scoring.conditions import parse_when
from qualification.scoring.wording import LabelOf, asked_words


def rule_words(condition: Any, label_of: LabelOf) -> str:
    """Such as `Employees between 200 and 5,000`; blank for what no rule may say."""
    try:
        return asked_words(parse_when(condition), label_of)
    except ModelInvalid:
        return ""
