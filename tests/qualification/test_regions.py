"""Where good leads wait too long, by country: from made-up clocks, and against a raw recount."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm.models import Team, User
from qualification.insights.regions import regions_of
from qualification.insights.response import Group, ResponseReport
from qualification.models import ReviewItem
from qualification.review.claims import claim_item
from qualification.review.decisions import accept_lead, reject_lead
from qualification.review.undo import undo_decision
from qualification.sla.sweep import record_due
from qualification.sla.timers import stop_timers
from tests import factories
from tests.qualification import queue_support as rows
from tests.qualification.decision_support import active_model, reason
from tests.qualification.figures_support import response_report

COUNTED = ("n", "met", "accepted", "decided")
RECOUNT = """
    WITH clocks AS (
        SELECT lower(coalesce(nullif(l.country, ''), a.country, '')) AS country, t.item_id,
               EXISTS (SELECT FROM qualification_slaevent AS e
                       WHERE e.timer_id = t.id AND e.level = 'breach') AS missed, t.state
        FROM qualification_slatimer AS t JOIN crm_lead AS l ON l.id = t.lead_id
        LEFT JOIN crm_account AS a ON a.id = l.account_id
        WHERE t.kind = 'first_response'
    ), verdicts AS (
        SELECT d.item_id, d.kind FROM qualification_decision AS d
        WHERE d.kind IN ('accept', 'reject')
          AND NOT EXISTS (SELECT FROM qualification_decision AS r WHERE r.reverses_id = d.id)
    )
    SELECT c.country, count(*) FILTER (WHERE NOT missed), count(*) FILTER (WHERE missed),
           count(*) FILTER (WHERE v.kind = 'accept'), count(v.kind)
    FROM clocks AS c LEFT JOIN verdicts AS v ON v.item_id = c.item_id
    WHERE c.missed OR c.state = 'stopped' GROUP BY 1 ORDER BY 1
"""


def clocks(
    country: str, *, met: int, missed: int, accepts: int, rejects: int, team: str = "EMEA"
) -> tuple[Group, str]:
    return Group(country, met + missed, met, accepts, accepts + rejects), team


def report(*countries: tuple[Group, str]) -> ResponseReport:
    groups = tuple(group for group, _team in countries)
    sums = (sum(getattr(group, name) for group in groups) for name in COUNTED)
    most_by = tuple((team, group.n) for group, team in countries)
    return ResponseReport(Group("All", *sums), (), (), (), groups, most_by)


def accept_late(item: ReviewItem, people: dict[str, User], at: dt.datetime) -> None:
    held = claim_item(item=item, by=people["manager"], now=at)
    accept_lead(
        item=held,
        token=held.token,
        by=people["manager"],
        to=people["ae"],
        override_reason="Known customer.",
        now=at,
    )


OTHERS = clocks("France", met=180, missed=20, accepts=60, rejects=140)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"met": 40, "missed": 60, "accepts": 70, "rejects": 30}, True),
        # Strong and fast; slow and weak; slow and as strong as the others.
        ({"met": 95, "missed": 5, "accepts": 70, "rejects": 30}, False),
        ({"met": 40, "missed": 60, "accepts": 10, "rejects": 90}, False),
        ({"met": 40, "missed": 60, "accepts": 40, "rejects": 60}, False),
        # The same shares, too few to tell; many clocks of which few are decided.
        ({"met": 4, "missed": 6, "accepts": 7, "rejects": 3}, False),
        ({"met": 40, "missed": 60, "accepts": 20, "rejects": 9}, False),
    ],
)
def test_good_leads_that_wait_too_long_are_told_of(case: dict[str, int], told: bool) -> None:
    germany = clocks("Germany", **case)
    first, second = regions_of(report(OTHERS, germany))
    found = {one.group.label: one.waits_too_long for one in (first, second)}
    assert found == {"Germany": told, "France": False}
    assert first.group.label == ("Germany" if told else "France")


@pytest.mark.django_db
def test_it_names_who_has_most_of_them(people: dict[str, User], team: Team) -> None:
    now, other = rows.NOW, factories.TeamFactory(name="APAC")
    for owner in (team, other, other):
        item = rows.waiting_item(tier="hot", now=now, team=owner, country="Germany")
        stop_timers(item=item, now=now + rows.minutes(5))
    (region,) = regions_of(response_report(people["admin"], now=now))
    assert (region.team, region.n_team, region.group.n) == ("APAC", 2, 3)
    assert (region.accepted.rate, region.accepted.missing) == (None, 30)


@pytest.mark.django_db
def test_countries_equal_a_raw_recount(team: Team, people: dict[str, User]) -> None:
    active_model()
    draw = random.Random(12)
    firm = factories.AccountFactory(country="Austria")
    now = rows.NOW
    why = reason("too_small")
    for _ in range(24):
        sdr = factories.person("sdr", team)
        country, account = draw.choice(
            [("Germany", None), ("germany", None), ("", firm), ("", None)]
        )
        start = now - dt.timedelta(hours=draw.randrange(1, 50))
        item = rows.waiting_item(tier="hot", now=start, team=team, country=country, account=account)
        fate = draw.choice(["decided", "undone", "waits"])
        at = start + rows.minutes(draw.randrange(1, 40))
        if fate != "waits":
            held = claim_item(item=item, by=sdr, now=at)
            decision = reject_lead(item=held, token=held.token, by=sdr, reason=why, now=at)
            if fate == "undone":
                undo_decision(decision=decision, by=sdr, now=at + dt.timedelta(seconds=5))
    record_due(now=now)
    found = response_report(people["admin"], now=now)
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT)
        recounted = cursor.fetchall()
    told = [
        (
            "" if one.label == "Unknown country" else one.label.casefold(),
            one.met,
            one.missed,
            one.accepted,
            one.decided,
        )
        for one in found.countries
    ]
    assert told == recounted
    assert len(told) == 3
    assert {one.label for one in found.countries} == {"Germany", "Austria", "Unknown country"}


@pytest.mark.django_db
def test_the_page_says_it_and_where_to_go(
    people: dict[str, User], team: Team, login: Callable[[User], Client]
) -> None:
    """Forty good leads of one country that nobody answers, and forty others that are."""
    active_model()
    now, sdr, why = timezone.now(), people["sdr"], reason("too_small")
    start = now - dt.timedelta(hours=3)
    for number in range(40):
        late: ReviewItem = rows.waiting_item(tier="hot", now=start, team=team, country="Peru")
        item = rows.waiting_item(tier="hot", now=start, team=team, country="Chile")
        held = claim_item(item=item, by=sdr, now=start)
        reject_lead(item=held, token=held.token, by=sdr, reason=why, now=start)
        if number < 35:
            accept_late(late, people, now - dt.timedelta(hours=1))
    record_due(now=now)
    page = login(people["manager"]).get("/sla/").content.decode()
    assert "Good leads from Peru wait too long." in page
    assert "40 of 40 went to EMEA." in page
    assert "By country" in page
    text = login(people["manager"]).get("/sla/sla.csv").content.decode()
    assert "country,Peru,0,40" in text
