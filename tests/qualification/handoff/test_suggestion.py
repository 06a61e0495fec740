"""Where a lead goes is suggested by the first rule that fits, with why; another may be chosen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from crm.models import Team, User
from qualification.choices import TargetKind
from qualification.handoff.desks import desks_for, target_named
from qualification.models import DestinationRule
from tests import factories
from tests.factories import NOW, LeadFactory
from tests.qualification.handoff.destination_support import partner, ready_item

pytestmark = pytest.mark.django_db
POLAND = {"subject": "lead.country", "op": "is", "value": "Poland"}


def rule(name: str, position: int, condition: object, **to: object) -> DestinationRule:
    return DestinationRule.objects.create(name=name, position=position, condition=condition, **to)


def test_without_rules_it_is_the_ae_as_before(people: dict[str, User], team: Team) -> None:
    desks = desks_for(LeadFactory(team=team), now=NOW)
    assert [(desk.kind, desk.to) for desk in desks] == [
        (TargetKind.AE, people["ae"]),
        (TargetKind.TEAM, team),
    ]
    assert (desks[0].is_suggested, desks[0].why) == (True, "Same team, EMEA")
    assert not desks[1].is_suggested


def test_the_first_rule_that_fits_says_where_and_why(people: dict[str, User], team: Team) -> None:
    wisla = partner(region="Poland", product="Suite")
    rule("Everybody", 2, {}, team=team)
    rule("Resold in Poland", 1, POLAND, partner=wisla)
    polish, other = LeadFactory(team=team, country="poland "), LeadFactory(team=team)
    first = desks_for(polish, now=NOW)[0]
    assert (first.to, first.is_suggested) == (wisla, True)
    assert first.why == "Rule “Resold in Poland”, Poland, Suite"
    assert desks_for(other, now=NOW)[0].to == team
    assert sum(desk.is_suggested for desk in desks_for(polish, now=NOW)) == 1


def test_a_rule_that_leads_nowhere_suggests_nothing(people: dict[str, User], team: Team) -> None:
    off = partner(is_active=False)
    rule("Off", 1, {}, partner=off)
    desks = desks_for(LeadFactory(team=team), now=NOW)
    assert desks[0].to == people["ae"]
    assert off not in [desk.to for desk in desks]
    DestinationRule.objects.update(is_active=False)
    assert desks_for(LeadFactory(team=team), now=NOW)[0].to == people["ae"]


@pytest.mark.parametrize(
    "value", ["", "ae:", "ae:x", "ae:0", "team:999999", "partner:1" * 9, "nurture:1", "ae:٣", ":1"]
)
def test_what_is_no_destination_is_none(people: dict[str, User], value: str) -> None:
    assert target_named(value) is None


def test_only_who_answers_is_a_destination(people: dict[str, User], team: Team) -> None:
    assert target_named(f"ae:{people['ae'].pk}") == people["ae"]
    assert target_named(f"ae:{people['sdr'].pk}") is None
    assert target_named(f"team:{team.pk}") == team
    assert target_named(f"team:{factories.TeamFactory(name='US').pk}") is None
    assert target_named(f"partner:{partner(is_active=False).pk}") is None


def test_the_database_wants_one_target(team: Team) -> None:
    for to in ({}, {"team": team, "partner": partner()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rule("x", 1, {}, **to)


def test_the_page_offers_it_first_and_another_may_be_chosen(
    people: dict[str, User], login: Callable[[User], Client]
) -> None:
    item = ready_item(people)
    wisla = partner()
    rule("Resold in Poland", 1, POLAND, partner=wisla)
    html = login(people["sdr"]).get(f"/leads/{item.lead_id}/accept/").content.decode()
    assert f'value="partner:{wisla.pk}" checked data-autofocus' in html
    assert html.index("Resold in Poland") < html.index("Account executives")
    assert "Nurture instead" in html


def test_an_admin_writes_a_rule(
    people: dict[str, User], team: Team, login: Callable[[User], Client]
) -> None:
    client, url = login(people["admin"]), "/admin/qualification/destinationrule/add/"
    given = {"position": 1, "name": "Poland", "is_active": "on", "condition": str(POLAND)}
    assert client.post(url, given).status_code == 200
    assert client.post(url, given | {"team": team.pk, "partner": partner().pk}).status_code == 200
    assert not DestinationRule.objects.exists()
    assert client.post(url, given | {"team": team.pk}).status_code == 302
    assert DestinationRule.objects.get().condition == POLAND
