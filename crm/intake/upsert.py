"""Writes what payloads say into leads, identities, accounts, activities and outcomes.

One road for webhooks, forms and files: `upsert_leads` takes many at once, `upsert_lead` one. The
stage of a known lead is never touched here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.clock import after_waiting, stamp_history
from crm.exceptions import PayloadInvalid
from crm.intake import changes
from crm.intake.cases import Case
from crm.intake.machines import judge_mail_acts
from crm.intake.parents import Parents, parents_named_in
from crm.intake.payload import ACCOUNT_FIELDS, PARENT, ActivityPayload, LeadPayload, Value
from crm.intake.results import Batch, Refused, Upserted
from crm.intake.statements import STATED_AT, difference, judge
from crm.lifecycle import move_leads
from crm.matching.locks import lock_keys
from crm.matching.no_contact import not_to_contact
from crm.matching.resolve import (
    CompanyKeys,
    KnownAccounts,
    KnownPeople,
    PersonKeys,
    account_locks,
    named_company,
    person_locks,
)
from crm.models import Account, Activity, Lead, LeadIdentity, Outcome, Source, Team
from crm.models.lead import DisqualifiedBy
from crm.stages import Stage

# Stages from which a new inquiry brings a lead back to the people.
RETURNING_STAGES = (Stage.DISQUALIFIED, Stage.LOST, Stage.NURTURE)
# Another value of one of these may mean another company; the same one said again does not: somebody
# who merged two leads may have chosen a company.
_COMPANY_KEYS = frozenset({"company", "email", "website"})


def asks_again(activity: ActivityPayload, lead: Lead) -> bool:
    """Whether this is an inquiry made since the lead was decided, give or take a day of clocks and
    backlog: a replay of old messages re-opens nothing."""
    return activity.is_inquiry and activity.occurred_at > lead.stage_at - timedelta(days=1)


def upsert_lead(*, payload: LeadPayload, source: Source, now: datetime) -> Upserted:
    """One payload; raises PayloadInvalid when it is refused. See `upsert_leads`."""
    batch = upsert_leads(payloads=[payload], source=source, now=now)
    result = batch.results[0]
    if isinstance(result, Refused):
        raise PayloadInvalid(f"{result.key}: {result.reason}")
    result.affected = frozenset(batch.affected)
    return result


@transaction.atomic
def upsert_leads(
    *, payloads: Sequence[LeadPayload], source: Source, now: datetime, team: Team | None = None
) -> Batch:
    """Write all payloads, each with an external id, as if one came after the other.

    Recorded at `now`, or just after what others did to the same leads while this waited for them.
    """
    keys = [PersonKeys(p.external_id, p.email_key, p.phone_key) for p in payloads]
    companies = [company_of(payload) for payload in payloads]
    above = [named_company(text) for text in parents_named_in(payloads)]
    lock_keys(
        [lock for key in keys for lock in person_locks(key, source)]
        + [lock for company in [*companies, *above] for lock in account_locks(company)]
    )
    people = KnownPeople(keys, source)
    now = after_waiting(now, people.by_id.values())
    stamp_history(now)
    owned = {lead.account_id for lead in people.by_id.values() if lead.account_id}
    accounts = KnownAccounts([*companies, *above], now, owned)
    writer = _Writer(
        source=source,
        now=now,
        team=team or source.team or fallback_team(),
        people=people,
        accounts=accounts,
        left_alone=not_to_contact(keys, source.pk),
        parents=parents_named_in(payloads),
    )
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
        *,
        source: Source,
        now: datetime,
        team: Team,
        people: KnownPeople,
        accounts: KnownAccounts,
        left_alone: frozenset[PersonKeys],
        parents: set[str],
    ) -> None:
        self.source, self.now, self.team = source, now, team
        self.people, self.accounts = people, accounts
        # Who was erased and wants to hear nothing: kept, and disqualified at once.
        self.left_alone = left_alone
        self.turned_away: list[Lead] = []
        self.held = {pk: lead.email_key for pk, lead in people.by_id.items()}
        self.history = changes.stated_values(people.by_id, accounts.by_id)
        self.parents = Parents(accounts, self.history, parents)
        self.new_leads: list[Lead] = []
        self.new_identities: list[LeadIdentity] = []
        self.seen: dict[str, LeadIdentity] = {}
        self.restated: dict[str, LeadIdentity] = {}
        self.changed_leads: dict[int, Lead] = {}
        self.changed_accounts: dict[int, Account] = {}
        self.activities: list[Activity] = []
        self.outcomes: list[Outcome] = []

    def take(
        self, payload: LeadPayload, keys: PersonKeys, company: CompanyKeys
    ) -> Upserted | Refused:
        """Apply one payload to the records in memory."""
        known = self.people.find(keys)
        owner = self.people.by_email.get(keys.email)
        if known is not None and owner is not None and owner is not known:
            return Refused("email", "belongs to another lead")
        lead = known or self._born(payload)
        result = Upserted(lead, self.now, is_new=known is None)
        was_decided = lead.stage in RETURNING_STAGES and lead.disqualified_by != "rule"
        identity = self._identity(lead, keys, result)
        is_other = owner is lead and keys.email != lead.email_key
        case = Case(payload, company, lead, identity, result, is_other_address=is_other)
        self.people.forget(lead)
        self._apply(case)
        self.people.remember(keys, lead)
        is_left_alone = keys in self.left_alone
        if is_left_alone:
            self._leave_alone(lead)
        if payload.activity:
            self._record(case, payload.activity)
            result.is_reinquiry = (
                was_decided and not is_left_alone and asks_again(payload.activity, lead)
            )
        return result

    def _leave_alone(self, lead: Lead) -> None:
        if not lead.opted_out:
            lead.opted_out = True
            self._mark(lead)
        if lead.stage == Stage.NEW:
            self.turned_away.append(lead)

    def _born(self, payload: LeadPayload) -> Lead:
        lead = Lead(
            team=self.team,
            source=self.source,
            # A birth, not a move: whoever comes with an outcome was worked before.
            stage=payload.outcome or Stage.NEW,
            stage_at=self.now,
            received_at=payload.received_at or self.now,
            created_at=self.now,
            updated_at=self.now,
            attributes={},
        )
        self.new_leads.append(lead)
        return lead

    def _identity(self, lead: Lead, keys: PersonKeys, result: Upserted) -> LeadIdentity:
        known = self.people.identities.get(keys.external_id)
        if known is None:
            result.is_attached = not result.is_new
            known = LeadIdentity(
                lead=lead,
                source=self.source,
                external_id=keys.external_id,
                imported={},
                first_seen_at=self.now,
                last_seen_at=self.now,
                came_by_id=self.people.came_by(keys, lead),
            )
            self.new_identities.append(known)
            self.people.identities[keys.external_id] = known
        self.seen[keys.external_id] = known
        return known

    def _apply(self, case: Case) -> None:
        said = case.payload.statements
        differing = difference(said, case.identity.imported)
        blanked = [key for key in case.payload.cleared if key in case.identity.imported]
        person = {key: said[key] for key in said if key not in changes.OF_ACCOUNT}
        if case.is_other_address:
            del person["email"]
        self._write(case, changes.LeadRecord(case.lead), person)
        if case.lead.account is None or _COMPANY_KEYS & case.rewritten:
            self._link(case)
        if case.lead.account is not None:
            firm = {key: said[key] for key in said if key in ACCOUNT_FIELDS}
            self._write(case, changes.AccountRecord(case.lead.account), firm)
        if PARENT in said and not self._state_parent(case, str(said[PARENT])):
            differing = [key for key in differing if key != PARENT]
        for key in blanked:
            self._blank(case, key)
        self._restate(case, differing, blanked)
        self._record_outcome(case)

    def _write(self, case: Case, record: changes.Record, said: Mapping[str, Value]) -> None:
        for key, value in said.items():
            last = case.identity.imported.get(key)
            verdict = judge(
                stated=value,
                last=last,
                current=record.read(key),
                machine=self.history.of(record, key),
                is_old=case.is_old,
            )
            if verdict.is_kept:
                case.result.kept.append(key)
            if verdict.is_written:
                case.result.changed.append(key)
                if record.write(key, value):
                    case.rewritten.add(key)
                    self._mark(record.row)

    def _state_parent(self, case: Case, text: str) -> bool:
        """Whether the word on the parent company can be taken."""
        last, result = str(case.identity.imported.get(PARENT, "")), case.result
        try:
            verdict = self.parents.state(
                case.lead.account,
                text,
                last=last,
                is_old=case.is_old,
                on_refused=partial(self._refuse_parent, case, last),
            )
        except PayloadInvalid as error:
            result.left_out.append(Refused(PARENT, str(error)))
            return False
        result.kept += [PARENT] if verdict.is_kept else []
        result.changed += [PARENT] if verdict.is_written else []
        return True

    def _refuse_parent(self, case: Case, last: str, why: str) -> None:
        """It was judged to be written, and PostgreSQL says no: as if it had not been said."""
        case.result.left_out.append(Refused(PARENT, why))
        case.result.changed.remove(PARENT)
        others = {key: said for key, said in case.identity.imported.items() if key != PARENT}
        self._store(case, others | ({PARENT: last} if last else {}))

    def _blank(self, case: Case, key: str) -> None:
        if key == PARENT:
            if case.lead.account is not None:
                is_cleared = self.parents.clear(case.lead.account)
                (case.result.changed if is_cleared else case.result.kept).append(PARENT)
            return
        record: changes.Record = changes.LeadRecord(case.lead)
        if key in ACCOUNT_FIELDS:
            if case.lead.account is None:
                return
            record = changes.AccountRecord(case.lead.account)
        if record.read(key) in self.history.of(record, key):
            case.result.changed.append(key)
            record.write(key, None)
            self._mark(record.row)
        else:
            case.result.kept.append(key)

    def _mark(self, row: Lead | Account) -> None:
        """Its columns are to be written, unless it is yet to be inserted."""
        if row._state.adding:
            return
        row.updated_at = self.now
        if isinstance(row, Lead):
            self.changed_leads[row.pk] = row
        else:
            self.changed_accounts[row.pk] = row

    def _link(self, case: Case) -> None:
        account = self.accounts.find_or_make(case.company)
        if account is None or account is case.lead.account:
            return
        case.lead.account = account
        self._mark(case.lead)
        if self.accounts.name(account, case.company):
            self._mark(account)

    def _restate(self, case: Case, differing: list[str], blanked: list[str]) -> None:
        """Keep what was stated as the base of the next comparison."""
        said, last = case.payload.statements, case.identity.imported
        is_old = case.is_old
        news: dict[str, Value] = {
            key: said[key] for key in differing if not is_old or key not in last
        }
        if case.stated_at and not is_old:
            news[STATED_AT] = case.stated_at
        if news or blanked:
            kept = {key: value for key, value in last.items() if key not in blanked}
            self._store(case, {**kept, **news})
            self.history.learn(case.identity, news)

    def _record_outcome(self, case: Case) -> None:
        outcome = case.payload.outcome
        if not outcome or case.identity.imported.get("outcome") == outcome:
            return
        self.outcomes.append(
            Outcome(lead=case.lead, value=outcome, source=self.source, recorded_at=self.now)
        )
        case.result.changed.append("outcome")
        self._store(case, {**case.identity.imported, "outcome": outcome})

    def _store(self, case: Case, imported: dict[str, Any]) -> None:
        case.identity.imported = imported
        if case.identity.pk:
            self.restated[case.identity.external_id] = case.identity

    def _record(self, case: Case, happened: ActivityPayload) -> None:
        self.activities.append(
            Activity(
                lead=case.lead,
                came_by_id=case.identity.came_by_id,
                type=happened.type,
                occurred_at=happened.occurred_at,
                recorded_at=self.now,
                properties=dict(happened.properties),
                source=self.source,
                event_key=happened.event_key,
            )
        )

    def save(self) -> set[int]:
        """Write all sets; returns the leads whose facts changed, also through their account."""
        self.accounts.save_new()
        changes.update_accounts(self.changed_accounts.values())
        self.parents.save(now=self.now)
        # Before the new ones: somebody may have got the address that another gave up.
        changes.update_leads(self.changed_leads.values(), held=self.held)
        changes.insert_leads(self.new_leads)
        changes.insert_identities(self.new_identities)
        changes.update_identities(self.restated.values())
        LeadIdentity.objects.filter(
            pk__in=[identity.pk for identity in self.seen.values()], last_seen_at__lt=self.now
        ).update(last_seen_at=self.now)
        Activity.objects.bulk_create(self.activities, ignore_conflicts=True)
        judge_mail_acts(self.activities, now=self.now)
        Outcome.objects.bulk_create(self.outcomes)
        if self.turned_away:
            move_leads(
                lead_ids={lead.pk for lead in self.turned_away},
                to=Stage.DISQUALIFIED,
                reason=_("Was erased and asked not to be contacted"),
                by=None,
                now=self.now,
                disqualified_by=DisqualifiedBy.PERSON,
            )
        affected = {lead.pk for lead in self.new_leads} | set(self.changed_leads)
        affected |= {activity.lead_id for activity in self.activities}
        if self.changed_accounts:
            of_accounts = Lead.objects.filter(account_id__in=self.changed_accounts)
            affected |= set(of_accounts.values_list("pk", flat=True))
        return affected
