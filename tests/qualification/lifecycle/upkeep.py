"""What happens around people: messages, imports, facts, versions, routing, time, the sweep."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from crm.intake.payload import LeadPayload
from crm.intake.upsert import upsert_leads
from crm.models import Account, Activity, ActivityVerdict, InboxMessage, Lead
from qualification import pipeline, sweeps
from qualification.invariants import violations
from qualification.models import Leave, RoutingRule
from tests.qualification import queue_support as rows
from tests.qualification.lifecycle import world
from tests.qualification.lifecycle.book import Row
from tests.qualification.lifecycle.book_facts import TOOL
from tests.qualification.lifecycle.faults import crashing_before
from tests.qualification.lifecycle.walker import HAPPENED, Walker, picks

TITLES = ("VP", "VP", "VP", "Clerk")
INQUIRIES = ("demo_request", "form_submit")
FAULTS = ("", "", "", "", "intake", "follow", "score")
COUNTRIES = ("", "France", "France")
# What else sources say of somebody; a number is always their own.
NAMES, TOOLS = ("Kim", "Toni"), ("Excel", "Paper")
MORE: tuple[dict[str, str], ...] = (
    *({}, {"phone": "own"}, {"first_name": NAMES[0], TOOL: TOOLS[0]}, {"first_name": NAMES[1]}),
    *({TOOL: TOOLS[1]}, {"first_name": NAMES[1], "phone": "own", TOOL: TOOLS[0]}),
)
NEWS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["VP", "Clerk"]),
        "country": st.sampled_from(["Nowhere", "France"]),
        "first_name": st.sampled_from(NAMES),
        "phone": st.just("own"),
        TOOL: st.sampled_from(TOOLS),
    },
)
RESCORE_EVERY = dt.timedelta(hours=6)
# With more leads in one queue the due times are spread, which the book does not do.
MOST_LEADS = 50
SWEEPERS = ("timers", "overdue", "leases", "wakeups")


class Upkeep(Walker):
    """Everything no person of the team does to a lead."""

    def __init__(self) -> None:
        super().__init__()
        # Messages stored and not done: what they say, and when they are due.
        self.pending: dict[int, dict[str, Any]] = {}
        # When the other version went live: the moment of the run over all leads.
        # The version that is live from the start has its run before it yet.
        self.run_at: dt.datetime | None = self.now
        self.births = 0
        # Addresses of people who were erased and want to hear nothing.
        self.left_alone: set[str] = set()

    @initialize(
        titles=st.lists(st.sampled_from(["VP", "VP", "VP", "Clerk"]), min_size=4, max_size=7)
    )
    def a_full_morning(self, titles: list[str]) -> None:
        """Some leads are there from the beginning: they came with one file."""
        self.open_the_doors()
        companies = [world.COMPANIES[place % 3] for place, _ in enumerate(titles)]
        countries = [COUNTRIES[place % 3] for place, _ in enumerate(titles)]
        self.come_in_a_file(companies, titles, countries, outcome="")

    # --- messages ---------------------------------------------------------------------------------

    @rule(
        company=st.sampled_from(world.COMPANIES),
        title=st.sampled_from(TITLES),
        country=st.sampled_from(COUNTRIES),
        kind=st.sampled_from(["form_submit", "demo_request", "visit"]),
        more=st.sampled_from(MORE),
    )
    def arrives(
        self, company: str, title: str, country: str, kind: str, more: dict[str, str]
    ) -> None:
        """A stranger writes; the door never fails a first message here."""
        if self.births >= MOST_LEADS:
            return
        said = {"email": self.new_address(company), "company": company, "title": title}
        said |= {"type": kind} | ({"country": country} if country else {})
        said |= self.own(said["email"], more)
        self.process(self.arrive(said), said)

    def new_address(self, company: str) -> str:
        self.births += 1
        return f"p{self.births}@{company}.com"

    def own(self, address: str, more: dict[str, str]) -> dict[str, str]:
        """What is said of somebody, with their own number."""
        number = int(address.partition("@")[0].removeprefix("p"))
        return {**more, "phone": f"+33123456{number:03d}"} if "phone" in more else more

    @rule(
        number=picks,
        kind=st.sampled_from(["form_submit", "demo_request", "visit"]),
        news=NEWS,
        fault=st.sampled_from(FAULTS),
    )
    def write_again(self, number: int, kind: str, news: dict[str, str], fault: str) -> None:
        """Somebody writes from an address we know, or knew."""
        row = self.pick(number)
        if row is None:
            return
        said = {"email": row["address"], "type": kind} | self.own(row["address"], news)
        message = self.arrive(said)
        if not fault:
            self.process(message, said)
            return
        with crashing_before(fault):
            pipeline.process(message, now=self.now)
        if fault == "score":
            self.take_in(message, said)
        else:
            due = self.now + dt.timedelta(seconds=30)
            self.pending[message] = {"said": said, "due": due, "told_at": self.now}

    def arrive(self, said: dict[str, Any]) -> int:
        attributes = {TOOL.partition(".")[2]: said[TOOL]} if TOOL in said else {}
        plain = {key: value for key, value in said.items() if key != TOOL}
        return world.store(self.world, {**plain, "attributes": attributes}, self.now).pk

    def process(self, message: int, said: dict[str, Any]) -> None:
        done = pipeline.process(message, now=self.now)
        assert done.state == InboxMessage.State.DONE, done.error
        row = self.take_in(message, said)
        self.score(row)
        self.wake(row)

    def take_in(
        self, message: int, said: dict[str, Any], told_at: dt.datetime | None = None
    ) -> Row:
        """The facts of a message, told just now unless it waited, and whether it is an inquiry that
        brings somebody back."""
        address = said["email"]
        found = InboxMessage.objects.values_list("lead_id", flat=True).get(pk=message)
        lead = self.book.addresses.get(address)
        row = self.book.leads[lead] if lead else self.book.born(found, address=address)
        assert found == row["lead"]
        if row["address"] != address:
            HAPPENED["found by the address of a merged lead"] += 1
        if address in self.left_alone and row["stage"] == "new":
            row.update(stage="disqualified", out_at=self.now)
            HAPPENED["left alone after an erasure"] += 1
        self.book.states(row, address, said, told_at or self.now)
        came_by = row["identities"][address]["came_by"]
        happened = {"is_machine": False, "at": self.now, "came_by": came_by, "message": message}
        if said["type"] in ("visit", "demo_request"):
            row["visits" if said["type"] == "visit" else "demos"].append(happened)
        row["is_due"] = True
        asks = said["type"] in INQUIRIES and lead and address not in self.left_alone
        asks = asks and self.book.was_decided(row)
        if asks and self.book.is_old_news(row, told_at or self.now):
            HAPPENED["an inquiry of before the decision"] += 1
        elif asks:
            self.store_score(row)
            row["is_due"] = True
            if self.book.asks_again(row):
                self.enter(row, "reinquiry")
        return row

    def store_score(self, row: Row, *, is_beside: bool = True) -> None:
        self.book.store_score(row, is_beside=is_beside)
        ((row["tier"],),) = world.rows(
            "SELECT tier FROM qualification_leadscore WHERE lead_id = %s", row["lead"]
        )

    def score(self, row: Row, at: dt.datetime | None = None, *, is_beside: bool = True) -> None:
        """Scored, then the line."""
        self.store_score(row, is_beside=is_beside)
        if self.book.line(row, at):
            self.enter(row, "threshold", at)

    # --- facts ------------------------------------------------------------------------------------

    @rule(
        companies=st.lists(st.sampled_from(world.COMPANIES), min_size=1, max_size=3),
        outcome=st.sampled_from(["", "", "won", "lost"]),
    )
    def bulk_import(self, companies: list[str], outcome: str) -> None:
        """A chunk of a file; with an outcome it is history and never queues by its score."""
        if self.births + len(companies) <= MOST_LEADS:
            titles = ["VP"] * len(companies)
            self.come_in_a_file(companies, titles, ["France"] * len(companies), outcome)

    def come_in_a_file(
        self, companies: list[str], titles: list[str], countries: list[str], outcome: str
    ) -> None:
        said = []
        for company, title, country in zip(companies, titles, countries, strict=True):
            address = self.new_address(company)
            values = {"email": address, "company": company, "title": title}
            values |= {"country": country} if country else {}
            values |= self.own(address, MORE[self.births % len(MORE)])
            tool = values.pop(TOOL, "")
            attributes = {TOOL.partition(".")[2]: tool} if tool else {}
            said.append(LeadPayload(str(self.births), values, attributes, outcome=outcome))
        batch = upsert_leads(payloads=said, source=self.world.source, now=self.now)
        pipeline.facts_changed(batch.affected, now=self.now)
        pipeline.score_and_queue(batch.affected, now=self.now)
        made = []
        for payload, result in zip(said, batch.results, strict=True):
            row = self.book.born(
                result.lead.pk,
                address=str(payload.values["email"]),
                stage=outcome or "new",
                has_outcome=bool(outcome),
            )
            self.book.states(row, payload.external_id, payload.statements)
            made.append(row)
        for row in made:
            self.score(row)
        # A chunk that says something new of a company scores its other leads with it.
        known = [self.book.leads[pk] for pk in sorted(batch.affected) if pk in self.book.leads]
        for row in known:
            if row not in made:
                self.score(row)

    @rule(company=st.sampled_from(world.COMPANIES), big=st.booleans())
    def edit_account(self, company: str, big: bool) -> None:
        """Somebody corrects the size of a company: all its leads are due for a score."""
        firm = self.book.firm(company)
        leads = [row for row in self.book.standing() if row["account"] == firm]
        accounts = {
            lead.account_id for lead in Lead.objects.filter(pk__in=[r["lead"] for r in leads])
        }
        Account.objects.filter(pk__in=accounts).update(employees=5000 if big else 5)
        pipeline.facts_changed([row["lead"] for row in leads], now=self.now)
        if leads:
            self.book.is_big[firm] = big
        for row in leads:
            row["is_due"] = True

    @rule(number=picks)
    def machine_visit(self, number: int) -> None:
        """The newest visit turns out to be a machine's."""
        row = self.pick(number, lambda row: bool(row["visits"]))
        if row is None or not row["visits"]:
            return
        newest = max(row["visits"], key=lambda visit: visit["message"])
        if newest["is_machine"]:
            return
        visit = Activity.objects.filter(lead=row["lead"], type="visit").order_by("-pk")[0]
        ActivityVerdict.objects.create(
            activity=visit, is_machine=True, reason="walk", recorded_at=self.now
        )
        pipeline.facts_changed([row["lead"]], now=self.now)
        newest["is_machine"] = True
        row["is_due"] = True

    # --- routing ----------------------------------------------------------------------------------

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
        rows.sweep_queue(now=self.now)
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
            if clock is not None and not clock["paused"] and (clock["next"] or self.now) <= behind:
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
            waited = self.pending.pop(message)
            self.score(self.take_in(message, waited["said"], waited["told_at"]))
        for row in [row for row in self.book.leads.values() if row["is_due"]]:
            self.score(row)
        if self.run_at is not None:
            self.run_over_all()
        self.pauses_end()
        self.clocks_are_looked_at(without)
        if without != "overdue":
            self.breaches_are_followed()
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

    def breaches_are_followed(self) -> None:
        for timer, asked in self.book.to_follow():
            self.book.follows(timer, asked)
            level = asked["level"].partition("_")[0]
            HAPPENED[f"after {level}: {' or '.join(sorted(asked['outcomes']))}"] += 1

    def run_over_all(self) -> None:
        """All leads as of the moment the version went live, their clocks too."""
        at, self.run_at = self.run_at, None
        if at is not None and self.now - at >= RESCORE_EVERY:
            at = None  # nobody went on with it for so long that it begins anew, as of now
        for row in self.book.leads.values():
            if row["is_erased"]:
                continue
            stage = row["stage"]
            self.score(row, at, is_beside=False)
            if stage != row["stage"]:
                HAPPENED[f"the run over all moves a lead: {stage} to {row['stage']}"] += 1

    def leases_end(self) -> None:
        for row in self.book.leads.values():
            if self.book.has_lapsed(row):
                self.book.put_back(row)

    def sleepers_wake(self) -> None:
        for row in self.book.leads.values():
            self.wake(row)

    def wake(self, row: Row) -> None:
        """Back in the queue, where what it sleeps for is there."""
        if row["plan"] is None or not self.wakes(row):
            return
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
