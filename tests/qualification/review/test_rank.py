"""One order everywhere: bucket, tier, score descending, due, id."""

import datetime as dt
import random

import pytest

from crm.models import Team, User
from qualification.models import ReviewItem
from qualification.review import pages
from qualification.review.next_lead import claim_next
from tests.qualification import queue_support as rows

NOW = rows.NOW


def shuffled_items(team: Team, count: int = 40) -> list[ReviewItem]:
    """Items with every kind of tie in the rank."""
    chance = random.Random(7)
    for pk in rows.many_waiting(count, team):
        ReviewItem.objects.filter(pk=pk).update(
            bucket=chance.randrange(3),
            tier_rank=chance.randrange(5),
            score_tenths=chance.choice([400, 500]),
            due_at=NOW + dt.timedelta(hours=chance.randrange(2)),
        )
    return list(ReviewItem.objects.all())


def by_hand(item: ReviewItem) -> tuple[object, ...]:
    return (item.bucket, item.tier_rank, -item.score_tenths, item.due_at, item.pk)


@pytest.mark.django_db
def test_list_next_and_pages_agree_with_the_rule(
    people: dict[str, User], team: Team, settings: object
) -> None:
    expected = [item.pk for item in sorted(shuffled_items(team), key=by_hand)]
    assert [item.pk for item in ReviewItem.objects.ranked()] == expected
    sdr = people["sdr"]
    seen, cursor = [], ""
    while True:
        page = pages.queue_page(sdr, pages.queue_items(sdr), now=NOW, after=cursor, length=7)
        seen += [row.item.pk for row in page.rows]
        cursor = page.older
        if not cursor:
            break
    assert seen == expected
    claimed = [claim_next(by=sdr, now=NOW) for _ in range(5)]
    assert [item.pk for item in claimed if item] == expected[:5]


@pytest.mark.django_db
def test_pages_go_back_the_way_they_came(people: dict[str, User], team: Team) -> None:
    shuffled_items(team)
    sdr = people["sdr"]
    items = pages.queue_items(sdr)
    first = pages.queue_page(sdr, items, now=NOW, length=15)
    second = pages.queue_page(sdr, items, now=NOW, length=15, after=first.older)
    last = pages.queue_page(sdr, items, now=NOW, length=15, after=second.older)
    assert (first.newer, last.older, len(last.rows)) == ("", "", 10)
    back = pages.queue_page(sdr, items, now=NOW, length=15, before=last.newer)
    assert [row.item for row in back.rows] == [row.item for row in second.rows]
    start = pages.queue_page(sdr, items, now=NOW, length=15, before=second.newer)
    assert [row.item for row in start.rows] == [row.item for row in first.rows]
    assert start.newer == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor", ["x", "e30", "WzEsMl0", "-", "é", "W251bGwsMSwxLDEsMV0", "A" * 500]
)
def test_a_cursor_tampered_with_shows_the_first_page(
    people: dict[str, User], team: Team, cursor: str
) -> None:
    rows.many_waiting(3, team)
    sdr = people["sdr"]
    page = pages.queue_page(sdr, pages.queue_items(sdr), now=NOW, after=cursor)
    assert len(page.rows) == 3
