"""Decides what a rule may look at: the catalogue of subjects, and what is never one.
Read by conditions (when a document is checked) and by the compiler."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.models import AttributeDefinition
from qualification.exceptions import ModelInvalid
from qualification.models import Criterion
from qualification.scoring.operators import ValueType

T, N, B, D = ValueType.TEXT, ValueType.NUMBER, ValueType.BOOLEAN, ValueType.DATE

LEAD_FIELDS: dict[str, ValueType] = {
    "first_name": T,
    "last_name": T,
    "company_name": T,
    "email": T,
    "email_kind": T,
    "phone": T,
    "phone_kind": T,
    "title": T,
    "seniority": T,
    "department": T,
    "country": T,
    "city": T,
    "channel": T,
    "campaign": T,
    "topic": T,
    "source": T,
    "buying_roles": T,
    "opted_out": B,
    "received_at": D,
}
ACCOUNT_FIELDS: dict[str, ValueType] = {
    "name": T,
    "website": T,
    "industry": T,
    "country": T,
    "city": T,
    "employees": N,
    "revenue": N,
    "is_target": B,
    "is_competitor": B,
    "people": N,
    "active_people": N,
    "roles_covered": N,
}
# Counted over the people of the account, each person once. Active: a human activity lately.
COMMITTEE = frozenset({"people", "active_people", "roles_covered"})
ACTIVE_PEOPLE = "account.active_people"
ACTIVE_DAYS = 90
STATE = "state"
# Where the name with spaces would not do, or stands for something of the person as well.
LABELS = {
    "lead.company_name": "Company",
    "lead.email_kind": "Mail address",
    "lead.topic": "Asked for",
    "lead.received_at": "Received",
    "account.name": "Company",
    "account.country": "Company country",
    "account.city": "Company city",
    "account.is_target": "Target account",
    "account.is_competitor": "Competitor",
    "account.people": "People of the company",
    "account.active_people": "Active people of the company",
    "account.roles_covered": "Buying roles covered",
    "lead.buying_roles": "Buying role",
    "lead.phone_kind": "Phone number",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Law and decency: never a reason to rank people. Compared word by word of a name.
PROTECTED_WORDS = _words(
    """sex gender sexuality pronoun pronouns religion religious faith creed nationality citizenship
    ethnicity ethnic race racial caste skin marital married pregnancy pregnant maternity disability
    disabled health birth birthday birthdate birthyear dob age ages aged genetic political politics
    union orientation"""
)
# "age" and some others are harmless in the name of a thing that is no person.
_ABOUT_THINGS = _words(
    "account company firm business contract subscription page site website domain system lead"
)
_HARMLESS_ABOUT_THINGS = frozenset({"age", "ages", "aged", "health"})

# Written when or after somebody decided: an input would be the answer.
POST_DECISION = _words(
    """stage stage_at lead_stage deal_stage status lead_status owner owner_id lead_owner ae
    account_executive reason reject_reason rejection_reason lost_reason disqualified disqualified_by
    disqualified_at disqualification_reason outcome converted conversion decision decided_at verdict
    won lost is_won is_lost closed_at close_date close_reason sales_accepted sales_qualified score
    grade tier version"""
)
POST_DECISION_ACTIVITIES = _words(
    "stage_change stage_changed decision accepted rejected disqualified handoff outcome"
)

ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True)
class Subject:
    """Something a comparison looks at. `part` is the field, attribute name or criterion."""

    name: str
    family: str
    part: str
    is_state: bool = False


@dataclass(frozen=True)
class Catalogue:
    """Types of what is declared outside the code, custom attributes and checklist criteria, and
    their labels by `family.part`."""

    attributes: Mapping[str, ValueType] = field(default_factory=dict)
    criteria: Mapping[str, ValueType] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Catalogue:
        """As declared in the database now."""
        criteria = list(Criterion.objects.values_list("key", "value_type", "label"))
        attributes = list(AttributeDefinition.objects.values_list("name", "type", "label"))
        return cls(
            attributes={name: ValueType(kind) for name, kind, _ in attributes},
            criteria={key: T if kind == "person" else ValueType(kind) for key, kind, _ in criteria},
            labels={f"attributes.{name}": label for name, _, label in attributes}
            | {f"checklist.{key}": label for key, _, label in criteria},
        )

    def label_of(self, subject: Subject) -> str:
        """The subject as a reader calls it: as labelled, else its name with spaces."""
        known = self.labels.get(f"{subject.family}.{subject.part}") or LABELS.get(subject.name)
        label = known or re.sub(r"[_-]+", " ", subject.part).strip() or subject.part
        return f"{label[:1].upper()}{label[1:]}{' answer' if subject.is_state else ''}"

    def type_of(self, subject: Subject) -> ValueType | None:
        """The declared type; None for an attribute nobody declared and a criterion unknown here."""
        match subject.family:
            case "lead":
                return LEAD_FIELDS[subject.part]
            case "account":
                return ACCOUNT_FIELDS[subject.part]
            case "attributes":
                return self.attributes.get(subject.part)
        return T if subject.is_state else self.criteria.get(subject.part)


def subject_of(name: str) -> Subject:
    """The subject with this name in a document.

    Raises ModelInvalid: unknown, protected, or written after a decision.
    """
    family, dot, part = name.partition(".")
    if not dot or family not in {"lead", "account", "attributes", "checklist"}:
        raise ModelInvalid(f"unknown subject '{name}'")
    if family == "checklist":
        criterion, _, state = part.partition(".")
        if not criterion or state not in {"", STATE}:
            raise ModelInvalid(f"unknown subject '{name}'")
        return Subject(name, family, criterion, bool(state))
    refuse_name(part, what=f"'{name}'")
    fields = {"lead": LEAD_FIELDS, "account": ACCOUNT_FIELDS}.get(family)
    is_named_well = part in fields if fields is not None else ATTRIBUTE_NAME.fullmatch(part)
    if not is_named_well:
        raise ModelInvalid(f"unknown subject '{name}'")
    return Subject(name, family, part)


def refuse_name(name: str, *, what: str) -> None:
    """Raises ModelInvalid: the name speaks of something protected or written after a decision."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]
    found = PROTECTED_WORDS.intersection(words)
    if _ABOUT_THINGS.intersection(words):
        found -= _HARMLESS_ABOUT_THINGS
    if found:
        raise ModelInvalid(f"{what} is a protected attribute ({min(found)}): never a subject")
    if "_".join(words) in POST_DECISION:
        raise ModelInvalid(f"{what} is written after a decision: never a subject")
