"""What one message or one file row says about a person, typed and free of its origin.

Adapters and imports make it, `upsert.py` takes it. Values are cleaned but not yet matched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from crm.exceptions import PayloadInvalid
from crm.intake.values import read_number
from crm.matching import normalize
from crm.models import Account, Lead

Value = str | int | float | bool

# Keys of `values`. Those of the account carry the column they are stored in.
TEXT_FIELDS = (
    "first_name",
    "last_name",
    "title",
    "seniority",
    "department",
    "country",
    "city",
    "channel",
    "campaign",
    "topic",
)
LEAD_FIELDS = (*TEXT_FIELDS, "email", "phone", "company", "opted_out")
ACCOUNT_FIELDS = {
    "website": "website",
    "industry": "industry",
    "employees": "employees",
    "revenue": "revenue",
    "account_country": "country",
    "account_city": "city",
}
# The company that theirs belongs to, by name or domain: another row, so no column of the account.
PARENT = "parent_company"
NUMBER_FIELDS = {"employees": 2_147_483_647, "revenue": 9_000_000_000_000_000}
MAX_TYPE = 60
MAX_EXTERNAL_ID = 200

# Kinds of activity in which the person asks for something; only these bring a decided lead back.
INQUIRY_TYPES = frozenset(
    [
        "form_submit",
        "demo_request",
        "contact_request",
        "inquiry",
        "quote_request",
        "trial_signup",
        "reply",
        "chat",
        "call",
        "meeting_request",
        "callback_request",
    ]
)


@dataclass(frozen=True)
class ActivityPayload:
    """Something that happened; `event_key` makes it happen once a source."""

    type: str
    occurred_at: datetime
    event_key: str
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_inquiry(self) -> bool:
        """Whether the person asked for something."""
        return self.type in INQUIRY_TYPES


@dataclass(frozen=True)
class LeadPayload:
    """What is said about one person. An absent key says nothing; one in `cleared` says blank.

    `stated_at` orders statements of one identity: an older one never overwrites (None: no order).
    `notes` tell what was left out and why.
    """

    external_id: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    attributes: Mapping[str, Value] = field(default_factory=dict)
    # What the person answered to questions, by the key of what was asked about.
    answers: Mapping[str, Value] = field(default_factory=dict)
    cleared: frozenset[str] = frozenset()
    outcome: str = ""
    received_at: datetime | None = None
    stated_at: datetime | None = None
    activity: ActivityPayload | None = None
    notes: tuple[str, ...] = ()

    def text(self, key: str) -> str:
        """A text value, "" when nothing is said."""
        return str(self.values.get(key, ""))

    @cached_property
    def email_key(self) -> str:
        """Normalised address, "" without one."""
        return normalize.normal_email(self.text("email"))

    @cached_property
    def phone_key(self) -> str:
        """E.164 number, "" when there is none that could be called."""
        return normalize.normal_phone(self.text("phone"), self.text("country"))

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """Domains that stand for the company: of the address first, then of the website."""
        found = [normalize.company_domain(self.text(key)) for key in ("email", "website")]
        return tuple(dict.fromkeys(domain for domain in found if domain))

    @cached_property
    def name_key(self) -> str:
        """What the company's name is matched by."""
        return normalize.name_key(self.text("company"))

    @cached_property
    def statements(self) -> dict[str, Value]:
        """Everything said, flat: fields by name, attributes as `attributes.<name>`."""
        said = dict(self.values)
        said |= {f"attributes.{name}": value for name, value in self.attributes.items()}
        return said


def _length(model: type[Lead] | type[Account], column: str) -> int:
    return int(getattr(model._meta.get_field(column), "max_length", 0))


MAX_LENGTH: dict[str, int] = {
    **{key: _length(Lead, key) for key in (*TEXT_FIELDS, "email", "phone")},
    "company": _length(Lead, "company_name"),
    PARENT: _length(Account, "name"),
    **{
        key: _length(Account, column)
        for key, column in ACCOUNT_FIELDS.items()
        if key not in NUMBER_FIELDS
    },
}


def read_field(key: str, text: str) -> Value:
    """Cleaned value of a lead or account field; raises PayloadInvalid with what is wrong."""
    clean = normalize.clean_text(text)
    if key in NUMBER_FIELDS:
        return _whole_number(clean, NUMBER_FIELDS[key])
    if len(clean) > MAX_LENGTH[key]:
        raise PayloadInvalid(_("longer than %(n)s characters") % {"n": MAX_LENGTH[key]})
    if key == "email" and not normalize.normal_email(clean):
        raise PayloadInvalid(_("not an e-mail address"))
    if key == PARENT and clean and not _names_company(clean):
        raise PayloadInvalid(_("neither the name nor the domain of a company"))
    return clean


def _names_company(text: str) -> bool:
    """Whether it may be a name, or a domain that is one company's: no mail host, no shared site."""
    domain = normalize.domain_of(text)
    return normalize.company_domain(text) != "" if domain else normalize.name_key(text) != ""


def _whole_number(text: str, limit: int) -> int:
    number = read_number(text)
    if number != int(number) or not 0 <= number <= limit:
        raise PayloadInvalid(_("not a whole number of 0 or more"))
    return int(number)
