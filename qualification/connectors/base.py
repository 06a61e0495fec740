"""What every connector is: four calls over plain values, so that another vendor is one module.

A connector never touches the database, and raises what senders raise: `Undeliverable`, `LaneDown`
(`outbox/deliver.py`) and `Refused` (`outbox/http.py`). The texts of these errors are kept and
shown: they hold no personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Access:
    """How to reach a CRM; the secret is out of `repr`, so that no log shows it."""

    url: str
    secret: str = field(repr=False)
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Parcel:
    """An accepted lead as it goes out.

    `key` never changes for the same message; `handoff_key` is what the CRM keeps as the external
    id of the deal. `links` holds what the CRM is known to call `lead`, `account` and `handoff`.
    """

    key: str
    handoff_key: str
    lead_id: int
    account_id: int | None
    handoff_id: int
    accepted_at: datetime
    # Who has it: type (ae, team, partner), name, email; `ae`: the person of ours, if there is one.
    target: Mapping[str, str]
    ae: Mapping[str, str] | None
    packet: Mapping[str, Any] = field(repr=False)
    links: Mapping[str, str]


@dataclass(frozen=True)
class Forgotten:
    """A person who was erased here, as a CRM that got them is told. `vendor_id` is what it calls
    the lead, `handoffs` maps our external ids of deals to its own; blank where it never said."""

    key: str
    lead_id: int
    vendor_id: str
    handoffs: Mapping[str, str]


@dataclass(frozen=True)
class ToldOutcome:
    """What somebody outside says became of a lead.

    `external_id` is how they call what it is about, such as a deal; `lead_ref` how they call the
    lead: `lead:42`, `lead:42:handoff:1`, or an id of theirs. `months` is for `retained` only.
    """

    external_id: str
    value: str
    occurred_at: datetime
    lead_ref: str
    months: int | None = None


@dataclass(frozen=True)
class Changes:
    """Outcomes read from a CRM, up to a moment; `is_all` is False when more wait."""

    outcomes: tuple[ToldOutcome, ...]
    until: datetime
    is_all: bool = True


class Connector(Protocol):
    """One kind of CRM. `label` is its name for people; `defaults` are the options it knows."""

    label: str
    defaults: Mapping[str, Any]
    reads_outcomes: bool

    def deliver(self, parcel: Parcel, access: Access) -> dict[str, str]:
        """Puts person, company and deal there, by external id: again changes nothing. Returns what
        the CRM calls them, by `lead`, `account`, `handoff`, as far as it says."""
        ...

    def forget(self, person: Forgotten, access: Access) -> None:
        """Has the person forgotten there; again changes nothing."""
        ...

    def try_out(self, access: Access) -> None:
        """Asks for nothing but whether address and secret are taken; raises if not."""
        ...

    def changes_since(self, access: Access, since: datetime) -> Changes:
        """What changed there since a moment, the oldest first."""
        ...
