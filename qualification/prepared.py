"""Statements that PostgreSQL plans once a connection, where planning takes longer than running.

Called by reads that pages make each time. What is prepared lives as long as its connection, so a
pooler must not share connections between transactions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

_PLACE = re.compile(r"%\((\w+)\)s")
# Connection → names of what was prepared on it.
_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def prepare(cursor: Any, name: str, statement: Callable[[], str]) -> None:
    """Prepares a statement under this name, unless this connection has it already; its text is
    asked for only then. Values stand in it as $1, $2 …"""
    names = _known.setdefault(connection.connection, set())
    if name not in names:
        cursor.execute(f"PREPARE {name} AS {statement()}")
        names.add(name)


def execute(cursor: Any, name: str, values: Iterable[Any]) -> None:
    """Runs a prepared statement with the values of $1, $2 …"""
    given = list(values)
    cursor.execute(f"EXECUTE {name} ({', '.join(['%s'] * len(given))})", given)


def run(cursor: Any, name: str, sql: str, values: Mapping[str, Any]) -> None:
    """Runs a statement with places such as `%(by)s`, prepared under this name."""
    names = names_in(sql)
    prepare(cursor, name, lambda: numbered(sql, names))
    execute(cursor, name, [values[place] for place in names])


@lru_cache
def names_in(sql: str) -> tuple[str, ...]:
    """The names of the places such as `%(by)s` in a statement, in the order they first occur."""
    return tuple(dict.fromkeys(_PLACE.findall(sql)))


def numbered(sql: str, names: Iterable[str]) -> str:
    """The statement with these places numbered, `%(by)s` as `$1`; others stay as they are."""
    number_of: Mapping[str, int] = {name: number for number, name in enumerate(names, 1)}

    def number(place: re.Match[str]) -> str:
        found = number_of.get(place[1])
        return place[0] if found is None else f"${found}"

    return _PLACE.sub(number, sql)
