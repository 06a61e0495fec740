"""The Django admin, by topic. Rows a state machine owns are read-only here."""

from qualification.admin import checklists, people, policy, records, routing, scoring

__all__ = ["checklists", "people", "policy", "records", "routing", "scoring"]
