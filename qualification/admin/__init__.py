"""The Django admin, by topic. Rows a state machine owns are read-only here."""

from qualification.admin import (
    cadences,
    calendars,
    checklists,
    crm,
    notices,
    people,
    policy,
    records,
    routing,
    scoring,
    segments,
)

__all__ = [
    "cadences",
    "calendars",
    "checklists",
    "crm",
    "notices",
    "people",
    "policy",
    "records",
    "routing",
    "scoring",
    "segments",
]
