"""Finds the person and the company that a statement is about; makes companies nobody knows yet.

Called by `crm/intake/upsert.py` for many statements at once; `find_lead` and `account_for` for one.
Callers that create people hold `locks.lock_keys` first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db import transaction
from django.db.models import QuerySet

from crm.matching import normalize
from crm.matching.locks import lock_keys
from crm.matching.own_keys import own_keys
from crm.models import Account, AccountDomain, Lead, LeadIdentity, Source


@dataclass(frozen=True)
class PersonKeys:
    """What a person is recognised by; a blank key recognises nobody."""

    external_id: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class CompanyKeys:
    """What a company is recognised by: its domains, best first, then its name."""

    domains: tuple[str, ...] = ()
    name_key: str = ""
    name: str = ""
    website: str = ""


class KnownPeople:
    """The leads behind a set of keys, locked, and those added meanwhile."""

    def __init__(self, keys: Collection[PersonKeys], source: Source | None) -> None:
        externals = [key.external_id for key in keys if key.external_id]
        self.identities = {
            identity.external_id: identity
            for identity in LeadIdentity.objects.filter(source=source, external_id__in=externals)
        }
        found = self._leads(keys)
        self.merged = [lead for lead in found.values() if lead.merged_into_id is not None]
        self.by_id = {pk: lead for pk, lead in found.items() if lead.merged_into_id is None}
        leads = list(self.by_id.values())
        self.by_email = {lead.email_key: lead for lead in leads if lead.email_key}
        self.by_phone: dict[str, list[Lead]] = defaultdict(list)
        for lead in leads:
            if lead.phone_key:
                self.by_phone[lead.phone_key].append(lead)
        for lead in self.merged:
            self._remember_merged(lead)
        self.by_external: dict[str, Lead] = {}
        for external_id, identity in self.identities.items():
            standing = found[identity.lead_id].merged_into_id or identity.lead_id
            identity.lead = self.by_external[external_id] = self.by_id[standing]

    def _remember_merged(self, lead: Lead) -> None:
        """What a merged lead is recognised by means the one it became part of."""
        assert lead.merged_into_id is not None  # noqa: S101 - see `merged`
        standing = self.by_id[lead.merged_into_id]
        if lead.email_key:
            self.by_email.setdefault(lead.email_key, standing)
        if lead.phone_key and standing not in self.by_phone[lead.phone_key]:
            self.by_phone[lead.phone_key].append(standing)

    def came_by(self, keys: PersonKeys, lead: Lead) -> int | None:
        """The merged lead by whose address or number this one was found; None for its own."""
        if lead._state.adding:
            return None
        named = ("email", keys.email) if keys.email else ("phone", keys.phone)
        owner = self._own_keys.get(named)
        if owner is not None:
            return None if owner == lead.pk else owner
        if keys.email and keys.email == lead.email_key:
            return None
        parts = [one for one in self.merged if one.merged_into_id == lead.pk]
        if keys.email:
            by_address = [one.pk for one in parts if one.email_key == keys.email]
            if by_address:
                return by_address[0]
        if not keys.phone or keys.phone == lead.phone_key:
            return None
        return next((one.pk for one in parts if one.phone_key == keys.phone), None)

    @cached_property
    def _own_keys(self) -> dict[tuple[str, str], int]:
        return own_keys(list(self.by_id))

    def _leads(self, keys: Collection[PersonKeys]) -> dict[int, Lead]:
        """Those found, and those they were merged into."""
        ids = {identity.lead_id for identity in self.identities.values()}
        emails = [key.email for key in keys if key.email]
        phones = [key.phone for key in keys if key.phone]
        # Three look-ups, each by its index; an OR over all would read the whole table.
        found = [Lead.objects.filter(email_key__in=emails)] if emails else []
        found += [Lead.objects.filter(phone_key__in=phones)] if phones else []
        for rows in found:
            for pair in rows.values_list("pk", "merged_into_id"):
                ids.update(pk for pk in pair if pk is not None)
        return self._locked(ids)

    def _locked(self, ids: set[int]) -> dict[int, Lead]:
        locked: dict[int, Lead] = {}
        while ids:
            rows = Lead.objects.select_for_update(no_key=True).filter(pk__in=ids)
            locked |= {lead.pk: lead for lead in rows.order_by("pk")}
            # Merged while we waited for the lock.
            ids = {lead.merged_into_id for lead in locked.values() if lead.merged_into_id}
            ids -= locked.keys()
        return locked

    def find(self, keys: PersonKeys) -> Lead | None:
        """The identity's lead, else the one with the address, else the one with the number."""
        known = self.by_external.get(keys.external_id) or self.by_email.get(keys.email)
        return known or self._by_phone(keys)

    def _by_phone(self, keys: PersonKeys) -> Lead | None:
        sharing = self.by_phone.get(keys.phone, [])
        nameless = [lead for lead in sharing if not lead.email_key]
        if nameless:
            return nameless[0]
        # A number several people share (a switchboard) tells nothing, nor does another's address.
        return sharing[0] if len(sharing) == 1 and not keys.email else None

    def remember(self, keys: PersonKeys, lead: Lead) -> None:
        """From now on these keys mean this lead."""
        if keys.external_id:
            self.by_external[keys.external_id] = lead
        if lead.email_key:
            self.by_email[lead.email_key] = lead
        if lead.phone_key and lead not in self.by_phone[lead.phone_key]:
            self.by_phone[lead.phone_key].append(lead)

    def forget(self, lead: Lead) -> None:
        """The address and the number of this lead are about to change."""
        if lead.email_key and self.by_email.get(lead.email_key) is lead:
            del self.by_email[lead.email_key]
        if lead.phone_key and lead in self.by_phone[lead.phone_key]:
            self.by_phone[lead.phone_key].remove(lead)


class KnownAccounts:
    """The accounts behind a set of company keys and ids, locked, and those made meanwhile."""

    def __init__(
        self, keys: Iterable[CompanyKeys], now: datetime, account_ids: Collection[int] = ()
    ) -> None:
        self.now = now
        self.by_id: dict[int, Account] = {}
        self.by_domain: dict[str, Account] = {}
        self.by_name: dict[str, Account] = {}
        # Names that several companies have.
        self.namesakes: set[str] = set()
        self._load(keys, account_ids, Account.objects.select_for_update(no_key=True))
        self.made: list[Account] = []
        self.new_domains: dict[str, Account] = {}

    def look_up(self, keys: Iterable[CompanyKeys], account_ids: Collection[int]) -> None:
        """Those behind more keys and ids, to compare with; they are not locked."""
        self._load(keys, account_ids, Account.objects.all())

    def _load(
        self, keys: Iterable[CompanyKeys], account_ids: Collection[int], rows: QuerySet[Account]
    ) -> None:
        keys = list(keys)
        names = {domain for key in keys for domain in key.domains}
        parents = {parent for domain in names for parent in normalize.parent_domains(domain)}
        domains = dict(
            AccountDomain.objects.filter(domain__in=parents).values_list("domain", "account_id")
        )
        name_keys = {key.name_key for key in keys if key.name_key}
        named = Account.objects.filter(name_key__in=name_keys) if name_keys else []
        ids = {account.pk for account in named} | set(domains.values()) | set(account_ids)
        ids -= self.by_id.keys()
        found = {row.pk: row for row in (rows.filter(pk__in=ids).order_by("pk") if ids else [])}
        self.by_id |= found
        self.by_domain |= {domain: self.by_id[pk] for domain, pk in domains.items()}
        for account in found.values():
            if account.name_key:
                first = self.by_name.setdefault(account.name_key, account)
                self.namesakes |= {account.name_key} if first is not account else set()

    def find(self, keys: CompanyKeys) -> Account | None:
        """By domain (or a domain above it), else by name."""
        for domain in keys.domains:
            for name in normalize.parent_domains(domain):
                if name in self.by_domain:
                    return self.by_domain[name]
        return self.by_name.get(keys.name_key) if keys.name_key else None

    def find_or_make(self, keys: CompanyKeys) -> Account | None:
        """The account, made when unknown (see `save_new`); None when nothing tells a company."""
        if not keys.domains and not keys.name_key:
            return None
        account = self.find(keys) or self._make(keys)
        for domain in keys.domains if _is_of(account, keys) else ():
            if self.find(CompanyKeys(domains=(domain,))) is None:
                self.by_domain[domain] = self.new_domains[domain] = account
        return account

    def _make(self, keys: CompanyKeys) -> Account:
        account = Account(
            name=keys.name or keys.domains[0],
            name_key=keys.name_key,
            website=keys.website,
            created_at=self.now,
            updated_at=self.now,
        )
        self.made.append(account)
        if keys.name_key:
            self.by_name[keys.name_key] = account
        return account

    def name(self, account: Account, keys: CompanyKeys) -> bool:
        """Give the name to an account called by its domain so far; whether that was so."""
        is_nameless = normalize.domain_of(account.name) == account.name
        if not is_nameless or not keys.name_key or keys.name == account.name:
            return False
        account.name, account.name_key = keys.name, keys.name_key
        self.by_name.setdefault(keys.name_key, account)
        return True

    def save_new(self) -> None:
        """Insert the accounts made and the domains learnt; another's domain stays another's."""
        Account.objects.bulk_create(self.made)
        AccountDomain.objects.bulk_create(
            [AccountDomain(account=owner, domain=name) for name, owner in self.new_domains.items()],
            ignore_conflicts=True,
        )
        self.made, self.new_domains = [], {}


def _is_of(account: Account, keys: CompanyKeys) -> bool:
    """Whether what else these values say is about this company: they name no other. A student who
    writes from the campus and names a firm teaches us no domain of the campus."""
    return not keys.name_key or not account.name_key or keys.name_key == account.name_key


def find_lead(
    *,
    email: str = "",
    phone: str = "",
    country: str = "",
    source: Source | None = None,
    external_id: str = "",
) -> Lead | None:
    """The lead that is this person, by identity, else address, else number; None if unknown."""
    keys = PersonKeys(
        external_id=external_id,
        email=normalize.normal_email(email),
        phone=normalize.normal_phone(phone, country),
    )
    with transaction.atomic():
        return KnownPeople([keys], source).find(keys)


def company_keys(*, company: str = "", email: str = "", website: str = "") -> CompanyKeys:
    """What these values recognise a company by; free mail hosts never make a domain."""
    domains = [normalize.company_domain(text) for text in (email, website)]
    return CompanyKeys(
        domains=tuple(dict.fromkeys(domain for domain in domains if domain)),
        name_key=normalize.name_key(company),
        name=normalize.clean_text(company),
        website=website,
    )


@transaction.atomic
def account_for(
    *, company: str = "", email: str = "", website: str = "", now: datetime
) -> Account | None:
    """The account by domain, else by name, made when unknown; None when nothing tells a company."""
    keys = company_keys(company=company, email=email, website=website)
    lock_keys(account_locks(keys))
    accounts = KnownAccounts([keys], now)
    account = accounts.find_or_make(keys)
    accounts.save_new()
    return account


def named_company(text: str) -> CompanyKeys:
    """What one name or domain recognises a company by."""
    domain = normalize.company_domain(text)
    return CompanyKeys(
        domains=(domain,) if domain else (),
        name_key=normalize.name_key(text),
        name=normalize.clean_text(text),
    )


def account_locks(keys: CompanyKeys) -> list[str]:
    """Names of the locks under which this company may be made."""
    above = {parent for domain in keys.domains for parent in normalize.parent_domains(domain)}
    return [f"domain:{name}" for name in above] + (
        [f"name:{keys.name_key}"] if keys.name_key else []
    )


def person_locks(keys: PersonKeys, source: Source) -> list[str]:
    """Names of the locks under which this person may be made."""
    named = {"email": keys.email, "phone": keys.phone, f"id:{source.pk}": keys.external_id}
    return [f"{kind}:{value}" for kind, value in named.items() if value]
