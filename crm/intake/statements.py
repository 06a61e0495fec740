"""Which of the values a source states may be written over the current ones. Pure.

A value may be replaced when a source stated it; one that a person set since is kept and reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Key in `LeadIdentity.imported` beside the values: when the last statement was made.
STATED_AT = "@at"


@dataclass(frozen=True)
class Verdict:
    """What to do with one stated value."""

    is_written: bool
    is_kept: bool  # a person's value stands against it


def judge(
    *, stated: Any, last: Any, current: Any, machine: frozenset[Any], is_old: bool
) -> Verdict:
    """`stated` now, `last` by the same identity (None: never), `current` value of the record,
    `machine` all values any source stated last; `is_old`: a newer statement was taken before."""
    may_write = not machine if is_blank(current) else current in machine and not is_old
    if same(stated, last):
        return Verdict(is_written=False, is_kept=not same(stated, current) and not may_write)
    if same(stated, current):
        return Verdict(is_written=True, is_kept=False)
    return Verdict(is_written=may_write, is_kept=not may_write and not is_old)


def is_blank(value: Any) -> bool:
    """Whether a value says nothing."""
    return value is None or value == ""


def same(one: Any, other: Any) -> bool:
    """Equality that tells True from 1 and takes every blank for the same."""
    if is_blank(one) or is_blank(other):
        return is_blank(one) and is_blank(other)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def difference(said: Mapping[str, Any], last: Mapping[str, Any]) -> list[str]:
    """Keys whose stated value is not the one last taken, in the order they were said."""
    return [key for key, value in said.items() if not same(value, last.get(key))]
