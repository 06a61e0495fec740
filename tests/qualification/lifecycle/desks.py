"""Where accepted leads go and what comes back: an AE, the desk of another team, a partner by a
signed link; another desk; what became of a deal."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from crm.models import Outcome, User
from qualification.connectors.base import ToldOutcome
from qualification.handoff.answers import return_handoff, take_handoff
from qualification.handoff.moves import move_handoff
from qualification.handoff.partner_links import answer_by_link, token_for
from qualification.models import Handoff, Target
from qualification.outcomes.record import record_outcome
from tests.qualification.lifecycle.book import LINK_LASTS, Row
from tests.qualification.lifecycle.claims import Claims
from tests.qualification.lifecycle.walker import HAPPENED, crashes, is_handed_over, picks, where

DESKS = ("ae:0", "ae:1", "team", "team", "partner", "partner")
# The stages a deal takes a lead through, by where it stands.
DEALS = {
    ("sql", "opportunity"): "opportunity",
    ("sql", "won"): "won",
    ("sql", "lost"): "lost",
    ("opportunity", "won"): "won",
    ("opportunity", "lost"): "lost",
}
# Mostly whoever it was handed to answers, now and then an AE it was not handed to.
theirs = st.sampled_from([True] * 5 + [False])


def is_a_deal(row: Row) -> bool:
    return row["stage"] in ("sql", "opportunity")


class Desks(Claims):
    """What happens to a lead behind the accept."""

    def target(self, desk: str) -> Target:
        """Whom the book means."""
        if desk == "team":
            return self.world.desk
        return self.world.partner if desk == "partner" else self.world.aes[int(desk[-1])]

    def lacks(self, row: Row, desk: str) -> str:
        """The name of the refusal where something such a desk needs is not known."""
        needs_consent, needs_country = desk == "partner", desk in ("partner", "team")
        is_silent = needs_consent and not self.book.consents(row)
        is_nowhere = needs_country and not row["country"]
        return "" if not (is_silent or is_nowhere) else "DestinationIncomplete"

    def lies_on(self, row: Row, desk: str, **changed: Any) -> None:
        """On another desk, under a clock of its own; the links to it from before are dead."""
        row.update(desk=desk, since=self.now, **changed)
        HAPPENED[f"on the desk of {desk.partition(':')[0]}"] += 1
        self.start_clock(row, "handoff_acceptance")
        handoff = self.newest_handoff(row)
        if desk == "partner" and handoff is not None:
            row["link"] = token_for(handoff)

    def newest_handoff(self, row: Row | None) -> Handoff | None:
        lead = row["lead"] if row else None
        return Handoff.objects.filter(lead=lead).order_by("-pk").first()

    def who_answers(self, row: Row, is_theirs: bool) -> User:
        """An AE of the desk, or of another one."""
        own = {"ae:0": 0, "ae:1": 1, "team": 2, "partner": 2}[row["desk"]]
        return self.world.aes[own if is_theirs else (own + 1) % 3]

    def why_not_answer(self, row: Row, is_theirs: bool) -> str:
        """The name of the refusal; blank when the answer counts."""
        if row["desk"] == "partner" and is_theirs:
            if self.now >= row["since"] + LINK_LASTS:
                return "LinkInvalid"
        elif not is_theirs or row["desk"] == "partner":
            return "NotHolder"
        return "" if row["handoff"] == "waiting" else "HandoffAnswered"

    @rule(number=picks, is_theirs=theirs, crash=crashes)
    @where(is_handed_over)
    def take(self, number: int, is_theirs: bool, crash: bool) -> None:
        row = self.pick(number, is_handed_over)
        handoff = self.newest_handoff(row)
        if row is None or handoff is None:
            return
        is_by_link = row["desk"] == "partner" and is_theirs
        ae = self.who_answers(row, is_theirs)

        def door() -> Handoff:
            if is_by_link:
                return answer_by_link(token=token_for(handoff), takes=True, now=self.now)
            return take_handoff(handoff=handoff, by=ae, now=self.now)

        found = self.through("take", door, refusal=self.why_not_answer(row, is_theirs), crash=crash)
        if found is not None:
            self.book.settle(row)
            row.update(handoff="accepted", clock=None)
            HAPPENED[f"taken by {row['desk'].partition(':')[0]}"] += 1
            assert found.ae_id == (None if is_by_link else ae.pk)

    @rule(number=picks, is_theirs=theirs, crash=crashes)
    @where(is_handed_over)
    def give_back(self, number: int, is_theirs: bool, crash: bool) -> None:
        row = self.pick(number, is_handed_over)
        handoff = self.newest_handoff(row)
        if row is None or handoff is None:
            return
        why = "Not my region."
        is_by_link = row["desk"] == "partner" and is_theirs

        def door() -> Handoff:
            if is_by_link:
                token = token_for(handoff)
                return answer_by_link(token=token, takes=False, reason=why, now=self.now)
            ae = self.who_answers(row, is_theirs)
            return return_handoff(handoff=handoff, by=ae, reason=why, now=self.now)

        found = self.through(
            "return", door, refusal=self.why_not_answer(row, is_theirs), crash=crash
        )
        if found is not None:
            self.book.settle(row)
            row["handoff"] = "returned"
            HAPPENED[f"returned by {row['desk'].partition(':')[0]}"] += 1
            self.enter(row, "returned")

    @rule(number=picks, to=st.sampled_from(DESKS), crash=crashes)
    @where(is_handed_over)
    def move_desk(self, number: int, to: str, crash: bool) -> None:
        row = self.pick(number, is_handed_over)
        handoff = self.newest_handoff(row)
        if row is None or handoff is None:
            return
        refusal = "DecisionIncomplete" if to == row["desk"] else self.lacks(row, to)
        refusal = refusal if row["handoff"] == "waiting" else "HandoffAnswered"
        link = row["link"] if row["desk"] == "partner" else None
        found = self.through(
            "move",
            lambda: move_handoff(
                handoff=handoff,
                to=self.target(to),
                by=self.world.manager,
                reason="On leave",
                now=self.now,
            ),
            refusal=refusal,
            crash=crash and not refusal,
        )
        if found is not None:
            self.book.settle(row)
            self.lies_on(row, to)
            if link is not None:
                self.through(
                    "old link",
                    lambda: answer_by_link(token=link, takes=True, now=self.now),
                    refusal="LinkInvalid",
                )

    @rule(number=picks, value=st.sampled_from(["opportunity", "won", "lost"]), crash=crashes)
    @where(is_a_deal)
    def outcome(self, number: int, value: str, crash: bool) -> None:
        """The CRM says what came of a lead: of any it is kept, only deals move; of a merged one it
        means the one it is part of."""
        picked = self.pick(number, is_a_deal)
        if picked is None:
            return
        row = self.book.leads[picked["merged_into"] or picked["lead"]]
        told = ToldOutcome(
            external_id=f"deal-{Outcome.objects.count()}",
            value=value,
            occurred_at=self.now,
            lead_ref=f"lead:{picked['lead']}",
        )
        found = self.through(
            "outcome",
            lambda: record_outcome(told=told, source=self.world.source, now=self.now),
            crash=crash,
        )
        if found is None:
            return
        assert found.is_new
        assert found.is_matched
        row["has_outcome"] = True
        stage = DEALS.get((row["stage"], value))
        if stage is not None:
            if row["handoff"] == "waiting":
                self.book.settle(row)
                row.update(handoff="accepted", clock=None)
            row.update(stage=stage, out_at=self.now)
