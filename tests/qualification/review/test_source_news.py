"""Marketing hears what became of the leads of a source; an undo unsays it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client

from crm.models import User
from qualification.models import Decision, Notice
from qualification.notices.reads import shown_to
from qualification.review.decisions import overturn_rejection, reject_lead, undo_decision
from qualification.review.source_news import rejected_this_month
from tests import factories
from tests.factories import NOW
from tests.qualification.decision_support import MINUTE, held_item, reason

LATER = NOW + 5 * MINUTE
pytestmark = pytest.mark.django_db


def rejected(people: dict[str, User], *, tells: bool = True, now: dt.datetime = LATER) -> Decision:
    fair = factories.SourceFactory(name="Trade fair")
    item = held_item(people["sdr"], source=fair, last_name="Secretperson")
    return reject_lead(
        item=item,
        token=item.token,
        by=people["sdr"],
        reason=reason("poor_source"),
        tells_marketing=tells,
        now=now,
    )


def test_it_tells_source_and_reason_and_nobodys_name(people: dict[str, User]) -> None:
    rejected(people)
    notice = Notice.objects.get(kind="source_rejected")
    assert (notice.person, notice.lead) == (people["marketing"], None)
    (shown,) = shown_to(people["marketing"], [notice])
    assert shown.sentence == (
        "A lead from Trade fair was rejected: Poor source. 1 from there this month."
    )
    assert "Secretperson" not in str(notice.words)


def test_nobody_is_told_without_being_asked_to(people: dict[str, User]) -> None:
    rejected(people, tells=False)
    assert not Notice.objects.filter(kind="source_rejected").exists()


def test_mail_waits_and_an_undo_unsays_it(people: dict[str, User]) -> None:
    decision = rejected(people)
    due = Notice.objects.values_list("due_at", flat=True).get(kind="source_rejected")
    assert due is None or due == LATER + dt.timedelta(seconds=30)
    undo_decision(decision=decision, by=people["sdr"], now=LATER)
    assert not Notice.objects.filter(kind="source_rejected").exists()
    assert rejected_this_month(decision.lead.source_id, now=LATER) == 0


def test_it_counts_what_stands_since_the_first_of_the_month(people: dict[str, User]) -> None:
    decision = rejected(people)
    source = decision.lead.source_id
    assert rejected_this_month(source, now=LATER) == 1
    assert rejected_this_month(source, now=dt.datetime(2026, 12, 1, 1, tzinfo=dt.UTC)) == 0
    overturn_rejection(decision=decision, by=people["manager"], note="Look again", now=LATER)
    assert rejected_this_month(source, now=LATER) == 0


def test_the_dialog_asks_and_tells(people: dict[str, User], client: Client) -> None:
    fair = factories.SourceFactory(name="Trade fair")
    item = held_item(people["sdr"], source=fair)
    client.force_login(people["sdr"])
    url = f"/leads/{item.lead_id}/reject/"
    assert "Trade fair: 0 rejected this month" in client.get(url).content.decode()
