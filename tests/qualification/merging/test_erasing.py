"""A person known as two leads is erased as one."""

from __future__ import annotations

import pytest
from django.db import connection

from crm.models import Erasure, Lead, Team, User
from qualification.audit.verify import verify
from qualification.exceptions import ErasureRefused, NotMergeable
from qualification.invariants import violations
from qualification.personal.erase import erase_person
from tests.factories import NOW
from tests.qualification import decision_support as hands
from tests.qualification.merging.support import MINUTE, a_lead, did, every_row, merge, undo
from tests.qualification.merging.test_merge_lead import settle

pytestmark = pytest.mark.django_db
LATER = NOW + 20 * MINUTE
SECRET = "quillfeather"


def asked(lead: Lead, by: User) -> Erasure:
    return Erasure.objects.create(
        lead=lead, reference="T-1", reason="asked", asked_at=NOW, asked_by=by
    )


def erase(lead: Lead, by: User) -> Erasure:
    name = Lead.objects.get(pk=lead.pk).name
    return erase_person(erasure=asked(lead, by), confirmed=name, by=by, now=LATER)


def history_says_it() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM crm_leadevent AS e WHERE to_jsonb(e)::text ILIKE %s",
            [f"%{SECRET}%"],
        )
        return bool(cursor.fetchone()[0])


def test_both_rows_say_nothing_afterwards(team: Team, people: dict[str, User]) -> None:
    admin = people["admin"]
    kept = hands.held_item(people["sdr"], title=f"Head of {SECRET}").lead
    part = hands.waiting_item(team, last_name=SECRET.title(), email=f"{SECRET}@x.example").lead
    part_of_part = a_lead(team, city=SECRET)
    did(part)
    hands.answer(part, "budget", admin, value=f"{SECRET} k")
    merge(part, part_of_part, admin)
    merged = merge(kept, part, admin, takes=["answer.budget"])
    settle()
    assert history_says_it()
    erase(kept, admin)
    settle()
    assert SECRET not in str(every_row()).casefold()
    assert not history_says_it()
    assert Lead.objects.filter(erased_at=LATER).count() == 3
    assert violations(now=LATER) == []
    assert verify().breaks == []
    with pytest.raises(NotMergeable, match="erased"):
        undo(merged, admin)
    with pytest.raises(NotMergeable, match="erased"):
        merge(kept, a_lead(team), admin)


def test_a_part_is_not_erased_alone(team: Team, people: dict[str, User]) -> None:
    admin = people["admin"]
    kept, part = a_lead(team), a_lead(team)
    merge(kept, part, admin)
    with pytest.raises(ErasureRefused, match=f"part of {kept.name}"):
        erase(part, admin)
