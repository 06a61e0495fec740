"""The lead page: what it shows to whom, in a bounded number of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from crm.models import Activity, ActivityVerdict, User
from qualification.feedback.disputes import dispute_line
from qualification.models import Criterion, Framework, ReviewItem, ScoringRule
from qualification.review import timeline
from qualification.review.checklists import record_answer
from qualification.review.decisions import reject_lead
from tests import factories
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def page(client: Client, item: ReviewItem, **query: str) -> str:
    response = client.get(f"/leads/{item.lead_id}/", query)
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_lead_score_and_questions(sdr: Client, claimed: Make) -> None:
    html = page(sdr, claimed(first_name="Hannah", last_name="Vogel"))
    for part in (
        "Hannah Vogel",
        "Why this score",
        "+20.0",
        "Journey",
        "Ask next",
        "Claimed by you",
    ):
        assert part in html
    assert "4 required answers open" in html


def test_its_lines_add_up_to_the_total_it_prints(sdr: Client, claimed: Make) -> None:
    html = page(sdr, claimed())
    assert "+10.0" in html
    assert ">30.0<" in html


def test_it_is_read_only_for_everybody_but_the_holder(
    sdr: Client, claimed: Make, colleague: User
) -> None:
    html = page(sdr, claimed(by=colleague))
    assert "Aisha" in html
    assert "Read only" in html
    assert "/reject/" not in html
    assert 'id="ask"' not in html


def test_it_offers_to_claim_a_waiting_lead(sdr: Client, waiting: Make) -> None:
    html = page(sdr, waiting())
    assert "Claim it to work on it" in html
    assert "/claim/" in html


def test_it_treats_a_claim_that_ran_out_as_free(
    sdr: Client, claimed: Make, here: dt.datetime
) -> None:
    item = claimed()
    ReviewItem.objects.filter(pk=item.pk).update(lease_until=here - dt.timedelta(seconds=1))
    assert "ran out" in page(sdr, item)


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_managers_may_give_it_to_somebody(
    login: Callable[[User], Client], people: dict[str, User], claimed: Make, role: str
) -> None:
    assert "/reassign/" in page(login(people[role]), claimed())


def test_it_is_a_404_for_another_team(
    login: Callable[[User], Client], stranger: User, claimed: Make
) -> None:
    client = login(stranger)
    absent = client.get("/leads/987654321/")
    hidden = client.get(f"/leads/{claimed().lead_id}/")
    assert (absent.status_code, hidden.status_code) == (404, 404)
    assert len(absent.content) == len(hidden.content)


def test_it_shows_the_committee_and_counts_other_teams(
    sdr: Client, claimed: Make, people: dict[str, User], team: object
) -> None:
    account = factories.AccountFactory(name="Brightwater")
    factories.LeadFactory(account=account, team=team, first_name="Stefan", last_name="Krüger")
    elsewhere = factories.TeamFactory(name="APAC")
    factories.LeadFactory(account=account, team=elsewhere, first_name="Secret", last_name="Name")
    html = page(sdr, claimed(account=account))
    assert "Stefan Krüger" in html
    assert "Secret" not in html
    assert "1 more lead belongs to another team" in html


def test_its_journey_merges_what_happened(
    sdr: Client, owned: Make, people: dict[str, User], here: dt.datetime
) -> None:
    item = owned()
    lead, by = item.lead, people["sdr"]
    seen = Activity.objects.create(
        lead=lead, type="pricing_page", occurred_at=here, recorded_at=here, properties={"n": 3}
    )
    ActivityVerdict.objects.create(
        activity=seen, is_machine=True, reason="scanner", recorded_at=here
    )
    record_answer(
        lead=lead,
        criterion=Criterion.objects.get(key="pain"),
        value="2.4% mis-picks",
        state="confirmed",
        source="Call",
        answered_on=timezone.localdate(),
        by=by,
        now=here,
    )
    rule = ScoringRule.objects.get(key="vp-title")
    dispute_line(lead=lead, rule=rule, kind="bad_data", by=by, now=here)
    html = page(sdr, item)
    for text in (
        "Pricing page",
        "A machine did this",
        "Answer confirmed: Main pain",
        "2.4% mis-picks",
        "You flagged “VP” as bad data",
        "You claimed the lead",
        "You logged: call, spoke",
        "You became the owner with the first contact",
        "Entered the queue",
    ):
        assert text in html, text


def test_its_journey_goes_on_by_a_cursor(sdr: Client, waiting: Make, here: dt.datetime) -> None:
    item = waiting()
    same_moment = here - dt.timedelta(hours=1)
    Activity.objects.bulk_create(
        Activity(lead=item.lead, type=f"visit_{n}", occurred_at=same_moment, recorded_at=here)
        for n in range(3 * timeline.PAGE_SIZE)
    )
    seen, cursor, rounds = [], "", 0
    while rounds == 0 or cursor:
        journey = timeline.journey_of(item.lead, before=cursor)
        seen += [(entry.kind, entry.pk) for day in journey.days for entry in day.entries]
        cursor, rounds = journey.older, rounds + 1
    assert len(seen) == len(set(seen)) == 3 * timeline.PAGE_SIZE + 1
    response = sdr.get(f"/leads/{item.lead_id}/timeline/?before=nonsense", headers=HTMX)
    assert response.status_code == 200


def test_its_journey_shows_one_kind_only(sdr: Client, claimed: Make) -> None:
    item = claimed()
    url = f"/leads/{item.lead_id}/timeline/"
    assert "You claimed" not in sdr.get(f"{url}?only=answers", headers=HTMX).content.decode()
    assert "You claimed" in sdr.get(f"{url}?only=work", headers=HTMX).content.decode()
    assert "Back to the lead" in sdr.get(url).content.decode()


def test_it_says_how_fast_the_answer_was(sdr: Client, owned: Make) -> None:
    html = page(sdr, owned())
    assert "Answered in 4 m" in html
    assert "You own this lead" in html


def test_it_knows_its_neighbours(sdr: Client, waiting: Make) -> None:
    first, second, third = (waiting(tenths) for tenths in (900, 700, 500))
    html = page(sdr, second)
    assert "2 of 3" in html
    assert f'href="/leads/{first.lead_id}/" data-key="k"' in html
    assert f'href="/leads/{third.lead_id}/" data-key="j"' in html


def test_it_tells_how_a_decided_lead_ended(
    sdr: Client, claimed: Make, people: dict[str, User], here: dt.datetime
) -> None:
    item = claimed()
    reject_lead(item=item, token=item.token, by=people["sdr"], reason=reason("too_small"), now=here)
    html = page(sdr, item)
    assert "Rejected" in html
    assert "Company too small" in html
    assert "/decisions/" in html


def test_it_works_without_score_or_item(sdr: Client, team: object) -> None:
    lead = factories.LeadFactory(team=team)
    html = sdr.get(f"/leads/{lead.pk}/").content.decode()
    assert "Not scored yet" in html
    assert "not in the queue" in html


def test_it_stays_within_its_queries(
    sdr: Client,
    owned: Make,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    item = owned(account=factories.AccountFactory())
    with django_assert_max_num_queries(33):
        sdr.get(f"/leads/{item.lead_id}/")


def test_it_says_so_when_no_checklist_is_active(sdr: Client, claimed: Make) -> None:
    lead = claimed().lead
    Framework.objects.update(is_active=False)
    response = sdr.get(f"/leads/{lead.pk}/")
    assert response.status_code == 422
    assert "No checklist is active" in response.content.decode()
