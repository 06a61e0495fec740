"""Two leads side by side, for whoever is to say that they are one person: what each says, where
that is from, and which of it would stay. Called by the compare page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.merging.compare import ACCOUNT, Compared, Side, compare
from crm.merging.merge import Pair
from crm.models import Account, Lead, User
from qualification.models import ChecklistAnswer, ReviewItem
from qualification.review import merge
from qualification.review.facts import LABELS
from qualification.review.merge_answers import AnswerPair, answers_of
from qualification.review.values import in_words

_LABELS = {
    **LABELS,
    ACCOUNT: gettext_lazy("Account"),
    "company": gettext_lazy("Company as they wrote it"),
    "channel": gettext_lazy("Channel"),
    "campaign": gettext_lazy("Campaign"),
    "topic": gettext_lazy("Asked for"),
}


@dataclass(frozen=True)
class Choice:
    """One value in words and where it is from; blank words where nothing is known."""

    words: str
    origin: str
    since: datetime | None


@dataclass(frozen=True)
class ComparedRow:
    """What both say about one thing; `name` is the field of the form where there is a choice."""

    name: str
    label: str
    mine: Choice
    theirs: Choice
    differs: bool
    takes_theirs: bool


@dataclass(frozen=True)
class ComparePage:
    """The page: `lead` would stay, `other` would become part of it. `hindrance` says why not this
    way round, or not by this reader; `can_swap` whether the other way is possible."""

    lead: Lead
    other: Lead
    items: dict[int, ReviewItem]
    rows: tuple[ComparedRow, ...]
    same: tuple[ComparedRow, ...]
    hindrance: str
    can_swap: bool
    undo_days: int

    @property
    def item(self) -> ReviewItem | None:
        """The open stay of the lead that would stay."""
        return self.items.get(self.lead.pk)

    @property
    def other_item(self) -> ReviewItem | None:
        """The open stay of the other, which would end."""
        return self.items.get(self.other.pk)


def compare_page(lead: Lead, other: Lead, *, reader: User, now: datetime) -> ComparePage:
    """Both leads for a reader who sees both, in a fixed number of queries."""
    pair, items = Pair(lead, other), merge.items_of((lead, other))
    compared = compare(lead, other)
    names = _account_names(lead, other)
    rows = [_value_row(one, names) for one in compared]
    rows += [_answer_row(one) for one in answers_of(lead, other)]
    back = Pair(other, lead)
    return ComparePage(
        lead=lead,
        other=other,
        items=items,
        rows=tuple(row for row in rows if row.differs),
        same=tuple(row for row in rows if not row.differs),
        hindrance=merge.hindrance(pair, items=items, by=reader, now=now),
        can_swap=not merge.hindrance(back, items=items, by=reader, now=now),
        undo_days=merge.undo_days(),
    )


def chosen_of(rows: Iterable[ComparedRow], said: dict[str, str]) -> list[str]:
    """Names of what the other lead gives, by what a form says; unsaid, by what was proposed."""
    return [
        row.name
        for row in rows
        if said.get(row.name, "theirs" if row.takes_theirs else "mine") == "theirs"
    ]


def _account_names(*leads: Lead) -> dict[int, str]:
    ids = [lead.account_id for lead in leads if lead.account_id is not None]
    return dict(Account.objects.filter(pk__in=ids).values_list("pk", "name"))


def _value_row(one: Compared, accounts: dict[int, str]) -> ComparedRow:
    attribute = one.key.removeprefix("attributes.").replace("_", " ").capitalize()
    return ComparedRow(
        name=one.key,
        label=str(_LABELS.get(one.key, attribute)),
        mine=_choice(one.key, one.mine, accounts),
        theirs=_choice(one.key, one.theirs, accounts),
        differs=one.differs,
        takes_theirs=one.takes_theirs,
    )


def _choice(key: str, side: Side, accounts: dict[int, str]) -> Choice:
    if side.is_blank:
        return Choice("", "", None)
    words = accounts[side.value] if key == ACCOUNT else in_words(side.value, "")
    origin = _("by a person") if side.is_human else ", ".join(side.sources)
    return Choice(words, origin, side.since)


def _answer_row(one: AnswerPair) -> ComparedRow:
    kind = one.criterion.value_type
    return ComparedRow(
        name=one.key,
        label=one.criterion.label,
        mine=_said(one.mine, kind),
        theirs=_said(one.theirs, kind),
        differs=one.differs,
        takes_theirs=one.takes_theirs,
    )


def _said(answer: ChecklistAnswer | None, kind: str) -> Choice:
    if answer is None:
        return Choice("", "", None)
    state = str(answer.get_state_display())
    words = in_words(answer.value, kind)
    origin = str(answer.by) if answer.by is not None else answer.source
    return Choice(f"{words} ({state})" if words else state, origin, answer.recorded_at)
