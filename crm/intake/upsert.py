"""Writes what payloads say into leads, identities, accounts, activities and outcomes.

One road for webhooks, forms and files: `upsert_leads` takes many at once, `upsert_lead` one. The caller
holds the transaction; the stage of a known lead is never touched here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from crm.exceptions import PayloadInvalid
from crm.intake import changes
from crm.intake.payload import ACCOUNT_FIELDS, LeadPayload
from crm.intake.statements import STATED_AT, difference
from crm.matching.locks import lock_keys
from crm.matching.resolve import (
    CompanyKeys,
    KnownAccounts,
    KnownPeople,
    PersonKeys,
    account_locks,
    person_locks,
)
from crm.models import Account, Activity, Lead, LeadIdentity, Outcome, Source, Team
from crm.stages import Stage

# Stages from which a new inquiry brings a lead back to the people.
RETURNING_STAGES = (Stage.DISQUALIFIED, Stage.LOST, Stage.NURTURE)
# A change of one of these may mean another company.
_COMPANY_KEYS = frozenset({"company", "email", "website"})


@dataclass
class Upserted:
    """What became of one payload. `lead` is None when it was refused, with the reason in `refusal`."""

    lead: Lead | None
    is_new: bool = False
    is_attached: bool = False  # a new identity of a known person
    changed: list[str] = field(default_factory=list)  # keys stated anew and written
    kept: list[str] = field(default_factory=list)  # keys where a person's value stands
    is_reinquiry: bool = False
    refusal: str = ""
    refused_key: str = ""
    affected: frozenset[int] = frozenset()  # leads whose facts changed; set by `upsert_lead`

    @property
    def is_changed(self) -> bool:
        """Whether anything about a known lead was written."""
        return self.is_attached or bool(self.changed)


@dataclass
class Batch:
    """The results, one a payload in the same order, and every lead whose facts changed."""

    results: list[Upserted]
    affected: set[int]


def upsert_lead(*, payload: LeadPayload, source: Source, now: datetime) -> Upserted:
    """One payload; raises PayloadInvalid when it is refused. See `upsert_leads`."""
    batch = upsert_leads(payloads=[payload], source=source, now=now)
    result = batch.results[0]
    if result.lead is None:
        raise PayloadInvalid(f"{result.refused_key}: {result.refusal}")
    result.affected = frozenset(batch.affected)
    return result


@transaction.atomic
def upsert_leads(
    *, payloads: Sequence[LeadPayload], source: Source, now: datetime, team: Team | None = None
) -> Batch:
    """Write all payloads in their order, as if one came after the other. Each needs an external id."""
    keys = [PersonKeys(p.external_id, p.email_key, p.phone_key) for p in payloads]
    companies = [company_of(payload) for payload in payloads]
    lock_keys(
        [lock for key in keys for lock in person_locks(key, source)]
        + [lock for company in companies for lock in account_locks(company)]
    )
    people = KnownPeople(keys, source)
    owned = {lead.account_id for lead in people.by_id.values() if lead.account_id}
    accounts = KnownAccounts(companies, now, owned)
    writer = _Writer(source, now, team or source.team or fallback_team(), people, accounts)
    results = [writer.take(*each) for each in zip(payloads, keys, companies, strict=True)]
    return Batch(results, writer.save())


def fallback_team() -> Team:
    """Where leads nobody is named for wait."""
    return Team.objects.get(is_fallback=True)


def company_of(payload: LeadPayload) -> CompanyKeys:
    """What the payload says about the company, as look-up keys."""
    return CompanyKeys(
        domains=payload.domains,
        name_key=payload.name_key,
        name=payload.text("company"),
        website=payload.text("website"),
    )


class _Writer:
    """The batch in memory: takes payloads one by one, writes everything set by set at the end."""

    def __init__(
        self,
        source: Source,
        now: datetime,
        team: Team,
        people: KnownPeople,
        accounts: KnownAccounts,
    ) -> None:
        self.source, self.now, self.team = source, now, team
        self.people, self.accounts = people, accounts
        self.history = changes.stated_values(people.by_id, accounts.by_id)
        self.new_leads: list[Lead] = []
        self.new_identities: list[LeadIdentity] = []
        self.seen: dict[str, LeadIdentity] = {}
        self.restated: dict[str, LeadIdentity] = {}
        self.changed_leads: dict[int, Lead] = {}
        self.changed_accounts: dict[int, Account] = {}
        self.activities: list[Activity] = []
        self.outcomes: list[Outcome] = []

    def take(self, payload: LeadPayload, keys: PersonKeys, company: CompanyKeys) -> Upserted:
        """Apply one payload to the records in memory."""
        lead = self.people.find(keys)
        owner = self.people.by_email.get(keys.email)
        if lead is not None and owner is not None and owner is not lead:
            return Upserted(None, refusal="belongs to another lead", refused_key="email")
        is_new = lead is None
        lead = lead or self._born(payload)
        result = Upserted(lead, is_new=is_new)
        was_decided = lead.stage in RETURNING_STAGES and lead.disqualified_by != "rule"
        identity = self._identity(lead, payload, result)
        self._apply(lead, identity, payload, company, result)
        self.people.remember(keys, lead)
        self._record_outcome(lead, identity, payload, result)
        if payload.activity:
            self._record(lead, payload)
            result.is_reinquiry = was_decided and not is_new and payload.activity.is_inquiry
        return result

    def _born(self, payload: LeadPayload) -> Lead:
        received = payload.received_at or self.now
        lead = Lead(
            team=self.team,
            source=self.source,
            # A birth, not a move: whoever comes with an outcome was worked before.
            stage=payload.outcome or Stage.NEW,
            stage_at=self.now,
            received_at=received,
            created_at=self.now,
            updated_at=self.now,
            attributes={},
        )
        self.new_leads.append(lead)
        return lead

    def _identity(self, lead: Lead, payload: LeadPayload, result: Upserted) -> LeadIdentity:
        known = self.people.identities.get(payload.external_id)
        if known is None:
            result.is_attached = not result.is_new
            known = LeadIdentity(
                lead=lead,
                source=self.source,
                external_id=payload.external_id,
                imported={},
                first_seen_at=self.now,
                last_seen_at=self.now,
            )
            self.new_identities.append(known)
            self.people.identities[payload.external_id] = known
        self.seen[payload.external_id] = known
        return known

    def _apply(
        self,
        lead: Lead,
        identity: LeadIdentity,
        payload: LeadPayload,
        company: CompanyKeys,
        result: Upserted,
    ) -> None:
        said = payload.statements
        differing = difference(said, identity.imported)
        blanked = [key for key in payload.cleared if key in identity.imported]
        last_at = str(identity.imported.get(STATED_AT, ""))
        stated_at = changes.instant(payload.stated_at)
        is_old = bool(stated_at and last_at and stated_at < last_at)
        self.people.forget(lead)
        person = {key: said[key] for key in said if key not in ACCOUNT_FIELDS}
        self._write(changes.LeadRecord(lead), person, identity, is_old, result)
        if lead.account is None or _COMPANY_KEYS & set(result.changed):
            self._link(lead, company)
        if lead.account is not None:
            firm = {key: said[key] for key in said if key in ACCOUNT_FIELDS}
            self._write(changes.AccountRecord(lead.account), firm, identity, is_old, result)
        for key in blanked:
            self._blank(lead, key, identity, result)
        self._restate(identity, payload, differing, blanked, is_old, stated_at)

    def _write(
        self,
        record: changes.Record,
        said: dict[str, object],
        identity: LeadIdentity,
        is_old: bool,
        result: Upserted,
    ) -> None:
        for key, value in said.items():
            verdict = self.history.judge(record, key, value, identity.imported.get(key), is_old)
            if verdict.is_kept:
                result.kept.append(key)
            if verdict.is_written:
                result.changed.append(key)
                if record.write(key, value):
                    self._mark(record)

    def _blank(self, lead: Lead, key: str, identity: LeadIdentity, result: Upserted) -> None:
        record: changes.Record = changes.LeadRecord(lead)
        if key in ACCOUNT_FIELDS:
            if lead.account is None:
                return
            record = changes.AccountRecord(lead.account)
        if self.history.is_machine(record, key):
            result.changed.append(key)
            record.write(key, None)
            self._mark(record)
        else:
            result.kept.append(key)

    def _mark(self, record: changes.Record) -> None:
        row = record.row
        if row.pk is None:
            return
        row.updated_at = self.now
        if isinstance(row, Lead):
            self.changed_leads[row.pk] = row
        else:
            self.changed_accounts[row.pk] = row

    def _link(self, lead: Lead, company: CompanyKeys) -> None:
        account = self.accounts.find_or_make(company)
        if account is None or account is lead.account:
            return
        lead.account = account
        record = changes.LeadRecord(lead)
        self._mark(record)
        # Named after its domain until somebody says the name.
        if company.name and account.name in company.domains:
            account.name, account.name_key = company.name, company.name_key
            self._mark(changes.AccountRecord(account))

    def _restate(
        self,
        identity: LeadIdentity,
        payload: LeadPayload,
        differing: list[str],
        blanked: list[str],
        is_old: bool,
        stated_at: str,
    ) -> None:
        said = payload.statements
        news = {key: said[key] for key in differing if not is_old or key not in identity.imported}
        if stated_at and not is_old:
            news[STATED_AT] = stated_at
        if not news and not blanked:
            return
        kept = {key: value for key, value in identity.imported.items() if key not in blanked}
        identity.imported = {**kept, **news}
        self.history.learn(identity, news)
        if identity.pk:
            self.restated[payload.external_id] = identity

    def _record_outcome(
        self, lead: Lead, identity: LeadIdentity, payload: LeadPayload, result: Upserted
    ) -> None:
        if not payload.outcome or identity.imported.get("outcome") == payload.outcome:
            return
        self.outcomes.append(
            Outcome(lead=lead, value=payload.outcome, source=self.source, recorded_at=self.now)
        )
        result.changed.append("outcome")
        identity.imported = {**identity.imported, "outcome": payload.outcome}
        if identity.pk:
            self.restated[payload.external_id] = identity

    def _record(self, lead: Lead, payload: LeadPayload) -> None:
        happened = payload.activity
        assert happened is not None  # noqa: S101
        self.activities.append(
            Activity(
                lead=lead,
                type=happened.type,
                occurred_at=happened.occurred_at,
                recorded_at=self.now,
                properties=dict(happened.properties),
                source=self.source,
                event_key=happened.event_key,
            )
        )

    def save(self) -> set[int]:
        """Write all sets; returns the leads whose facts changed, those of changed accounts included."""
        self.accounts.save_new()
        changes.insert_leads(self.new_leads)
        changes.insert_identities(self.new_identities)
        changes.update_accounts(self.changed_accounts.values())
        changes.update_leads(self.changed_leads.values())
        changes.update_identities(self.restated.values())
        LeadIdentity.objects.filter(
            pk__in=[identity.pk for identity in self.seen.values()], last_seen_at__lt=self.now
        ).update(last_seen_at=self.now)
        Activity.objects.bulk_create(self.activities, ignore_conflicts=True)
        Outcome.objects.bulk_create(self.outcomes)
        affected = {lead.pk for lead in self.new_leads} | set(self.changed_leads)
        affected |= {activity.lead_id for activity in self.activities}
        if self.changed_accounts:
            of_accounts = Lead.objects.filter(account_id__in=self.changed_accounts)
            affected |= set(of_accounts.values_list("pk", flat=True))
        return affected
