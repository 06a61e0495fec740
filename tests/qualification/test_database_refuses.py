"""PostgreSQL refuses what must never be, whoever writes it: every move of a lead that is not in
the table, and rows that break a rule. The controls: without its guard each would stand."""

from __future__ import annotations

import itertools

import pytest
from django.db import DatabaseError, connection, transaction

from crm.models import Lead, User
from crm.stages import Stage, allowed_pairs
from qualification.choices import ItemState
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import accepted, held_item, nurtured, rejected
from tests.qualification.lifecycle.by_hand import BREACHES, Breach, names_what_refused, written

# A way to every stage, by moves that are allowed.
WAYS: dict[str, tuple[str, ...]] = {
    "new": (),
    "mql": ("mql",),
    "working": ("mql", "working"),
    "sql": ("mql", "working", "sql"),
    "nurture": ("mql", "working", "nurture"),
    "opportunity": ("mql", "working", "sql", "opportunity"),
    "won": ("mql", "working", "sql", "opportunity", "won"),
    "lost": ("mql", "working", "sql", "lost"),
    "disqualified": ("disqualified",),
}
PAIRS = [pair for pair in itertools.product(WAYS, WAYS) if pair[0] != pair[1]]


def moved(lead: int, to: str) -> bool:
    """Whether PostgreSQL lets the lead go there."""
    by_whom = "person" if to == "disqualified" else ""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE crm_lead SET stage = %s, disqualified_by = %s WHERE id = %s",
                [to, by_whom, lead],
            )
    except DatabaseError:
        return False
    return True


def lead_in(stage: str) -> int:
    lead = factories.LeadFactory()
    assert all(moved(lead.pk, step) for step in WAYS[stage])
    return lead.pk


@pytest.mark.django_db
def test_a_lead_moves_along_the_table_and_no_other_way() -> None:
    assert set(WAYS) == set(Stage.values)
    let = {(start, end) for start, end in PAIRS if moved(lead_in(start), end)}
    assert let == set(allowed_pairs())
    assert len(PAIRS) - len(let) == 53


@pytest.mark.django_db
def test_control_without_the_trigger_it_moves_anywhere() -> None:
    ready = [(lead_in(start), end) for start, end in PAIRS]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE crm_lead DISABLE TRIGGER USER")
    assert all(moved(lead, end) for lead, end in ready)


@pytest.mark.django_db
@pytest.mark.parametrize("stage", sorted(set(Stage.values) - {"new", "won", "lost"}))
def test_nobody_is_born_in_the_midst_of_it(stage: str) -> None:
    with pytest.raises(DatabaseError, match="Cannot insert"), transaction.atomic():
        factories.LeadFactory(stage=stage)
    assert not Lead.objects.exists()


@pytest.fixture
def everything(people: dict[str, User]) -> None:
    """Somebody waits, is claimed, owned, rejected, asleep and handed over."""
    sdr = people["sdr"]
    rows.waiting_item(team=sdr.team)
    held_item(sdr)
    held_item(sdr, ItemState.OWNED)
    rejected(sdr)
    nurtured(sdr)
    accepted(people)


def weaken(breach: Breach, refused: DatabaseError) -> None:
    """Takes away what refused it."""
    name = refused.__cause__.diag.constraint_name  # type: ignore[union-attr]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if not name:
            cursor.execute(f"ALTER TABLE {breach.table} DISABLE TRIGGER USER")
            return
        cursor.execute("SELECT 1 FROM pg_constraint WHERE conname = %s", [name])
        drop = f"ALTER TABLE {breach.table} DROP CONSTRAINT" if cursor.rowcount else "DROP INDEX"
        cursor.execute(f"{drop} {name}")


@pytest.mark.django_db
@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("name", BREACHES)
def test_it_refuses(name: str) -> None:
    breach = BREACHES[name]
    _, refused = written(breach)
    assert refused is not None
    # The control: without what refused it (a row may break two rules) it would stand.
    said = []
    count = 0
    while refused is not None and len(said) < 3:
        said.append(refused)
        weaken(breach, refused)
        count, refused = written(breach)
    assert count > 0, said
    assert any(names_what_refused(breach, each) for each in said), said
