"""Nouns of record, one topic a file."""

from crm.models.account import Account, AccountDomain
from crm.models.activity import Activity, ActivityVerdict
from crm.models.attribute import AttributeDefinition
from crm.models.buying import BuyingRole, LeadRole
from crm.models.duplicates import LeadMerge, NotDuplicate
from crm.models.erasure import Erasure, ErasureReason, NoContact, PersonalExport
from crm.models.inbox import InboxMessage, Source
from crm.models.lead import Lead, LeadIdentity, StageEvent
from crm.models.outcome import Outcome
from crm.models.people import Team, User

__all__ = [
    "Account",
    "AccountDomain",
    "Activity",
    "ActivityVerdict",
    "AttributeDefinition",
    "BuyingRole",
    "Erasure",
    "ErasureReason",
    "InboxMessage",
    "Lead",
    "LeadIdentity",
    "LeadMerge",
    "LeadRole",
    "NoContact",
    "NotDuplicate",
    "Outcome",
    "PersonalExport",
    "Source",
    "StageEvent",
    "Team",
    "User",
]
