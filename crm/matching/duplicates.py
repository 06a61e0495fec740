"""Finds other leads that may be the same person, and remembers those that are not.

Called by `qualification/review/duplicates.py`. Intake never joins people on these signs alone: a
person looks. Every look-up goes by an index and stops after a few rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum

from django.db.models import Q

from crm.matching import normalize
from crm.models import AccountDomain, Lead, NotDuplicate, User

# A number that more people share is a switchboard and tells nothing.
MAX_SHARING = 5
# People of one family name at one company who are looked at.
MAX_NAMESAKES = 50
# Domains of one company under which the same address is looked for.
MAX_DOMAINS = 20
# First names this much alike (0 to 1) are taken for two spellings of one.
NEARLY = 0.75
# Hosts of one mail service: an address at one is the same address at the others.
ALIAS_HOSTS = (("gmail.com", "googlemail.com"), ("icloud.com", "me.com", "mac.com"))


class Sign(StrEnum):
    """Why two leads may be one person, the strongest first."""

    PHONE = "phone"
    ADDRESS = "address"
    NAME = "name"
    SIMILAR_NAME = "similar_name"


@dataclass(frozen=True)
class Candidate:
    """A lead that may be the same person, and the signs of it, the strongest first."""

    lead: Lead
    signs: tuple[Sign, ...]


def candidates_of(lead: Lead) -> list[Candidate]:
    """Other leads that may be this person, of all teams, without those told apart; the most and
    strongest signs first."""
    signs: dict[int, list[Sign]] = {}
    leads: dict[int, Lead] = {}
    for sign, other in _found(lead):
        if other.pk != lead.pk:
            leads[other.pk] = other
            signs.setdefault(other.pk, []).append(sign)
    for known in _told_apart(lead, leads):
        del leads[known]
    found = [Candidate(lead=other, signs=tuple(signs[pk])) for pk, other in leads.items()]
    order = list(Sign)
    return sorted(found, key=lambda one: (order.index(one.signs[0]), -len(one.signs), one.lead.pk))


def _found(lead: Lead) -> Iterable[tuple[Sign, Lead]]:
    yield from ((Sign.PHONE, other) for other in _by_phone(lead))
    yield from ((Sign.ADDRESS, other) for other in _by_address(lead))
    yield from _by_name(lead)


def _by_phone(lead: Lead) -> list[Lead]:
    if not lead.phone_key:
        return []
    sharing = Lead.objects.standing().filter(phone_key=lead.phone_key).exclude(pk=lead.pk)
    found = list(sharing.select_related("team").order_by()[: MAX_SHARING + 1])
    return found if len(found) <= MAX_SHARING else []


def _by_address(lead: Lead) -> list[Lead]:
    addresses = _same_addresses(lead)
    if not addresses:
        return []
    found = Lead.objects.standing().filter(email_key__in=addresses)
    return list(found.select_related("team").order_by("pk"))


def _same_addresses(lead: Lead) -> list[str]:
    """Other spellings of the address: without its +tag, and at the other domains of its host or
    company."""
    local, _, domain = (lead.email_key or "").rpartition("@")
    if not local:
        return []
    bare = local.split("+")[0] or local
    domains = {domain, *_alias_domains(lead, domain)}
    spelt = {normalize.normal_email(f"{name}@{host}") for name in (local, bare) for host in domains}
    return sorted(spelt - {"", lead.email_key})


def _alias_domains(lead: Lead, domain: str) -> list[str]:
    for hosts in ALIAS_HOSTS:
        if domain in hosts:
            return list(hosts)
    if lead.account_id is None or not normalize.company_domain(lead.email_key or ""):
        return []
    names = AccountDomain.objects.filter(account_id=lead.account_id).order_by("domain")
    return list(names.values_list("domain", flat=True)[:MAX_DOMAINS])


def _by_name(lead: Lead) -> Iterable[tuple[Sign, Lead]]:
    first, last = normalize.fold(lead.first_name), normalize.fold(lead.last_name)
    if lead.account_id is None or not first or not last:
        return
    standing = Lead.objects.standing()
    namesakes = standing.filter(account_id=lead.account_id, last_name_folded=last)
    others = namesakes.exclude(pk=lead.pk).select_related("team").order_by()
    for other in others[:MAX_NAMESAKES]:
        name = normalize.fold(other.first_name)
        if name == first:
            yield Sign.NAME, other
        elif _is_nearly(name, first):
            yield Sign.SIMILAR_NAME, other


def _is_nearly(one: str, other: str) -> bool:
    """An initial for the name, one a beginning of the other, or nearly the same letters."""
    short, long = sorted((one.rstrip("."), other.rstrip(".")), key=len)
    if not short:
        return False
    return long.startswith(short) or SequenceMatcher(None, short, long).ratio() >= NEARLY


def _told_apart(lead: Lead, others: Iterable[int]) -> list[int]:
    """Which of these were said to be somebody else."""
    ids = list(others)
    if not ids:
        return []
    pairs = NotDuplicate.objects.filter(Q(low=lead, high__in=ids) | Q(high=lead, low__in=ids))
    rows = pairs.values_list("low_id", "high_id")
    return [high if low == lead.pk else low for low, high in rows]


def tell_apart(*, lead: Lead, other: Lead, by: User, now: datetime) -> bool:
    """These are two people; whether nobody had said so. The first word stays."""
    low, high = sorted((lead.pk, other.pk))
    NotDuplicate.objects.bulk_create(
        [NotDuplicate(low_id=low, high_id=high, by=by, at=now)], ignore_conflicts=True
    )
    return NotDuplicate.objects.filter(low_id=low, high_id=high, by=by, at=now).exists()
