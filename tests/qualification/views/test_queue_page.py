"""The queue page: rows in rank order, filters, pages, pulse, empty states."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from crm.models import Team, User
from qualification.models import ReviewItem, ScoringModel
from qualification.review import pages
from qualification.review.claims import claim_item, release_item
from tests import factories
from tests.qualification.queue_support import many_waiting

pytestmark = pytest.mark.django_db
QUEUE = "/queue/"
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def names(html: str) -> list[str]:
    return re.findall(r'class="lead-link"[^>]*>([^<]+)<', html)


def test_it_shows_rows_in_rank_order(sdr: Client, waiting: Make) -> None:
    waiting(450, first_name="Low", last_name="Score")
    waiting(900, first_name="High", last_name="Score")
    waiting(500, tier="hot", first_name="Hot", last_name="Tier")
    html = sdr.get(QUEUE).content.decode()
    assert names(html) == ["Hot Tier", "High Score", "Low Score"]


def test_it_says_why_a_lead_is_here(sdr: Client, waiting: Make) -> None:
    waiting()
    assert "+20.0</span>VP" in sdr.get(QUEUE).content.decode()


def test_it_hides_other_teams(
    sdr: Client, waiting: Make, login: Callable[[User], Client], stranger: User
) -> None:
    waiting(first_name="Only", last_name="Ours")
    assert names(login(stranger).get(QUEUE).content.decode()) == []


def test_it_counts_claims_and_waiting(sdr: Client, waiting: Make, claimed: Make) -> None:
    waiting()
    claimed()
    html = sdr.get(QUEUE).content.decode()
    assert '<b class="num">1</b>' in html
    assert '<span class="pill">1</span>' in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=tallgrass", ["Marcus Oyelaran"]),
        ("q=marcus+tall", ["Marcus Oyelaran"]),
        ("tier=hot", ["Marcus Oyelaran"]),
        ("owner=nobody", ["Marcus Oyelaran", "Ingrid Halvorsen"]),
        ("owner=me", ["Sophie Lambert"]),
        ("owner=held", []),
        ("sla=breached", []),
        ("owner=nobody&q=ingrid", ["Ingrid Halvorsen"]),
        ("tier=none-such", []),
    ],
)
def test_it_filters(
    sdr: Client, waiting: Make, claimed: Make, query: str, found: list[str]
) -> None:
    waiting(tier="hot", first_name="Marcus", last_name="Oyelaran", company_name="Tallgrass Foods")
    waiting(first_name="Ingrid", last_name="Halvorsen")
    claimed(first_name="Sophie", last_name="Lambert")
    response = sdr.get(f"{QUEUE}?{query}")
    shown = names(response.content.decode())
    if query == "tier=none-such":
        assert len(shown) == 3
    else:
        assert shown == found


def test_it_finds_the_source_and_the_breached(
    sdr: Client, waiting: Make, here: dt.datetime
) -> None:
    first = waiting(first_name="Late", last_name="One")
    waiting(first_name="Good", last_name="One")
    ReviewItem.objects.filter(pk=first.pk).update(due_at=here - dt.timedelta(minutes=3))
    assert names(sdr.get(f"{QUEUE}?sla=breached").content.decode()) == ["Late One"]
    of_source = sdr.get(f"{QUEUE}?source={first.lead.source_id}").content.decode()
    assert names(of_source) == ["Late One"]


def test_it_answers_htmx_with_the_body_only(sdr: Client, waiting: Make) -> None:
    waiting()
    response = sdr.get(QUEUE, headers={**HTMX, "HX-Target": "queue-body"})
    html = response.content.decode()
    assert "<html" not in html
    assert 'id="queue-rows"' in html
    assert 'id="sla-summary"' in html
    assert 'hx-swap-oob="true"' in html


def links(html: str) -> list[str]:
    return re.findall(r'class="lead-link" href="([^"]+)"', html)


def test_it_pages_by_rank(sdr: Client, team: Team) -> None:
    many_waiting(2 * pages.PAGE_LENGTH + 3, team)
    first = sdr.get(QUEUE).content.decode()
    shown, url = links(first), QUEUE
    older = re.search(r'href="(/queue/\?after=[^"]+)"', first)
    while older is not None:
        url = older[1]
        html = sdr.get(url).content.decode()
        shown += links(html)
        older = re.search(r'href="(/queue/\?after=[^"]+)"', html)
    ranked = ReviewItem.objects.ranked().values_list("lead_id", flat=True)
    assert shown == [f"/leads/{pk}/" for pk in ranked]
    newer = re.search(r'href="(/queue/\?before=[^"]+)"', sdr.get(url).content.decode())
    assert newer is not None
    back = links(sdr.get(newer[1]).content.decode())
    assert back == shown[pages.PAGE_LENGTH : 2 * pages.PAGE_LENGTH]


@pytest.mark.parametrize("cursor", ["nonsense", "eyJr", "%00", "W10"])
def test_it_starts_over_on_a_cursor_it_cannot_read(sdr: Client, waiting: Make, cursor: str) -> None:
    waiting(first_name="Still", last_name="There")
    response = sdr.get(f"{QUEUE}?after={cursor}")
    assert names(response.content.decode()) == ["Still There"]


def test_it_says_queue_clear(sdr: Client, team: Team, live_model: ScoringModel) -> None:
    factories.LeadFactory(team=team)
    html = sdr.get(QUEUE).content.decode()
    assert "Queue clear" in html
    assert "disabled" in html


def test_it_offers_to_clear_filters(sdr: Client, waiting: Make) -> None:
    waiting()
    html = sdr.get(f"{QUEUE}?q=nobody-like-this").content.decode()
    assert "No lead matches" in html
    assert "Clear filters" in html


def pulse_of(html: str) -> str:
    found = re.search(r'id="queue-pulse" hx-get="([^"]+)"', html)
    assert found is not None
    return found[1].replace("&amp;", "&")


def test_its_pulse_stays_quiet_while_nothing_changes(sdr: Client, waiting: Make) -> None:
    item = waiting()
    html = sdr.get(pulse_of(sdr.get(QUEUE).content.decode()), headers=HTMX).content.decode()
    assert f'id="own-{item.pk}"' not in html
    assert 'id="sla-summary"' in html


def test_its_pulse_brings_the_new_owner_and_never_rows(
    sdr: Client, waiting: Make, colleague: User, here: dt.datetime
) -> None:
    item = waiting()
    url = pulse_of(sdr.get(QUEUE).content.decode())
    claim_item(item=item, by=colleague, now=here)
    html = sdr.get(url, headers=HTMX).content.decode()
    assert f'id="own-{item.pk}" data-token="2" hx-swap-oob="true"' in html
    assert "Aisha" in html
    assert "<tr" not in html


def test_its_pulse_counts_new_leads(sdr: Client, waiting: Make, here: dt.datetime) -> None:
    waiting()
    url = pulse_of(sdr.get(QUEUE).content.decode())
    for _ in range(3):
        new = waiting()
        ReviewItem.objects.filter(pk=new.pk).update(entered_at=here + dt.timedelta(seconds=30))
    assert "3 new" in sdr.get(url, headers=HTMX).content.decode()


def test_its_pulse_survives_nonsense(sdr: Client) -> None:
    url = reverse("qualification:queue-pulse")
    response = sdr.get(f"{url}?rows=x,,9-9,-&since=yesterday", headers=HTMX)
    assert response.status_code == 200


def test_its_queries_do_not_grow_with_the_rows(
    sdr: Client,
    waiting: Make,
    people: dict[str, User],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(8):
        waiting(account=factories.AccountFactory())
    sdr.get(QUEUE)  # a process reads each calendar and the live rules once
    with django_assert_max_num_queries(12):
        sdr.get(QUEUE)


def test_it_shows_a_released_lead_as_free(
    sdr: Client, claimed: Make, people: dict[str, User], here: dt.datetime
) -> None:
    item = claimed()
    release_item(item=item, by=people["sdr"], now=here)
    assert "Claim" in sdr.get(QUEUE).content.decode()


@pytest.mark.parametrize("place", ["after", "before"])
def test_it_survives_a_cursor_that_nests_deeply(sdr: Client, place: str) -> None:
    bomb = base64.urlsafe_b64encode(b"[" * 2900).decode()
    assert sdr.get(f"{QUEUE}?{place}={bomb}").status_code == 200


@pytest.mark.parametrize(
    "query", [{"since": "2026-13-45T00:00:00"}, {"rows": "9" * 5000}, {"since": "\x00"}]
)
def test_its_pulse_survives_days_and_numbers_that_cannot_be(
    sdr: Client, query: dict[str, str]
) -> None:
    response = sdr.get(reverse("qualification:queue-pulse"), query, headers=HTMX)
    assert response.status_code == 200


@pytest.mark.parametrize("zone", ["America", "../x", "", "Nowhere/City"])
def test_it_shows_utc_to_a_reader_whose_zone_is_none(
    sdr: Client, people: dict[str, User], zone: str
) -> None:
    User.objects.filter(pk=people["sdr"].pk).update(time_zone=zone)
    assert sdr.get(QUEUE).status_code == 200


def test_a_segment_narrows_the_list_and_is_a_tab(sdr: Client, waiting: Make) -> None:
    waiting(account=factories.AccountFactory(country="Austria"), first_name="Alma")
    waiting(account=factories.AccountFactory(country="Chile"), first_name="Carlos")
    page = sdr.get("/queue/?segment=dach").content.decode()
    assert "Alma" in page
    assert "Carlos" not in page
    assert '<a href="/queue/?segment=dach" aria-current="true">DACH</a>' in page
    assert '<input type="radio" name="segment" value="dach" checked>' in page
    assert "Carlos" in sdr.get("/queue/?segment=nowhere").content.decode()


def test_a_manager_sees_which_leads_are_held_and_why(
    waiting: Make, people: dict[str, User], login: Callable[[User], Client]
) -> None:
    """Who may take any lead still has to see that nobody else can take this one."""
    item = waiting(first_name="Ingrid", last_name="Halvorsen")
    waiting(first_name="Marcus", last_name="Oyelaran")
    why = "Nobody of “Seniors” can take it now"
    ReviewItem.objects.filter(pk=item.pk).update(hold_reason=why)
    client = login(people["manager"])
    page = client.get(f"{QUEUE}?owner=held").content.decode()
    assert names(page) == ["Ingrid Halvorsen"]
    assert f'title="{why}"' in page
    assert f"Held: {why}. Claim it, or give" in client.get(f"/leads/{item.lead_id}/").text
