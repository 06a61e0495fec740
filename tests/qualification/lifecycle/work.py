"""What people do with leads, each through its door, with the plug pulled now and then."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from crm.models import Lead
from qualification.choices import TouchKind, TouchResult
from qualification.models import Criterion, Decision, RejectionReason
from qualification.review import decisions, turned_away
from qualification.review.checklists import record_answer
from qualification.review.nurture import WakeWish
from qualification.review.touches import log_touch, snooze_item
from tests.qualification.lifecycle.book import ATTEMPTS, UNDO, Row
from tests.qualification.lifecycle.book_facts import CONSENT, REQUIRED
from tests.qualification.lifecycle.desks import DESKS, Desks
from tests.qualification.lifecycle.walker import (
    HOLDER,
    crashes,
    is_decided,
    is_held,
    is_owned,
    is_rejected,
    is_turned_away,
    people,
    picks,
    where,
)

WAKES = ("date", "activity", "score", "contract")
VERBS: dict[str, Any] = {
    "accept": decisions.accept_lead,
    "reject": decisions.reject_lead,
    "nurture": decisions.nurture_lead,
}


class Work(Desks):
    """Work and decisions."""

    # --- work -------------------------------------------------------------------------------------

    @rule(number=picks, person=people, task=st.sampled_from([None, 20, -5]), crash=crashes)
    @where(is_held)
    def touch(self, number: int, person: int, task: int | None, crash: bool) -> None:
        row = self.pick(number, is_held)
        if row is None or row["item"] is None:
            return
        person = self.who(row, person)
        at = None if task is None else self.now + dt.timedelta(minutes=task)
        refusal = "" if self.book.holds(row, person) else "NotHolder"
        found = self.through(
            "touch",
            lambda: log_touch(
                item=self.item(row),
                by=self.users[person],
                kind=TouchKind.CALL,
                result=TouchResult.SPOKE,
                next_task_at=at,
                now=self.now,
            ),
            refusal="TaskInvalid" if task == -5 else refusal,
            crash=crash,
        )
        if found is None:
            return
        if self.book.touched(row, person, at, found.pk):
            self.start_clock(row, "decision")

    @rule(number=picks, person=people, crash=crashes)
    @where(is_owned)
    def snooze(self, number: int, person: int, crash: bool) -> None:
        row = self.pick(number, is_owned)
        if row is None or row["item"] is None:
            return
        person = self.who(row, person)
        until = self.now + dt.timedelta(days=2)
        owns = row["state"] == "owned" and row["holder"] == person
        found = self.through(
            "snooze",
            lambda: snooze_item(
                item=self.item(row), by=self.users[person], until=until, now=self.now
            ),
            refusal="" if owns else "NotHolder",
            crash=crash,
        )
        if found is not None:
            row["task"] = until
            self.book.moves_on(row)

    @rule(number=picks, person=people, consents=st.booleans())
    @where(is_held)
    def answer(self, number: int, person: int, consents: bool) -> None:
        row = self.pick(number, is_held)
        if row is None:
            return
        person = self.who(row, person)
        is_others = row["item"] is not None and row["holder"] not in (None, person)
        is_others = is_others or row["merged_into"] is not None
        refusal = "LeadErased" if row["is_erased"] else "NotHolder" if is_others else ""
        told: dict[str, object] = dict.fromkeys(REQUIRED, "known") | {CONSENT: consents}
        found = self.through(
            "answer",
            lambda: [self.record(row["lead"], key, said, person) for key, said in told.items()],
            refusal=refusal,
        )
        if found is not None:
            self.book.answers(row, told, person)
            if self.book.holds(row, person):
                self.renew(row)

    def record(self, lead: int, key: str, value: object, person: int) -> object:
        return record_answer(
            lead=Lead.objects.get(pk=lead),
            criterion=Criterion.objects.get(key=key),
            value=value,
            state="confirmed",
            source="Call",
            answered_on=self.now.date(),
            by=self.users[person],
            now=self.now,
        )

    # --- decisions --------------------------------------------------------------------------------

    def decide(
        self,
        row: Row,
        person: int,
        kind: str,
        *,
        refusal: str,
        crash: bool,
        **said: Any,
    ) -> Decision | None:
        """One verb of deciding by whoever says so; the book keeps what came of it."""
        if row["item"] is None:
            return None
        person = self.who(row, person)
        item = self.item(row)
        found: Decision | None = self.through(
            kind,
            lambda: VERBS[kind](
                item=item,
                token=item.token,
                by=self.users[person],
                now=self.now,
                **said,
            ),
            refusal=refusal if self.book.holds(row, person) else "NotHolder",
            crash=crash,
        )
        if found is not None:
            self.book.decided(row, kind, person, found.pk)
        return found

    @rule(number=picks, person=people, to=st.sampled_from(DESKS), crash=crashes)
    @where(is_held)
    def accept(self, number: int, person: int, to: str, crash: bool) -> None:
        row = self.pick(number, is_held)
        if row is None:
            return
        refusal = self.lacks(row, to) if self.book.is_answered(row) else "ChecklistIncomplete"
        found = self.decide(row, person, "accept", refusal=refusal, crash=crash, to=self.target(to))
        if found is not None:
            self.lies_on(row, to, handoff="waiting")

    @rule(
        number=picks,
        person=people,
        key=st.sampled_from(["too_small", "fake_contact", "unreachable"]),
        crash=crashes,
    )
    @where(is_held)
    def reject(self, number: int, person: int, key: str, crash: bool) -> None:
        row = self.pick(number, is_held)
        if row is None:
            return
        is_early = key == "unreachable" and row["touches"] < ATTEMPTS
        reason = RejectionReason.objects.get(key=key)
        self.decide(
            row,
            person,
            "reject",
            refusal="TooFewAttempts" if is_early else "",
            crash=crash,
            reason=reason,
        )

    @rule(number=picks, person=people, wake=st.sampled_from(WAKES), crash=crashes)
    @where(is_held)
    def nurture(self, number: int, person: int, wake: str, crash: bool) -> None:
        row = self.pick(number, is_held)
        if row is None:
            return
        day = (self.now + dt.timedelta(days=3)).date()
        # To 60.0 points; refused where the facts, or the score that stands, are there already.
        rise = 600 - self.book.total(row)
        is_there = wake == "score" and max(self.book.total(row), row["score"]) >= 600
        wish = {
            "date": WakeWish(on=day),
            "activity": WakeWish(activity="visit"),
            "score": WakeWish(rise_tenths=rise),
            "contract": WakeWish(
                contract_ends_on=day + dt.timedelta(days=60), contract_lead_days=60
            ),
        }[wake]
        refusal = "DecisionIncomplete" if is_there else ""
        said = {"reason": RejectionReason.objects.get(key="no_project"), "wake": wish}
        found = self.decide(row, person, "nurture", refusal=refusal, crash=crash, **said)
        if found is not None:
            latest = (self.now + dt.timedelta(days=180)).date()
            row["plan"] = {"wake": wake, "on": day, "latest": latest, "since": self.now}

    def is_fresh(self, row: Row) -> bool:
        """Whether its decision can still be taken back."""
        return is_decided(row) and self.now < row["last"]["at"] + UNDO

    @rule(number=picks, person=people, crash=crashes)
    @precondition(
        lambda self: self.steps % 5 == 0 or any(map(self.is_fresh, self.book.leads.values()))
    )
    def undo(self, number: int, person: int, crash: bool) -> None:
        row = self.pick(number, self.is_fresh) or self.pick(number, is_decided)
        if row is None or row["last"] is None:
            return
        person = row["last"]["by"] if person == HOLDER else person
        found = self.through(
            "undo",
            lambda: decisions.undo_decision(
                decision=Decision.objects.get(pk=row["last"]["pk"]),
                by=self.users[person],
                now=self.now,
            ),
            refusal=self.book.may_undo(row, person),
            crash=crash,
        )
        if found is not None:
            self.book.undone(row)
            self.look_at_item(row)

    @rule(number=picks, crash=crashes)
    @where(is_rejected)
    def overturn(self, number: int, crash: bool) -> None:
        row = self.pick(number, is_rejected)
        if row is None or row["last"] is None or row["last"]["kind"] != "reject":
            return
        is_out = row["stage"] == "disqualified" and not row["turned_away"]
        is_out = is_out and not row["last"]["is_reversed"]
        found = self.through(
            "overturn",
            lambda: decisions.overturn_rejection(
                decision=Decision.objects.get(pk=row["last"]["pk"]),
                by=self.world.manager,
                note="Look again.",
                now=self.now,
            ),
            refusal="" if is_out and not self.is_gone(row) else "NotOverturnable",
            crash=crash,
        )
        if found is not None:
            row["last"]["is_reversed"] = True
            self.enter(row, "overturned")

    @rule(number=picks, crash=crashes)
    @where(is_turned_away)
    def bring_back(self, number: int, crash: bool) -> None:
        row = self.pick(number, is_turned_away)
        if row is None:
            return
        is_out = row["stage"] == "disqualified" and row["turned_away"]
        found = self.through(
            "bring_back",
            lambda: turned_away.bring_back(
                lead=Lead.objects.get(pk=row["lead"]),
                by=self.world.manager,
                note="Ask.",
                now=self.now,
            ),
            refusal="" if is_out and not self.is_gone(row) else "NotOverturnable",
            crash=crash,
        )
        if found is not None:
            self.enter(row, "overturned")

    def is_gone(self, row: Row) -> bool:
        """Whether a row is part of another one, or nobody's any more."""
        return row["merged_into"] is not None or row["is_erased"]
