"""What the rules say about every lead, in plain dicts. Imports nothing of the app.

`Book.leads[lead]` is where the lead should be: stage, state and holder of its item, its clock, what
it waits for. Ids of items and clocks are told by whoever looked at the rows.
"""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

from tests.qualification.lifecycle.book_clocks import TAKEN_BACK, TOLD, TOO_LATE, BookOfClocks
from tests.qualification.lifecycle.book_facts import LEAVES_BELOW, LINE, BookOfFacts, Row

TIER_ORDER = ["hot", "warm", "cool", "cold", ""]
CLAIM_LIMIT, ATTEMPTS = 5, 5
LEASE, UNDO = dt.timedelta(minutes=30), dt.timedelta(seconds=30)
SKIPPED_FOR = dt.timedelta(hours=8)
MERGE_UNDO, LINK_LASTS = dt.timedelta(days=30), dt.timedelta(days=14)
BY_A_PERSON = ("returned", "overturned", "reversed")
AFTER = {"accept": "sql", "reject": "disqualified", "nurture": "nurture"}
# How far somebody stands who is merged into another lead: the one with less becomes part of the
# other; with an AE each has a deal of its own.
PLACES = {"nurture": 1, "mql": 2, "working": 3, "sql": 4, "opportunity": 4, "won": 4}
WITH_AN_AE = 4
# What an undone merge gives back.
HELD = ("state", "holder", "lease", "item", "assignee", "in_pool", "reason", "task", "plan")
HELD += ("item_score", "item_tier")


class Book(BookOfClocks, BookOfFacts):
    """Facts, places and clocks of all leads, and who may do what with them."""

    def __init__(self, now: dt.datetime) -> None:
        BookOfClocks.__init__(self, now)
        BookOfFacts.__init__(self)
        # Until when "next lead" does not offer an item to a person.
        self.skips: dict[tuple[int, int], dt.datetime] = {}

    # --- the line -------------------------------------------------------------------------------

    def line(self, row: Row, at: dt.datetime | None = None) -> bool:
        """What the stored score does to the place of a lead; whether it enters the queue now."""
        if row["merged_into"] is not None or row["is_erased"]:
            return False
        waits = row["state"] == "waiting"
        is_out = row["scored_banned"]
        if is_out and (row["stage"] == "new" or (waits and row["reason"] not in BY_A_PERSON)):
            self.leave(row, "disqualified", at)
            row["turned_away"] = True
        elif not is_out and row["stage"] == "disqualified" and row["turned_away"]:
            row.update(stage="new", turned_away=False)
        if waits and row["state"] and row["reason"] == "threshold" and row["score"] < LEAVES_BELOW:
            self.leave(row, "new", at)
        enters = (
            not is_out and row["stage"] == "new" and row["score"] >= LINE and not row["has_outcome"]
        )
        if not enters:
            self.rank_follows(row)
        return enters

    def rank_follows(self, row: Row) -> None:
        """An open item is ranked by the score that was stored last."""
        row["item_score"] = row["score"]
        row["item_tier"] = "" if row["scored_banned"] else row["tier"]

    def would_leave(self, row: Row) -> bool:
        """Whether the line would not let this lead wait, were it waiting."""
        if row["scored_banned"]:
            return row["reason"] not in BY_A_PERSON
        return row["reason"] == "threshold" and row["score"] < LEAVES_BELOW

    # --- places -----------------------------------------------------------------------------------

    def enter(self, row: Row, reason: str) -> None:
        """In the queue, waiting; the clock is told by `start_clock`."""
        row.update(stage="mql", state="waiting", holder=None, lease=None, reason=reason)
        row.update(plan=None, turned_away=False, touches=0, task=None)
        self.rank_follows(row)

    def leave(self, row: Row, stage: str, at: dt.datetime | None = None) -> None:
        """Out of the queue, its clock ended."""
        self.settle(row, at)
        row.update(stage=stage, state=None, holder=None, lease=None, item=None, clock=None)
        row.update(assignee=None, in_pool=False, task=None, out_at=self.now)

    def was_decided(self, row: Row) -> bool:
        """Whether an inquiry brings somebody back: not whom a rule keeps out."""
        is_out = row["stage"] in ("disqualified", "lost", "nurture")
        return is_out and not row["turned_away"]

    def is_old_news(self, row: Row, told_at: dt.datetime) -> bool:
        """Whether an inquiry that waited in the inbox was made well before the decision."""
        return told_at <= row["out_at"] - dt.timedelta(days=1)

    def asks_again(self, row: Row) -> bool:
        """An inquiry of somebody who was decided: whether it brings them back into the queue."""
        if not self.was_decided(row):
            return False
        return not self.is_stopped_at_the_door(row)

    def is_stopped_at_the_door(self, row: Row) -> bool:
        """Whom a rule disqualifies does not come in by itself; from nurture it ends there."""
        if not row["scored_banned"]:
            return False
        if row["stage"] == "nurture":
            row.update(stage="disqualified", turned_away=True, plan=None, out_at=self.now)
        return True

    def put_back(self, row: Row) -> None:
        """Nobody holds it any more; the old clock runs on."""
        row.update(stage="mql", state="waiting", holder=None, lease=None, task=None)
        self.moves_on(row)
        row["is_due"] = row["is_due"] or self.would_leave(row)

    def claimed(self, row: Row, person: int) -> None:
        row.update(stage="working", state="claimed", holder=person, lease=self.now + LEASE)
        self.moves_on(row)

    def given(self, row: Row, person: int) -> None:
        """A manager gives it to somebody: who owned it gives way to an owner."""
        if row["state"] != "owned":
            self.claimed(row, person)
        row["holder"] = person
        self.moves_on(row)

    # --- touches ----------------------------------------------------------------------------------

    def touched(self, row: Row, person: int, task: dt.datetime | None, touch: int) -> bool:
        """The next task, and one more attempt; whether a claim became ownership under a new clock,
        told by `start_clock`. `touch` keeps what it found."""
        found = {name: row[name] for name in ("state", "task", "clock")}
        row["touch"] = {"pk": touch, "by": person, "at": self.now, "item": row["item"]}
        row["touch"] |= {"was": copy.deepcopy(row["clock"]), "found": found}
        row["touch"] |= {"has_moved": False, "is_undone": False}
        row.update(task=task, touches=row["touches"] + 1, state="owned", lease=None)
        if found["state"] == "owned" or found["clock"]["kind"] != "first_response":
            return False
        self.settle(row)
        return True

    def untouched(self, row: Row) -> None:
        """As the touch found it, a claim with a fresh lease."""
        touch, found = row["touch"], row["touch"]["found"]
        touch["is_undone"] = True
        row.update(state=found["state"], task=found["task"], touches=row["touches"] - 1)
        if found["state"] == "owned":
            return
        row["lease"] = self.now + LEASE
        if found["clock"]["kind"] == "first_response":
            self.settle(row)
            row["clock"] = self._clock_of_before(touch)
            self.burns(row)

    def _clock_of_before(self, touch: dict[str, Any]) -> Row:
        """It stands still where it stood, or the sweep looks at once; what only came too late is to
        be done again."""
        clock: Row = touch["found"]["clock"]
        if touch["was"]["paused"] and touch["was"]["paused"][1] > touch["at"]:
            clock = touch["was"]
        else:
            clock["next"] = self.now
        for (timer, _), asked in self.asked.items():
            is_since = asked.get("at", self.now) >= touch["at"]
            if timer == clock["timer"] and asked["outcomes"] == {TOO_LATE} and is_since:
                asked["outcomes"] = set()
        return clock

    def why_not_untouch(self, row: Row, person: int) -> str:
        """The name of the refusal; blank when the touch can be taken back."""
        touch = row["touch"]
        is_over = self.now >= touch["at"] + UNDO or touch["is_undone"] or row["is_erased"]
        if row["merged_into"] is not None or touch["by"] != person or is_over:
            return "UndoExpired"
        if row["item"] != touch["item"]:
            return "AlreadyDecided"
        if row["holder"] != person:
            return "NotHolder"
        return "UndoExpired" if touch["has_moved"] else ""

    def moves_on(self, row: Row) -> None:
        """Somebody did something after which the last touch stays."""
        if row["touch"] is not None:
            row["touch"]["has_moved"] = True

    def decided(self, row: Row, kind: str, person: int, decision: int) -> None:
        """Out of the queue by a person; `last` keeps what an undo gives back."""
        hold = {k: row[k] for k in ("state", "clock", "item_score", "item_tier", "assignee")}
        hold |= {k: row[k] for k in ("in_pool", "task", "item")}
        self.leave(row, AFTER[kind])
        row["last"] = {"pk": decision, "kind": kind, "by": person, "at": self.now, "hold": hold}
        row["last"] |= {"is_reversed": False}
        row["decided"].append(row["last"])

    def undone(self, row: Row) -> None:
        """In the same hands again, under the old clock."""
        self.settle(row)
        hold, person = row["last"]["hold"], row["last"]["by"]
        row.update({**hold, "stage": "working", "holder": person, "reason": "reversed"})
        row.update(plan=None, handoff=None, turned_away=False)
        self.rank_follows(row)
        row["lease"] = self.now + LEASE if hold["state"] == "claimed" else None
        row["last"]["is_reversed"] = True
        # The sweep looks at once.
        row["clock"]["next"] = self.now
        self.burns(row)

    # --- after a breach -------------------------------------------------------------------------

    def follows(self, timer: int, asked: dict[str, Any]) -> None:
        """What a policy asked for is done, if it can be: people are told, or the lead is taken from
        whoever has it while its clock runs."""
        row = self.leads[asked["lead"]]
        clock, asked["at"] = row["clock"], self.now
        if asked["action"] != "reassign":
            asked["outcomes"] = {TOLD}
        elif clock is None or clock["timer"] != timer or clock["paused"]:
            asked["outcomes"] = {TOO_LATE}
        elif row["holder"] is not None:
            self.put_back(row)
            asked["outcomes"] = {TAKEN_BACK}
        elif row["item"] is not None and row["assignee"] is not None:
            # Whom routing chose next, if anybody, is seen later.
            asked["outcomes"] = {TAKEN_BACK, TOLD}
        else:
            asked["outcomes"] = {TOLD}

    # --- one person, two rows -------------------------------------------------------------------

    def why_not_merge(self, survivor: Row, loser: Row, person: int, *, is_manager: bool) -> str:
        """The name of the refusal; blank when one can become part of the other."""
        both = (survivor, loser)
        mine, theirs = (PLACES.get(row["stage"], 0) for row in both)
        is_gone = any(row["merged_into"] is not None or row["is_erased"] for row in both)
        if survivor is loser or is_gone or theirs >= WITH_AN_AE or theirs > mine:
            return "NotMergeable"
        if mine == theirs == PLACES["mql"] and loser["clock"]["due"] < survivor["clock"]["due"]:
            return "NotMergeable"
        return "" if is_manager else self._why_not_in_their_hands(both, person)

    def _why_not_in_their_hands(self, rows: tuple[Row, Row], person: int) -> str:
        """Who is no manager holds one of the two, and nobody else the other."""
        holders = {
            row["holder"] for row in rows if row["holder"] is not None and not self.has_lapsed(row)
        }
        return "" if holders == {person} else "NotMergeable"

    def merged(
        self, survivor: Row, loser: Row, takes: tuple[str, ...], merge: int, by: int
    ) -> None:
        """One of two becomes part of the other and is nowhere; its clock ends."""
        clock = loser["clock"]
        was_paused = bool(clock and clock["paused"])
        held = {name: loser[name] for name in HELD}
        self.moves_on(survivor)
        self.moves_on(loser)
        self.leave(loser, loser["stage"])
        loser["plan"] = None
        moved = self.hands_over(survivor, loser, takes)
        self.merges.append(
            {"pk": merge, "survivor": survivor["lead"], "loser": loser["lead"], "by": by}
            | {"at": self.now, "moved": moved, "held": held, "clock": clock}
            | {"was_paused": was_paused, "is_undone": False}
        )

    def why_not_unmerge(self, merge: dict[str, Any], person: int, *, is_manager: bool) -> str:
        """The name of the refusal; blank when they can be two again."""
        survivor, loser = self.leads[merge["survivor"]], self.leads[merge["loser"]]
        later = [
            each
            for each in self.merges
            if each["survivor"] == merge["survivor"]
            and each["pk"] > merge["pk"]
            and not each["is_undone"]
        ]
        decided = [
            each
            for each in survivor["decided"]
            if each["at"] >= merge["at"] and not each["is_reversed"]
        ]
        is_over = self.now >= merge["at"] + MERGE_UNDO or merge["is_undone"]
        is_gone = survivor["is_erased"] or survivor["merged_into"] is not None
        if is_over or is_gone or later or decided:
            return "NotMergeable"
        if merge["by"] == person or is_manager:
            return ""
        return self._why_not_in_their_hands((survivor, loser), person)

    def unmerged(self, merge: dict[str, Any]) -> None:
        """Two again, the merged one where it was, under its old clock."""
        survivor, loser = self.leads[merge["survivor"]], self.leads[merge["loser"]]
        self.hands_back(survivor, loser, merge["moved"])
        merge["is_undone"] = True
        self.moves_on(survivor)
        loser.update(merge["held"], clock=merge["clock"])
        if loser["state"] is None:
            return
        if merge["was_paused"]:
            loser["clock"]["next"] = self.now
        self.burns(loser)
        person = loser["holder"]
        if loser["state"] == "claimed" and len(self.live_claims(person)) > CLAIM_LIMIT:
            self.put_back(loser)

    # --- nothing of a person ----------------------------------------------------------------------

    def erased(self, row: Row) -> set[str]:
        """Nobody works on it, waits for it or is waited for; what became of it stays. What messages
        of that person are known by is returned."""
        if row["stage"] in ("new", "mql", "working", "nurture"):
            self.leave(row, "disqualified")
        elif row["handoff"] == "waiting":
            self.settle(row)
            row.update(stage="lost", handoff="cancelled", clock=None, out_at=self.now)
        row["plan"] = None
        return self.forget(row)

    # --- who may what -----------------------------------------------------------------------------

    def rank(self, row: Row) -> tuple[Any, ...]:
        tier = TIER_ORDER.index(row["item_tier"])
        due = row["clock"]["due"]
        bucket = 2 if row["clock"]["paused"] else 0 if row["burning"] else 1
        return (bucket, tier, -row["item_score"], due, row["item"])

    def is_for(self, row: Row, person: int) -> bool:
        """Whether routing leaves a waiting lead to this person."""
        return row["assignee"] == person or (row["assignee"] is None and not row["in_pool"])

    def next_for(self, person: int) -> int | None:
        waiting = [row for row in self.leads.values() if row["state"] == "waiting"]
        able = [
            row
            for row in waiting
            if self.is_for(row, person)
            and self.skips.get((row["item"], person), self.now) <= self.now
        ]
        return min(able, key=self.rank)["lead"] if able else None

    def is_full(self, person: int) -> bool:
        """Leases that run count; ownership does not."""
        return len(self.live_claims(person)) >= CLAIM_LIMIT

    def live_claims(self, person: int) -> list[Row]:
        """The leases of a person that have not run out."""
        held = [row for row in self.leads.values() if row["holder"] == person]
        return [row for row in held if row["state"] == "claimed" and row["lease"] > self.now]

    def has_lapsed(self, row: Row) -> bool:
        return row["state"] == "claimed" and row["lease"] <= self.now

    def holds(self, row: Row, person: int) -> bool:
        return row["holder"] == person and not self.has_lapsed(row)

    def may_undo(self, row: Row, person: int) -> str:
        """The name of the refusal; blank when the decision can be undone."""
        last = row["last"]
        if row["merged_into"] is not None or last["by"] != person:
            return "UndoExpired"
        if last["is_reversed"]:
            return "AlreadyDecided"
        if row["is_erased"]:
            return "UndoExpired"
        if self.now >= last["at"] + UNDO or row["state"] or row["stage"] != AFTER[last["kind"]]:
            return "UndoExpired"
        if last["kind"] == "accept" and row["handoff"] != "waiting":
            return "UndoExpired"
        return ""
