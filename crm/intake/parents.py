"""What sources say about the company that another one belongs to: by domain or name, made where
nobody knows it.

Used by `upsert.py` only. PostgreSQL refuses what would stand above itself; the rest of such a
payload is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from crm.exceptions import PayloadInvalid
from crm.intake import changes
from crm.intake.payload import PARENT, LeadPayload
from crm.intake.statements import Verdict, judge
from crm.matching.resolve import CompanyKeys, KnownAccounts, named_company
from crm.models import Account

ABOVE_ITSELF = "it is this company itself, or belongs to it"


@dataclass(frozen=True)
class Wish:
    """A parent to be written, None for none; `on_refused` is told why it could not be."""

    account: Account
    parent: Account | None
    on_refused: Callable[[str], None]


class Parents:
    """The parents of a batch in memory: judged one by one, written at the end."""

    def __init__(
        self, accounts: KnownAccounts, history: changes.StatedValues, said: Collection[str]
    ) -> None:
        self.accounts, self.history = accounts, history
        # A batch that says nothing about parents asks the database nothing.
        if said:
            rows = list(accounts.by_id.values())
            before = {text for row in rows for text in self._said(row)}
            above = [row.parent_id for row in rows if row.parent_id is not None]
            accounts.look_up([named_company(text) for text in before], above)
        self.wished: dict[int, Account | None] = {}
        self.wishes: list[Wish] = []

    def state(
        self,
        account: Account | None,
        text: str,
        *,
        last: str,
        is_old: bool,
        on_refused: Callable[[str], None],
    ) -> Verdict:
        """What becomes of the word of a source, whose `last` was another perhaps; raises
        PayloadInvalid when it cannot be taken."""
        if account is None:
            raise PayloadInvalid("the company that belongs to it is not named")
        parent, current = self._named(text), self._current(account)
        if parent is account:
            raise PayloadInvalid(ABOVE_ITSELF)
        verdict = judge(
            stated=id(parent),
            last=self._id_of(last),
            current=_id(current),
            machine=self._machine(account),
            is_old=is_old,
        )
        # Said again in this batch: what is refused to one is refused to the other.
        if verdict.is_written and (current is not parent or id(account) in self.wished):
            self._wish(Wish(account, parent, on_refused))
        return verdict

    def clear(self, account: Account) -> bool:
        """That it belongs to none; False where somebody of ours says otherwise."""
        if _id(self._current(account)) not in self._machine(account):
            return False
        self._wish(Wish(account, None, lambda why: None))
        return True

    def save(self, *, now: datetime) -> None:
        """Writes what is wished, as if one came after the other."""
        if not self.wishes:
            return
        last = {id(wish.account): wish for wish in self.wishes}
        try:
            _write(list(last.values()), now)
        except IntegrityError:
            for wish in self.wishes:
                _write_or_refuse(wish, now)

    def _wish(self, wish: Wish) -> None:
        self.wished[id(wish.account)] = wish.parent
        self.wishes.append(wish)

    def _current(self, account: Account) -> Account | None:
        if id(account) in self.wished:
            return self.wished[id(account)]
        return None if account.parent_id is None else self.accounts.by_id[account.parent_id]

    def _said(self, account: Account) -> frozenset[str]:
        return self.history.of(changes.AccountRecord(account), PARENT)

    def _machine(self, account: Account) -> frozenset[int | None]:
        return frozenset(self._id_of(text) for text in self._said(account))

    def _id_of(self, text: str) -> int | None:
        return _id(self.accounts.find(named_company(text))) if text else None

    def _named(self, text: str) -> Account:
        keys = named_company(text)
        found = self.accounts.find(keys)
        if found is not None and not keys.domains and found.name_key in self.accounts.namesakes:
            raise PayloadInvalid("several companies are called so; its domain tells which")
        # Who is called by a domain has no name yet.
        unknown = CompanyKeys(domains=keys.domains) if keys.domains else keys
        made = found or self.accounts.find_or_make(unknown)
        if made is None:
            raise PayloadInvalid("names no company")
        return made


def parents_named_in(payloads: Sequence[LeadPayload]) -> set[str]:
    """How these payloads call parents of companies; "" where one is to be cleared."""
    said = {payload.text(PARENT) for payload in payloads} - {""}
    return said | {"" for payload in payloads if PARENT in payload.cleared}


def _id(account: Account | None) -> int | None:
    """Companies are compared as objects, one a row: those just made have no number yet."""
    return None if account is None else id(account)


@transaction.atomic
def _write(wishes: list[Wish], now: datetime) -> None:
    for wish in wishes:
        wish.account.parent, wish.account.updated_at = wish.parent, now
    changes.update_parents([wish.account for wish in wishes])


def _write_or_refuse(wish: Wish, now: datetime) -> None:
    try:
        _write([wish], now)
    except IntegrityError:
        wish.on_refused(ABOVE_ITSELF)
