"""Statements that PostgreSQL plans once a connection, where planning takes longer than running.

Called by reads that pages make each time. What is prepared lives as long as its connection, so a
pooler must not share connections between transactions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2s
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection
from psycopg.sql import Literal

_PLACE = re.compile(r"%\((\w+)\)s")
# A place of a statement of the ORM, or a percent sign of its own.
_ORM_PLACE = re.compile("%[s%]")
# A connection remembers this many statements that ran once: search words make ever new ones.
MOST_SEEN = 1000
# Connection → names of what was prepared on it.
_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
# Connection → names of what ran on it once.
_seen: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


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


@contextmanager
def planned_once() -> Iterator[None]:
    """Reads of the ORM inside are planned once a connection and statement, from the second time on:
    for those with so many joins that planning takes longer than reading."""
    with connection.execute_wrapper(_run_prepared):
        yield


def _run_prepared(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
    is_many, _context = rest
    if is_many or not sql.startswith("SELECT "):
        return execute(sql, params, *rest)
    statement, values = _with_states(sql, tuple(params))
    name = f"leadqual_orm_{blake2s(statement.encode(), digest_size=12).hexdigest()}"
    names = _known.setdefault(connection.connection, set())
    if name not in names:
        if not _came_before(name):
            return execute(sql, params, *rest)
        execute(f"PREPARE {name} AS {statement}", None, *rest)
        names.add(name)
    places = f" ({', '.join(['%s'] * len(values))})" if values else ""
    return execute(f"EXECUTE {name}{places}", values, *rest)


def _came_before(name: str) -> bool:
    """Whether this connection ran the statement before, as far as it remembers."""
    seen = _seen.setdefault(connection.connection, set())
    if name in seen:
        return True
    if len(seen) >= MOST_SEEN:
        seen.clear()
    seen.add(name)
    return False


def _with_states(sql: str, params: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The statement with its texts written out and other values as $1, $2 …: an index of part of
    the rows is no choice for a plan that does not know which state is asked for."""
    given, values = iter(params), []

    def fill(place: re.Match[str]) -> str:
        if place[0] == "%%":
            return "%"
        value = next(given)
        if isinstance(value, str):
            return Literal(value).as_string(None)
        values.append(value)
        return f"${len(values)}"

    return _ORM_PLACE.sub(fill, sql), values
