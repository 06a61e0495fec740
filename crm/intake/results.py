"""What became of payloads: `upsert.py` answers with these, pipeline and imports report them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from crm.models import Lead


@dataclass(frozen=True)
class Refused:
    """A payload that was not taken: which key, and why."""

    key: str
    reason: str


@dataclass
class Upserted:
    """What became of one payload that was taken."""

    lead: Lead
    recorded_at: datetime
    is_new: bool = False
    is_attached: bool = False  # a new identity of a known person
    changed: list[str] = field(default_factory=list)  # keys stated anew and written
    kept: list[str] = field(default_factory=list)  # keys where a person's value stands
    left_out: list[Refused] = field(default_factory=list)  # values that could not be taken
    is_reinquiry: bool = False
    affected: frozenset[int] = frozenset()  # leads whose facts changed; set by `upsert_lead`

    @property
    def is_changed(self) -> bool:
        """Whether anything about a known lead was written."""
        return self.is_attached or bool(self.changed)


@dataclass
class Batch:
    """The results, one a payload in the same order, and every lead whose facts changed."""

    results: list[Upserted | Refused]
    affected: set[int]
