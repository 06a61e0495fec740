"""The Django admin, by topic. Rows a state machine owns are read-only here."""

from qualification.admin import (
    audit,
    cadences,
    calendars,
    checklists,
    crm,
    destinations,
    materials,
    notices,
    people,
    policy,
    records,
    routing,
    scoring,
    segments,
)

__all__ = [
    "audit",
    "cadences",
    "calendars",
    "checklists",
    "crm",
    "destinations",
    "materials",
    "notices",
    "people",
    "policy",
    "records",
    "routing",
    "scoring",
    "segments",
]
