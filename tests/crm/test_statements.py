"""Which stated value is written, which of a person's is kept."""

from __future__ import annotations

from typing import Any

import pytest

from crm.intake.statements import Verdict, judge, same

WRITE = Verdict(is_written=True, is_kept=False)
KEEP = Verdict(is_written=False, is_kept=True)
NOTHING = Verdict(is_written=False, is_kept=False)


@pytest.mark.parametrize(
    ("stated", "last", "current", "machine", "expected"),
    [
        ("a", None, "", (), WRITE),  # said for the first time
        ("b", "a", "a", ("a",), WRITE),  # said anew
        ("a", "a", "a", ("a",), NOTHING),  # said again
        ("b", "a", "p", ("a",), KEEP),  # a person set it since
        ("a", "a", "p", ("a",), KEEP),  # … and the old value is said again
        ("b", "a", "", ("a",), KEEP),  # a person emptied it since
        ("p", "a", "p", ("a",), WRITE),  # the source came round to the person's value
        ("a", "a", "c", ("a", "c"), NOTHING),  # another source said otherwise later
        ("b", None, "c", ("c",), WRITE),  # another source's value gives way
        ("b", None, "p", (), KEEP),  # a value nobody stated is a person's
        (1, True, True, (True,), WRITE),  # one is not yes
    ],
)
def test_it_judges(stated: Any, last: Any, current: Any, machine: Any, expected: Verdict) -> None:
    machine = frozenset(machine)
    assert (
        judge(stated=stated, last=last, current=current, machine=machine, is_old=False) == expected
    )


def test_an_older_statement_only_fills_blanks() -> None:
    old = {"last": "b", "is_old": True}
    assert judge(stated="a", current="b", machine=frozenset({"b"}), **old) == NOTHING
    assert judge(stated="a", last=None, current="", machine=frozenset(), is_old=True) == WRITE


def test_blanks_are_the_same_and_yes_is_not_one() -> None:
    assert same(None, "")
    assert same(2, 2.0)
    assert not same(True, 1)
    assert not same(0, "")
    assert not same(False, None)
