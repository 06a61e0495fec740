"""What happens around people: messages, imports, facts, versions, routing, time, the sweep."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from crm.intake.payload import LeadPayload
from crm.intake.upsert import upsert_leads
from crm.models import Account, Activity, ActivityVerdict, InboxMessage, Lead
from qualification import pipeline, runner, sweeps
from qualification.invariants import violations
from qualification.models import Leave, RoutingRule
from qualification.scoring import versions
from tests.qualification.lifecycle import world
from tests.qualification.lifecycle.book import Row
from tests.qualification.lifecycle.faults import crashing_before
from tests.qualification.lifecycle.walker import Walker, crashes, picks

TITLES = ("VP", "VP", "VP", "Clerk")
INQUIRIES = ("demo_request", "form_submit")
FAULTS = ("", "", "", "", "intake", "follow", "score")
RESCORE_EVERY = dt.timedelta(hours=6)
# With more leads in one queue the due times are spread, which the book does not do.
MOST_LEADS = 50
SWEEPERS = ("timers", "leases", "wakeups")


class Upkeep(Walker):
    """Everything no person of the team does to a lead."""

    def __init__(self) -> None:
        super().__init__()
        # Messages stored and not done: what they say, and when they are due.
        self.pending: dict[int, dict[str, Any]] = {}
        # When the other version went live: the moment of the run over all leads.
        self.run_at: dt.datetime | None = None
        self.births = 0

    @initialize(
        titles=st.lists(st.sampled_from(["VP", "VP", "VP", "Clerk"]), min_size=4, max_size=7)
    )
    def a_full_morning(self, titles: list[str]) -> None:
        """Some leads are there from the beginning."""
        self.open_the_doors()
        for place, title in enumerate(titles):
            company = world.COMPANIES[place % len(world.COMPANIES)]
            self.somebody_new(company, title, "form_submit")

    # --- messages ---------------------------------------------------------------------------------

    @rule(
        company=st.sampled_from(world.COMPANIES),
        title=st.sampled_from(TITLES),
        kind=st.sampled_from(["form_submit", "demo_request", "visit"]),
    )
    def arrives(self, company: str, title: str, kind: str) -> None:
        if self.births < MOST_LEADS:
            self.somebody_new(company, title, kind)

    def somebody_new(self, company: str, title: str, kind: str) -> None:
        """A stranger writes; the door never fails a first message here."""
        self.births += 1
        said = {"email": f"p{self.births}@{company}.com", "company": company, "title": title}
        message = self.arrive({**said, "type": kind})
        self.process(message, said | {"type": kind}, None)

    @rule(
        number=picks,
        kind=st.sampled_from(["form_submit", "demo_request", "visit"]),
        change=st.sampled_from([{}, {"title": "VP"}, {"title": "Clerk"}]),
        country=st.sampled_from(["", "", "Nowhere", "France"]),
        fault=st.sampled_from(FAULTS),
    )
    def write_again(
        self, number: int, kind: str, change: dict[str, str], country: str, fault: str
    ) -> None:
        row = self.pick(number)
        if row is None:
            return
        lead, said = row["lead"], {"email": row["email"], "type": kind, **change}
        said |= {"country": country} if country else {}
        message = self.arrive(said)
        if not fault:
            self.process(message, said, lead)
            return
        with crashing_before(fault):
            pipeline.process(message, now=self.now)
        if fault == "score":
            self.take_in(said, lead)
        else:
            due = self.now + dt.timedelta(seconds=30)
            self.pending[message] = {"said": said, "lead": lead, "due": due}

    def arrive(self, said: dict[str, Any]) -> int:
        return world.store(self.world, said, self.now).pk

    def process(self, message: int, said: dict[str, Any], lead: int | None) -> None:
        done = pipeline.process(message, now=self.now)
        assert done.state == InboxMessage.State.DONE, done.error
        row = self.take_in(said, lead or done.lead_id)
        self.score(row)

    def take_in(self, said: dict[str, Any], lead: int) -> Row:
        """The facts of a message, and whether it is an inquiry that brings somebody back."""
        row = self.book.leads.get(lead)
        if row is None:
            row = self.book.born(lead, company=said["company"])
            row["email"] = said["email"]
            self.book.is_big.setdefault(row["company"], False)
        row["is_vp"] = said.get("title", "VP" if row["is_vp"] else "") == "VP"
        row["is_banned"] = said.get("country", "Nowhere" if row["is_banned"] else "") == "Nowhere"
        row["demos"] += said["type"] == "demo_request"
        if said["type"] == "visit":
            row["visits"].append({"is_machine": False, "at": self.now})
        row["is_due"] = True
        came_back = row["stage"] in ("disqualified", "lost", "nurture") and not row["turned_away"]
        if said["type"] in INQUIRIES and came_back:
            self.store_score(row)
            row["is_due"] = True
            if self.book.asks_again(row):
                self.enter(row, "reinquiry")
        return row

    def store_score(self, row: Row) -> None:
        self.book.store_score(row)
        ((row["tier"],),) = world.rows(
            "SELECT tier FROM qualification_leadscore WHERE lead_id = %s", row["lead"]
        )

    def score(self, row: Row, at: dt.datetime | None = None) -> None:
        """Scored, then the line."""
        self.store_score(row)
        if self.book.line(row, at):
            self.enter(row, "threshold", at)

    # --- facts ------------------------------------------------------------------------------------

    @rule(
        companies=st.lists(st.sampled_from(world.COMPANIES), min_size=1, max_size=3),
        outcome=st.sampled_from(["", "", "won", "lost"]),
    )
    def bulk_import(self, companies: list[str], outcome: str) -> None:
        """A chunk of a file; with an outcome it is history and never queues by its score."""
        if self.births + len(companies) > MOST_LEADS:
            return
        said = []
        for company in companies:
            self.births += 1
            values = {"email": f"p{self.births}@{company}.com", "company": company, "title": "VP"}
            said.append(LeadPayload(str(self.births), values, outcome=outcome))
        batch = upsert_leads(payloads=said, source=self.world.source, now=self.now)
        pipeline.facts_changed(batch.affected, now=self.now)
        pipeline.score_and_queue(batch.affected, now=self.now)
        made = []
        for payload, result in zip(said, batch.results, strict=True):
            company, lead = str(payload.values["company"]), result.lead.pk
            row = self.book.born(
                lead, company=company, stage=outcome or "new", has_outcome=bool(outcome)
            )
            row.update(email=payload.values["email"], is_vp=True)
            made.append(row)
        for row in made:
            self.score(row)

    @rule(company=st.sampled_from(world.COMPANIES), big=st.booleans())
    def edit_account(self, company: str, big: bool) -> None:
        """Somebody corrects the size of a company: all its leads are due for a score."""
        leads = [row for row in self.book.leads.values() if row["company"] == company]
        accounts = {
            lead.account_id for lead in Lead.objects.filter(pk__in=[r["lead"] for r in leads])
        }
        Account.objects.filter(pk__in=accounts).update(employees=5000 if big else 5)
        pipeline.facts_changed([row["lead"] for row in leads], now=self.now)
        if leads:
            self.book.is_big[company] = big
        for row in leads:
            row["is_due"] = True

    @rule(number=picks)
    def machine_visit(self, number: int) -> None:
        """The newest visit turns out to be a machine's."""
        row = self.pick(number, lambda row: bool(row["visits"]))
        if row is None or not row["visits"] or row["visits"][-1]["is_machine"]:
            return
        visit = Activity.objects.filter(lead=row["lead"], type="visit").order_by("-pk")[0]
        ActivityVerdict.objects.create(
            activity=visit, is_machine=True, reason="walk", recorded_at=self.now
        )
        pipeline.facts_changed([row["lead"]], now=self.now)
        row["visits"][-1]["is_machine"] = True
        row["is_due"] = True

    # --- versions and routing ---------------------------------------------------------------------

    @rule(works_at_once=st.booleans(), crash=crashes)
    def switch_version(self, works_at_once: bool, crash: bool) -> None:
        """The other version goes live: the first time by the operator, then by rollback."""
        other = 3 - self.book.version
        model = self.world.models[other]
        model.refresh_from_db()
        is_first = model.published_at is None
        door = versions.activate_as_operator if is_first else self.roll_back
        if self.through("activate", lambda: door(model=model, now=self.now), crash=crash) is None:
            return
        self.book.version = other
        self.run_at = self.now
        if works_at_once:
            runner.work_runs(now=self.now)
            self.run_over_all()

    def roll_back(self, *, model: Any, now: dt.datetime) -> Any:
        return versions.rollback(model=model, by=None, now=now)

    def run_over_all(self) -> None:
        """All leads as of the moment the version went live, their clocks too."""
        at, self.run_at = self.run_at, None
        if at is not None and self.now - at >= RESCORE_EVERY:
            at = None  # nobody went on with it for so long that it begins anew, as of now
        for row in self.book.leads.values():
            self.score(row, at)

    @rule(is_on=st.booleans())
    def routing(self, is_on: bool) -> None:
        RoutingRule.objects.filter(pk=self.world.rule.pk).update(is_active=is_on)

    @rule(person=st.integers(0, 1))
    def leave(self, person: int) -> None:
        """Somebody of the pool is away for three days, or comes back early."""
        profile = self.world.sdrs[person].work_profile
        if not Leave.objects.filter(profile=profile, ends_on__gte=self.now.date()).delete()[0]:
            last = (self.now + dt.timedelta(days=2)).date()
            Leave.objects.create(profile=profile, starts_on=self.now.date(), ends_on=last)

    @rule(person=st.integers(0, 2))
    def somebody_leaves_the_queue(self, person: int) -> None:
        """Deactivated for a moment of routing, then back: nothing may be stuck with them."""
        user = self.users[person]
        user.is_active = not user.is_active
        user.save(update_fields=["is_active"])
        sweeps.expire_claims(now=self.now)
        user.is_active = True
        user.save(update_fields=["is_active"])
        self.leases_end()
        self.look_at_all()

    # --- time -------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([5, 5, 29, 29, 31, 31, 60, 60, 840, 840, 1740, 1860, 15_000]))
    def time_passes(self, seconds: int) -> None:
        self.book.now += dt.timedelta(seconds=seconds)

    @rule(days=st.sampled_from([0, 0, 0, 1, 4, 190]))
    def a_long_holiday(self, days: int) -> None:
        """Nobody sweeps for days; then one pass."""
        self.book.now += dt.timedelta(days=days)
        self.sweep("")

    @rule()
    def a_clock_that_goes_back(self) -> None:
        """A sweep by a host two hours behind finds only what was due then already and nobody had
        looked at; it takes nothing back."""
        behind = self.now - dt.timedelta(hours=2)
        sweeps.sweep.record_due(now=behind)
        for row in self.book.leads.values():
            clock = row["clock"]
            if clock is not None and not clock["paused"] and clock["seen"] <= behind:
                self.book.falls_due(row, behind)
                self.book.look_at_clock(row, behind)

    @rule(fault=st.sampled_from(["", "", *SWEEPERS]))
    def sweep(self, fault: str) -> None:
        """One pass, after one in which a sweeper dies in the midst of its work."""
        if fault:
            with crashing_before(fault):
                sweeps.run_all(now=self.now)
            self.one_pass(without=fault)
        handled = sweeps.run_all(now=self.now)
        assert set(handled) == set(sweeps.SWEEPERS)
        self.one_pass(without="")
        assert violations(now=self.now) == []

    def one_pass(self, without: str) -> None:
        """What a pass does to every lead, in its order."""
        for message in [pk for pk, each in self.pending.items() if each["due"] <= self.now]:
            each = self.pending.pop(message)
            row = self.take_in(each["said"], each["lead"])
            self.score(row)
        for row in [row for row in self.book.leads.values() if row["is_due"]]:
            self.score(row)
        if self.run_at is not None:
            self.run_over_all()
        self.pauses_end()
        self.clocks_are_looked_at(without)
        if without != "leases":
            self.leases_end()
        if without != "wakeups":
            self.sleepers_wake()
        self.look_at_all()

    def pauses_end(self) -> None:
        for row in self.book.leads.values():
            clock = row["clock"]
            if clock is not None and clock["paused"] and clock["paused"][1] <= self.now:
                self.book.go_on(row)

    def clocks_are_looked_at(self, without: str) -> None:
        for row in self.book.leads.values():
            if row["clock"] is not None and without != "timers":
                self.book.falls_due(row)
                self.book.look_at_clock(row)

    def leases_end(self) -> None:
        for row in self.book.leads.values():
            if self.book.has_lapsed(row):
                self.book.put_back(row)

    def sleepers_wake(self) -> None:
        for row in self.book.leads.values():
            if row["plan"] is None or not self.wakes(row):
                continue
            if not self.book.is_stopped_at_the_door(row):
                self.enter(row, "woken")

    def wakes(self, row: Row) -> bool:
        plan, today = row["plan"], self.now.date()
        is_dated = plan["wake"] in ("date", "contract")
        if plan["latest"] <= today or (is_dated and plan["on"] <= today):
            return True
        if plan["wake"] == "score":
            return bool(row["score"] >= 600)
        visits = [v for v in row["visits"] if v["at"] > plan["since"] and not v["is_machine"]]
        return plan["wake"] == "activity" and bool(visits)

    def look_at_all(self) -> None:
        for row in self.book.leads.values():
            if row["state"]:
                self.look_at_item(row)
