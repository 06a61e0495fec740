"""The buying roles of a lead: the holder says and takes back, everybody who sees it reads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm import committee
from crm.exceptions import RoleInvalid
from crm.models import LeadRole, User
from qualification.models import ReviewItem, ScoringDue
from qualification.review import buying
from tests import factories
from tests.qualification.queue_support import in_threads

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]
GIVEN = {"role": "decision_maker", "source": "Call", "confidence": "70"}


def test_the_holder_says_it_and_takes_it_back(
    sdr: Client, claimed: Make, people: dict[str, User]
) -> None:
    item = claimed()
    url = f"/leads/{item.lead_id}/roles/"
    html = sdr.post(url, GIVEN, headers=HTMX).content.decode()
    said = LeadRole.objects.get()
    assert (said.role, said.source, said.confidence) == ("decision_maker", "Call", 70)
    assert said.recorded_by == people["sdr"]
    assert '<div class="block" id="committee">' in html
    assert "70% sure" in html
    assert "1 of 4 roles" in html
    html = sdr.post(url, {"end": "decision_maker"}, headers=HTMX).content.decode()
    said.refresh_from_db()
    assert said.ended_at is not None
    assert "0 of 4 roles" in html


def test_saying_it_twice_changes_nothing_and_otherwise_ends_the_old(
    sdr: Client, claimed: Make
) -> None:
    url = f"/leads/{claimed().lead_id}/roles/"
    for _ in range(2):
        sdr.post(url, GIVEN, headers=HTMX)
    assert LeadRole.objects.count() == 1
    sdr.post(url, GIVEN | {"confidence": "100"}, headers=HTMX)
    rows = LeadRole.objects.order_by("pk").values_list("confidence", "ended_at")
    assert [(confidence, ended is None) for confidence, ended in rows] == [
        (70, False),
        (100, True),
    ]
    for _ in range(2):
        assert sdr.post(url, {"end": "decision_maker"}, headers=HTMX).status_code == 200
    assert not LeadRole.objects.filter(ended_at=None).exists()


def test_it_goes_back_to_the_lead_without_htmx(sdr: Client, claimed: Make) -> None:
    item = claimed()
    for given in (GIVEN, {"role": "boss"}, {"end": "decision_maker"}, {"end": "boss"}):
        response = sdr.post(f"/leads/{item.lead_id}/roles/", given)
        assert (response.status_code, response["Location"]) == (302, f"/leads/{item.lead_id}/")


@pytest.mark.parametrize(
    "given",
    [
        {},
        GIVEN | {"role": "boss"},
        GIVEN | {"source": " "},
        GIVEN | {"source": "x" * 81},
        GIVEN | {"source": "a\x00b"},
        GIVEN | {"confidence": "101"},
    ],
)
def test_it_refuses_nonsense_and_keeps_the_form(
    sdr: Client, claimed: Make, given: dict[str, str]
) -> None:
    response = sdr.post(f"/leads/{claimed().lead_id}/roles/", given, headers=HTMX)
    assert response.status_code == 422
    assert 'class="error"' in response.content.decode()
    assert not LeadRole.objects.exists()


def test_only_the_holder_may(sdr: Client, claimed: Make, waiting: Make, colleague: User) -> None:
    theirs, free = claimed(by=colleague), waiting()
    for item in (theirs, free):
        url = f"/leads/{item.lead_id}/roles/"
        assert sdr.post(url, GIVEN, headers=HTMX).status_code == 409
        assert sdr.post(url, {"end": "decision_maker"}, headers=HTMX).status_code == 409
        assert sdr.get(url).status_code == 405
    assert not LeadRole.objects.exists()


def test_another_team_learns_nothing(
    login: Callable[[User], Client], stranger: User, waiting: Make
) -> None:
    url = f"/leads/{waiting().lead_id}/roles/"
    assert login(stranger).post(url, GIVEN).status_code == 404
    assert not LeadRole.objects.exists()


def test_a_closed_item_refuses(sdr: Client, claimed: Make, here: dt.datetime) -> None:
    item = claimed()
    ReviewItem.objects.filter(pk=item.pk).update(
        state="closed", closed_at=here, close_reason="below_line", holder=None, lease_until=None
    )
    assert sdr.post(f"/leads/{item.lead_id}/roles/", GIVEN, headers=HTMX).status_code == 409


def test_readers_see_the_roles_of_colleagues_and_what_is_missing(
    sdr: Client, waiting: Make, here: dt.datetime
) -> None:
    account = factories.AccountFactory()
    item = waiting(account=account)
    other = factories.LeadFactory(account=account, team=item.lead.team, first_name="Stefan")
    hidden = factories.LeadFactory(account=account, team=factories.TeamFactory(name="Americas"))
    for lead, role in ((other, "economic_buyer"), (hidden, "end_user")):
        committee.record_role(
            lead=lead, role=role, source="LinkedIn", confidence=100, by=None, now=here
        )
    html = sdr.get(f"/leads/{item.lead_id}/").content.decode()
    assert "2 of 4 roles" in html
    assert "<span>Economic buyer</span><span>LinkedIn, " in html
    assert "<span>Decision maker</span><span>Nobody known</span>" in html
    assert "<span>End user</span>" not in html  # somebody's out of sight
    assert "Save role" not in html


def test_a_change_marks_the_colleagues_while_the_rules_count_them(
    claimed: Make, people: dict[str, User], here: dt.datetime
) -> None:
    account = factories.AccountFactory()
    item = claimed(account=account)
    factories.LeadFactory(account=account)
    ScoringDue.objects.all().delete()
    role = {"item": item, "role": "end_user", "by": people["sdr"], "now": here}
    buying.say_role(**role, source="Call", confidence=100)
    assert [due.lead_id for due in ScoringDue.objects.all()] == [item.lead_id]


def test_the_room_refuses_what_no_form_lets_through(here: dt.datetime) -> None:
    lead = factories.LeadFactory()
    for wrong in ({"role": "boss"}, {"source": "  "}, {"confidence": 0}):
        given = {"role": "end_user", "source": "Call", "confidence": 100} | wrong
        with pytest.raises(RoleInvalid):
            committee.record_role(lead=lead, by=None, now=here, **given)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_leave_one_standing_role(here: dt.datetime) -> None:
    lead = factories.LeadFactory()

    def say(confidence: int) -> LeadRole:
        return committee.record_role(
            lead=lead, role="end_user", source="Call", confidence=confidence, by=None, now=here
        )

    found = in_threads([lambda: say(100), lambda: say(70), lambda: say(40)])
    assert all(isinstance(one, LeadRole) for one in found), found
    assert LeadRole.objects.filter(ended_at=None).count() == 1
    assert LeadRole.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_of_the_lead_they_collide(
    monkeypatch: pytest.MonkeyPatch, here: dt.datetime
) -> None:
    lead = factories.LeadFactory()
    monkeypatch.setattr(committee, "_standing", lambda lead, role: None)

    def say() -> LeadRole:
        return committee.record_role(
            lead=lead, role="end_user", source="Call", confidence=100, by=None, now=here
        )

    found = in_threads([say, say])
    assert sum(isinstance(one, LeadRole) for one in found) == 1
