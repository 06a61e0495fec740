"""Ways that most leads go, from beginning to end, so that walks get far: each is one step made of
single verbs, looked at after each of them."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.qualification.lifecycle.asides import Asides
from tests.qualification.lifecycle.checked import Checked
from tests.qualification.lifecycle.desks import DESKS
from tests.qualification.lifecycle.hours import OF_TEAMS
from tests.qualification.lifecycle.many import Many
from tests.qualification.lifecycle.persons import TAKES, Persons
from tests.qualification.lifecycle.promises import Promises
from tests.qualification.lifecycle.upkeep import MORE
from tests.qualification.lifecycle.walker import MANAGER, picks
from tests.qualification.lifecycle.work import WAKES

# What somebody decides, for which desk, until what wakes it, and what comes of it.
CASES = st.tuples(
    st.sampled_from(["accept", "accept", "accept", "reject", "nurture", ""]),
    st.sampled_from(DESKS),
    st.sampled_from(WAKES),
    st.sampled_from(["", "undo", "take", "return", "move", "overturn", "late"]),
)


class Stories(Many, Asides, Persons, Promises, Checked):
    """Several verbs after each other."""

    def take_next(self, person: int) -> int | None:
        """The number of the lead somebody got."""
        lead = None if self.book.is_full(person) else self.book.next_for(person)
        self.next_one(person)
        return None if lead is None else self.number_of(lead)

    @rule(person=st.integers(0, 2), cases=st.lists(CASES, min_size=1, max_size=3))
    def a_good_morning(self, person: int, cases: list[tuple[str, str, str, str]]) -> None:
        """Next lead, a call, the answers, a verdict, and what comes of it."""
        for kind, to, wake, then in cases:
            number = self.take_next(person)
            if number is None:
                return
            self.touch(number, person, task=None, crash=False)
            self.answer(number, person, consents=True)
            if kind == "accept":
                self.accept(number, person, to=to, crash=False)
            elif kind == "reject":
                self.reject(number, person, key="too_small", crash=False)
            elif kind == "nurture":
                self.nurture(number, person, wake=wake, crash=False)
            self.look_again()
            self.comes_of_it(number, person, to, then)
            self.look_again()

    @rule(
        person=st.integers(0, 2),
        before=st.sampled_from(["", "calls", "calls", "pauses", "pauses long", "waits"]),
        then=st.sampled_from(["", "", "", "sweep", "sweep", "answer", "snooze", "release"]),
        seconds=st.sampled_from([0, 20, 20, 20, 30]),
    )
    def a_slip(self, person: int, before: str, then: str, seconds: int) -> None:
        """Somebody takes the next lead, or has one, and some time presses the key of another one;
        it is undone."""
        number = self.take_next(person)
        if number is None:
            held = [row for row in self.book.leads.values() if self.book.holds(row, person)]
            if not held:
                return
            number = self.number_of(held[0]["lead"])
        if before == "calls":
            self.touch(number, person, task=20, crash=False)
        elif before == "waits":
            self.book.now += dt.timedelta(seconds=1200)
        elif before:
            self.pause(number, person, 600 if "long" in before else 10, crash=False)
        self.touch(number, person, task=None, crash=False)
        self.look_again()
        if then == "sweep":
            self.sweep("")
        elif then == "answer":
            self.answer(number, person, consents=True)
        elif then == "snooze":
            self.snooze(number, person, crash=False)
        elif then == "release":
            self.release(number, person, crash=False)
        self.book.now += dt.timedelta(seconds=seconds)
        self.untouch(number, person, crash=False)

    def comes_of_it(self, number: int, person: int, to: str, then: str) -> None:
        if then == "undo":
            self.undo(number, person, crash=False)
        elif then == "take":
            self.take(number, is_theirs=True, crash=False)
        elif then == "return":
            self.give_back(number, is_theirs=True, crash=False)
        elif then == "move":
            self.move_desk(number, to="partner" if to != "partner" else "team", crash=False)
        elif then == "overturn":
            self.overturn(number, crash=False)
        elif then == "late":
            self.book.now += dt.timedelta(hours=5)
            self.sweep("")

    @rule(
        person=st.integers(0, 2),
        desks=st.permutations(["ae:0", "team", "partner"]),
        answers=st.lists(st.sampled_from(["take", "return", "move"]), min_size=3, max_size=3),
    )
    def three_handoffs(self, person: int, desks: list[str], answers: list[str]) -> None:
        """One lead for each kind of desk, and what the desk says."""
        for to, then in zip(desks, answers, strict=True):
            self.a_good_morning(person, [("accept", to, "", then)])

    @rule(person=st.integers(0, 2), verb=st.sampled_from(["touch", "reject", "release"]))
    def too_late(self, person: int, verb: str) -> None:
        """Somebody takes the next lead, and comes back when the claim is over."""
        number = self.take_next(person)
        if number is None:
            return
        self.book.now += dt.timedelta(seconds=1860)
        if verb == "touch":
            self.touch(number, person, task=None, crash=False)
        elif verb == "reject":
            self.reject(number, person, key="too_small", crash=False)
        else:
            self.release(number, person, crash=False)

    @rule(
        person=st.integers(0, 2),
        asked=st.sampled_from(["reassign", "reassign", "notify"]),
        does=st.sampled_from(["claims", "calls", "calls, decides late"]),
        fault=st.sampled_from(["", "", "overdue"]),
    )
    def nobody_answers(self, person: int, asked: str, does: str, fault: str) -> None:
        """Somebody takes the next lead and does nothing, until its clock is over and a while; or
        decides then, before the sweep comes."""
        is_owned = does != "claims"
        kind = "decision" if is_owned else "first_response"
        self.edit_policy(kind, asked, [5, 60], "reassign" if asked == "notify" else "notify")
        number = self.take_next(person)
        if number is None:
            return
        if is_owned:
            self.touch(number, person, task=None, crash=False)
        row = self.pick(number)
        if row is not None and row["clock"] is not None and not row["clock"]["paused"]:
            self.book.now = max(self.now, row["clock"]["due"] + dt.timedelta(minutes=10))
            if does == "calls, decides late":
                self.reject(number, person, key="too_small", crash=False)
            self.sweep(fault)

    @rule(
        person=st.integers(0, 2),
        minutes=st.sampled_from([10, 600]),
        hours=st.sampled_from(["", *sorted(OF_TEAMS)]),
        passes=st.sampled_from([5, 1200, 40_000]),
        is_resumed=st.booleans(),
    )
    def on_leave(
        self, person: int, minutes: int, hours: str, passes: int, is_resumed: bool
    ) -> None:
        """A clock stands still while the calendar changes, until somebody or the sweep lets it go
        on."""
        number = self.take_next(person)
        if number is None:
            return
        self.touch(number, person, task=None, crash=False)
        self.pause(number, person, minutes, crash=False)
        if hours:
            self.edit_hours(hours, crash=False)
        self.look_again()
        self.book.now += dt.timedelta(seconds=passes)
        if is_resumed:
            self.resume(number, person, crash=False)
        else:
            self.sweep("")

    @precondition(lambda self: self.steps % 3 == 0)
    @rule(number=picks, is_no_contact=st.booleans(), title=st.sampled_from(["VP", "Clerk"]))
    def forgotten_and_back(self, number: int, is_no_contact: bool, title: str) -> None:
        """A person is erased and writes again: a stranger."""
        rows = self.book.standing()
        if not rows:
            return
        number = self.number_of(rows[number % len(rows)]["lead"])
        self.erase(number, is_no_contact, crash=False)
        self.look_again()
        self.write_again(number, "demo_request", {"title": title, "country": "France"}, fault="")

    @rule(
        stays=picks,
        goes=picks,
        takes=TAKES,
        meanwhile=st.sampled_from(["writes", "writes", "sweep", "works", "waits"]),
    )
    def a_mistaken_merge(
        self, stays: int, goes: int, takes: tuple[str, ...], meanwhile: str
    ) -> None:
        """Two become one, something happens, and they are two again."""
        known = len(self.book.merges)
        self.merge(stays, goes, MANAGER, takes, crash=False)
        if len(self.book.merges) == known:
            return
        self.look_again()
        number = self.number_of(self.book.merges[-1]["loser"])
        if meanwhile == "writes":
            # Each by an address of their own, whichever of them the lead goes by now.
            other = self.number_of(self.book.merges[-1]["survivor"])
            self.write_again(number, "visit", {"title": "Clerk", **MORE[-1]}, fault="")
            self.write_again(other, "demo_request", {"title": "VP"}, fault="")
        elif meanwhile == "sweep":
            self.sweep("")
        elif meanwhile == "works":
            self.a_good_morning(0, [("", "team", "date", "")])
        else:
            self.book.now += dt.timedelta(days=1)
        self.look_again()
        standing = [merge for merge in self.book.merges if not merge["is_undone"]]
        # The last one; a multiple of eight would take any.
        self.unmerge(len(standing) * 8 - 7, MANAGER, crash=False)
