"""What the queue page and My work read: right rows, few queries, filters that narrow."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import AccountDomain, Lead, Team, User
from qualification.choices import TouchKind, TouchResult
from qualification.filters import QueueFilter
from qualification.models import ReviewItem, ScoringRule
from qualification.review import counts as numbers
from qualification.review import my_work, pages
from qualification.review.claims import claim_item
from qualification.review.touches import log_touch, snooze_item
from qualification.scoring import versions
from tests import factories
from tests.qualification import queue_support as rows

NOW = rows.NOW


def filtered(user: User, **data: str) -> list[ReviewItem]:
    found = QueueFilter(data, pages.queue_items(user), reader=user, now=NOW)
    return [row.item for row in pages.queue_page(user, found.qs, now=NOW).rows]


def owned(user: User, at: dt.datetime | None, task: str = "Call") -> ReviewItem:
    item = claim_item(item=rows.waiting_item(), by=user, now=NOW - rows.minutes(60))
    start = NOW - rows.minutes(60)
    log_touch(item=item, by=user, kind=TouchKind.CALL, result=TouchResult.SPOKE, now=start)
    if at is not None:
        snooze_item(item=item, by=user, until=at, task=task, now=start)
    return item


def live_rules() -> None:
    """Rules on a live version: written while it is a draft."""
    model = rows.active_model(status="draft", published_at=None, published_as="")
    for position, (name, points, country) in enumerate(
        [("Small", "2.0", "de"), ("Good country", "9.0", "de"), ("Rival", "-6.5", "de")]
    ):
        ScoringRule.objects.create(
            model=model,
            key=f"r{position}",
            position=position,
            name=name,
            dimension="fit",
            points=points,
            condition={"subject": "lead.country", "op": "is", "value": country},
        )
    type(model).objects.filter(pk=model.pk).update(
        status="active", published_at=NOW, published_as="operator"
    )


@pytest.mark.django_db
def test_rows_carry_everything_in_a_bounded_number_of_queries(
    people: dict[str, User], team: Team
) -> None:
    live_rules()
    sdr = people["sdr"]
    numbers.summary_of(sdr, now=NOW)  # roles are read once per request
    counts = []
    for size in (1, 3, 30):  # the first compiles the rules, once a thread
        rows.many_waiting(size, factories.TeamFactory(name=f"T{size}"))
        Lead.objects.update(country="DE", account=factories.AccountFactory(), team=team)
        ReviewItem.objects.update(team=team)
        with CaptureQueriesContext(connection) as queries:
            found = QueueFilter({}, pages.queue_items(sdr), reader=sdr, now=NOW)
            page = pages.queue_page(sdr, found.qs, now=NOW, model=versions.active_model())
            drawn = [
                (row.lead.name, row.score.grade, row.account_line, row.holder, row.lead.source.name)
                for row in page.rows
                if row.score
            ]
            menus = found.menus
            numbers.summary_of(sdr, now=NOW)
        assert len(drawn) == len(page.rows) == min(size, pages.PAGE_LENGTH)
        assert [menu.name for menu in menus] == ["tier", "source", "sla", "segment", "owner"]
        counts.append(len(queries))
        Lead.objects.update(email_key=None)
        ReviewItem.objects.filter(state="waiting").update(
            state="closed", close_reason="merged", closed_at=NOW
        )
    assert counts[1] == counts[2] <= 12, counts


@pytest.mark.django_db
def test_why_here_is_the_strongest_good_line_and_the_strongest_other(
    people: dict[str, User],
) -> None:
    live_rules()
    item = rows.waiting_item(country="DE")
    sdr, model = people["sdr"], versions.active_model()
    (row,) = pages.queue_page(sdr, pages.queue_items(sdr), now=NOW, model=model).rows
    assert row.item == item
    assert [(line.name, line.points_tenths) for line in row.why] == [
        ("Good country", 90),
        ("Rival", -65),
    ]


@pytest.mark.django_db
def test_only_what_is_in_sight(people: dict[str, User]) -> None:
    mine = rows.waiting_item()
    theirs = rows.waiting_item(team=factories.TeamFactory(name="US"))
    assert filtered(people["sdr"]) == [mine]
    assert set(filtered(people["admin"])) == {mine, theirs}
    assert filtered(people["marketing"]) == []


@pytest.mark.django_db
def test_filters_narrow(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    account = factories.AccountFactory(name="Tallgrass Foods")
    AccountDomain.objects.create(account=account, domain="tallgrass.example")
    hot = rows.waiting_item(tier="hot", first_name="Marcus", account=account)
    warm = rows.waiting_item(tier="warm", company_name="Polmed")
    taken = claim_item(item=rows.waiting_item(tier="cold"), by=sdr, now=NOW)
    for word in ("marcus", "tallgrass foods", "Tallgrass.ex", hot.lead.email):
        assert filtered(sdr, q=word) == [hot], word
    assert filtered(sdr, q="POLMED") == [warm]
    assert filtered(sdr, q="%") == []
    assert filtered(sdr, tier="warm") == [warm]
    assert filtered(sdr, source=str(warm.lead.source_id)) == [warm]
    assert filtered(sdr, owner="me") == filtered(people["manager"], owner=str(sdr.pk)) == [taken]
    assert filtered(sdr, owner="nobody") == [hot, warm]
    assert len(filtered(sdr, tier="nonsense", source="x", owner="99999999999999999999")) == 3


@pytest.mark.django_db
def test_the_summary_counts_what_the_filters_show(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    for minute in (-70, -50, -1, 0):
        rows.waiting_item(tier="warm", now=NOW + rows.minutes(minute))
    owned(sdr, None)
    summary = numbers.summary_of(sdr, now=NOW)
    assert (summary.open, summary.waiting, summary.mine) == (5, 4, 1)
    for state in ("breached", "warn", "ok", "paused"):
        assert len(filtered(sdr, sla=state)) == getattr(summary, state)
    assert (summary.breached, summary.warn, summary.ok, summary.paused) == (1, 1, 2, 0)


@pytest.mark.django_db
def test_my_work_by_what_comes_next(people: dict[str, User]) -> None:
    sdr = people["sdr"]
    expected = {
        "claimed": claim_item(item=rows.waiting_item(), by=sdr, now=NOW),
        "due": owned(sdr, NOW - rows.minutes(5)),
        "none": owned(sdr, None),
        "snoozed": owned(sdr, NOW + rows.minutes(5)),
    }
    claim_item(item=rows.waiting_item(), by=people["manager"], now=NOW)
    my_work.my_work(sdr, now=NOW)  # calendars are read once per process
    with CaptureQueriesContext(connection) as queries:
        work = my_work.my_work(sdr, now=NOW)
        assert {part.key: [row.item for row in part.rows] for part in work.sections} == {
            **{key: [] for key in ("waiting", "overdue", "today", "later")},
            **{key: [item] for key, item in expected.items()},
        }
        assert [row.company for part in work.sections for row in part.rows]
    assert len(queries) == 2
    assert (work.n_owned, work.n_due, work.is_empty) == (3, 1, False)
    assert my_work.my_work(people["ae"], now=NOW).is_empty
