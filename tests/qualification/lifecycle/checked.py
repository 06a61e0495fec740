"""What must be true after each step of a walk, read from the tables."""

from __future__ import annotations

from django.db import connection
from hypothesis.stateful import invariant

from qualification.invariants import INVARIANTS, parameters_at
from tests.qualification.lifecycle import world
from tests.qualification.lifecycle.walker import Walker

# What the next pass of the sweep puts right; after a pass nothing at all may be found.
LATE = (
    "nobody took it back",
    "nobody wrote it down",
    "for five minutes",
    "a score that is too old",
)
# The others in one statement: asking one by one takes most of the time of a walk.
AT_ANY_TIME = " UNION ALL ".join(
    f"SELECT {place}, id FROM ({sql}) AS broken (id)"
    for place, (kind, _, sql) in enumerate(INVARIANTS)
    if not kind.endswith(LATE)
)


class Checked(Walker):
    """The book and the tables say the same, and no invariant is broken."""

    @invariant()
    def every_lead_is_where_it_should_be(self) -> None:
        found = {
            lead: tuple(rest)
            for lead, *rest in world.rows(
                """
                SELECT l.id, l.stage, l.disqualified_by = 'rule', i.id, i.state, i.holder_id,
                    i.score_tenths, i.due_at
                FROM crm_lead AS l LEFT JOIN qualification_reviewitem AS i
                    ON i.lead_id = l.id AND i.state <> 'closed'
                """
            )
        }
        holders = {None: None} | {place: pk for pk, place in self.person_of.items()}
        assert found == {
            lead: (
                row["stage"],
                row["turned_away"],
                row["item"],
                row["state"],
                holders[row["holder"]],
                row["item_score"] if row["state"] else None,
                row["clock"]["due"] if row["state"] else None,
            )
            for lead, row in self.book.leads.items()
        }

    @invariant()
    def a_clock_runs_where_one_should(self) -> None:
        running = world.rows(
            "SELECT lead_id, id, kind FROM qualification_slatimer"
            " WHERE state IN ('running', 'paused') ORDER BY 1"
        )
        assert running == sorted(
            (lead, row["clock"]["timer"], row["clock"]["kind"])
            for lead, row in self.book.leads.items()
            if row["clock"] is not None
        )
        events = world.rows("SELECT timer_id, level, at FROM qualification_slaevent")
        assert set(events) == self.book.events

    @invariant()
    def decisions_are_whole(self) -> None:
        assert not world.rows(
            "SELECT id FROM qualification_decision WHERE kind = 'reject' AND reason_id IS NULL"
        )
        assert not world.rows(
            """
            SELECT d.id FROM qualification_decision AS d
            LEFT JOIN qualification_outboxmessage AS o ON o.decision_id = d.id
            WHERE d.kind = 'accept' GROUP BY d.id HAVING count(o.id) <> 1 + (
                SELECT count(*) FROM qualification_handoffmove AS m
                JOIN qualification_handoff AS h ON h.id = m.handoff_id
                WHERE h.decision_id = d.id)
            """
        )
        asleep = world.rows(
            """
            SELECT lead_id FROM qualification_nurtureplan WHERE state = 'waiting'
              AND latest_on IS NOT NULL
              AND (wake_on IS NOT NULL OR wake_activity <> '' OR wake_score_tenths IS NOT NULL
                OR contract_wake_on IS NOT NULL)
            ORDER BY 1
            """
        )
        planned = sorted(pk for pk, row in self.book.leads.items() if row["plan"] is not None)
        assert [lead for (lead,) in asleep] == planned

    @invariant()
    def nothing_is_forgotten(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(AT_ANY_TIME, parameters_at(self.now))
            found = [(INVARIANTS[place][0], pk) for place, pk in cursor.fetchall()]
        assert found == []
