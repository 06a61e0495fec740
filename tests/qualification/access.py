"""Who may call which URL: the checked-in table. A URL of ours that is missing here fails the build.

`GET` pages and dialogs, `POST` verbs; `roles` are those with the right. Everybody else logged in gets
403 before anything is looked up, strangers the log-in page.
"""

from __future__ import annotations

from dataclasses import dataclass

SDR, AE, MANAGER, ADMIN, MARKETING = "sdr", "ae", "manager", "admin", "marketing"
EVERYBODY = frozenset({SDR, AE, MANAGER, ADMIN, MARKETING})
SEE_LEADS = frozenset({SDR, AE, MANAGER, ADMIN})
WORK = frozenset({SDR, MANAGER, ADMIN})
MANAGE = frozenset({MANAGER, ADMIN})
SOURCES = frozenset({MANAGER, ADMIN, MARKETING})
DESK = frozenset({AE})


@dataclass(frozen=True)
class Access:
    """Methods a URL answers and the roles that may use it; `roles` None: open to all."""

    methods: frozenset[str]
    roles: frozenset[str] | None


def page(roles: frozenset[str] | None) -> Access:
    """Read by GET."""
    return Access(frozenset({"GET"}), roles)


def verb(roles: frozenset[str] | None) -> Access:
    """Done by POST."""
    return Access(frozenset({"POST"}), roles)


def dialog(roles: frozenset[str] | None) -> Access:
    """A form: drawn by GET, submitted by POST."""
    return Access(frozenset({"GET", "POST"}), roles)


ACCESS: dict[str, Access] = {
    "qualification:home": page(EVERYBODY),
    "qualification:theme": verb(EVERYBODY),
    "qualification:keys": verb(EVERYBODY),
    "qualification:healthz": page(None),
}
