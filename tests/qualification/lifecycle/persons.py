"""Two leads that are one person, two again, and people of whom nothing may be kept."""

from __future__ import annotations

from typing import Any

from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from crm.models import Erasure, ErasureReason, InboxMessage, Lead, LeadMerge
from qualification.personal.erase import erase_person
from qualification.personal.requests import ask_erasure
from qualification.review.merge import merge_lead, undo_merge
from tests.qualification.lifecycle.book import Row
from tests.qualification.lifecycle.book_facts import ANSWERS, CHOSEN
from tests.qualification.lifecycle.upkeep import Upkeep
from tests.qualification.lifecycle.walker import HAPPENED, MANAGER, crashes, picks

# What stays of the other one: nothing, some of it, or all that was answered.
TAKES = (
    st.just(())
    | st.just(ANSWERS)
    | st.lists(st.sampled_from(CHOSEN), unique=True, min_size=3, max_size=9).map(tuple)
)
# Mostly a manager, who may whatever the two stand in.
mergers = st.sampled_from([MANAGER] * 3 + [0, 1, 2])


class Persons(Upkeep):
    """Merges and their undo, erasures."""

    def lead(self, row: Row) -> Lead:
        return Lead.objects.get(pk=row["lead"])

    @rule(stays=picks, goes=picks, person=mergers, takes=TAKES, crash=crashes)
    def merge(
        self, stays: int, goes: int, person: int, takes: tuple[str, ...], crash: bool
    ) -> None:
        """Mostly the way round that is allowed."""
        survivor = self.pick(stays, self.is_somebody)
        loser = self.pick(goes, lambda row: self.is_somebody(row) and row is not survivor)
        if survivor is None or loser is None:
            return
        if goes % 5 and self.why_not_merge(survivor, loser, person):
            survivor, loser = loser, survivor
        refusal = self.why_not_merge(survivor, loser, person)
        found: Any = self.through(
            "merge",
            lambda: merge_lead(
                survivor=self.lead(survivor),
                loser=self.lead(loser),
                takes=takes,
                by=self.users[person],
                now=self.now,
            ),
            refusal=refusal,
            crash=crash and not refusal,
        )
        if found is not None:
            HAPPENED[f"merged: {loser['stage']} into {survivor['stage']}"] += 1
            self.book.merged(survivor, loser, takes, found.pk, person)
            moved = self.book.merges[-1]["moved"]
            for kept in (*moved["values"], *(["answers"] if moved["answers"] else [])):
                HAPPENED[f"the other's {kept} stays"] += 1

    def is_somebody(self, row: Row) -> bool:
        return row["merged_into"] is None and not row["is_erased"]

    def why_not_merge(self, survivor: Row, loser: Row, person: int) -> str:
        return self.book.why_not_merge(survivor, loser, person, is_manager=person == MANAGER)

    @rule(number=picks, person=mergers, crash=crashes)
    @precondition(lambda self: bool(self.book.merges))
    def unmerge(self, number: int, person: int, crash: bool) -> None:
        standing = [merge for merge in self.book.merges if not merge["is_undone"]]
        among = self.book.merges if number % 8 == 0 else standing or self.book.merges
        merge = among[number // 8 % len(among)]
        refusal = self.book.why_not_unmerge(merge, person, is_manager=person == MANAGER)
        found = self.through(
            "unmerge",
            lambda: undo_merge(
                merge=LeadMerge.objects.get(pk=merge["pk"]), by=self.users[person], now=self.now
            ),
            refusal=refusal,
            crash=crash and not refusal,
        )
        if found is None:
            return
        self.book.unmerged(merge)
        loser = self.book.leads[merge["loser"]]
        HAPPENED[f"two again: {loser['state'] or 'nowhere'}"] += 1
        if loser["state"]:
            self.look_at_item(loser)

    # --- nothing of a person ----------------------------------------------------------------------

    @precondition(lambda self: self.steps % 3 == 0)
    @rule(number=picks, is_no_contact=st.booleans(), crash=crashes)
    def erase(self, number: int, is_no_contact: bool, crash: bool) -> None:
        """A manager asks for it, an admin carries it out."""
        row = self.pick(number, self.is_somebody)
        if row is None:
            return
        if not row["is_asked"] or number % 3 == 0:
            self.ask(row, is_no_contact)
        if not row["is_asked"] or row["is_erased"]:
            return
        asked = Erasure.objects.get(lead=row["lead"])
        refusal = "ErasureRefused" if row["merged_into"] is not None else ""
        found = self.through(
            "erase",
            lambda: erase_person(
                erasure=asked, confirmed=self.lead(row).name, by=self.world.admins[0], now=self.now
            ),
            refusal=refusal,
            crash=crash and not refusal,
        )
        # The door stays open until the end of a transaction, which here is that of the walk.
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('leadqual.erasing', '', true)")
        if found is not None:
            self.nothing_is_kept(row, asked.is_no_contact)

    def ask(self, row: Row, is_no_contact: bool) -> None:
        found = self.through(
            "ask erasure",
            lambda: ask_erasure(
                lead=self.lead(row),
                reference="Ticket 7",
                reason=ErasureReason.ASKED,
                is_no_contact=is_no_contact,
                by=self.world.manager,
                now=self.now,
            ),
            refusal=self.why_not_ask(row),
        )
        row["is_asked"] = row["is_asked"] or found is not None

    def why_not_ask(self, row: Row) -> str:
        if row["is_erased"]:
            return "LeadErased"
        return "ErasureRefused" if row["is_asked"] else ""

    def nothing_is_kept(self, row: Row, is_no_contact: bool) -> None:
        HAPPENED[f"erased: {row['stage']}"] += 1
        gone = self.book.erased(row)
        if is_no_contact:
            self.left_alone |= gone
        for message in [pk for pk, each in self.pending.items() if each["said"]["email"] in gone]:
            del self.pending[message]
            kept = InboxMessage.objects.get(pk=message)
            assert (kept.state, bytes(kept.body)) == (InboxMessage.State.QUARANTINED, b"")
            HAPPENED["erased before the message was read"] += 1
