"""The pages of practice: offered, locked, begun, judged, finished; and who gets which."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import Decision, PracticeCase, PracticeRound
from tests import factories
from tests.qualification.decision_support import reason
from tests.qualification.practice.past_leads import begin, judge_all

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]
Make = Callable[..., Decision]
HTMX = {"HX-Request": "true"}


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return str(response.content.decode())


def test_without_past_leads_it_is_locked_and_says_why(sdr: Client) -> None:
    html = text_of(sdr, "/practice/")
    assert "Not enough past leads" in html
    assert "14 days old" in html
    assert "No finished round yet" in html
    refused = sdr.post("/practice/start/", {"size": 5})
    assert refused.status_code == 422
    assert "not enough past leads of your team for a round of 5" in refused.content.decode()
    for size in ("6", "x", ""):
        assert sdr.post("/practice/start/", {"size": size}).status_code == 422
    assert not PracticeRound.objects.exists()


def test_it_offers_the_sizes_there_are_leads_for(sdr: Client, five: list[Decision]) -> None:
    html = text_of(sdr, "/practice/")
    assert 'name="size" value="5"' in html
    assert 'value="10"' not in html
    assert 'href="/practice/" aria-current="page"' in html


def test_a_round_that_was_left_goes_on(sdr: Client, five: list[Decision]) -> None:
    begun = sdr.post("/practice/start/", {"size": 5})
    practice = PracticeRound.objects.get()
    assert begun["Location"] == f"/practice/{practice.pk}/"
    sdr.post(f"/practice/{practice.pk}/1/judge/", {"choice": "accept"})
    html = text_of(sdr, "/practice/")
    assert "Lead 2 of 5 is next" in html
    assert 'name="size"' not in html
    again = sdr.post("/practice/start/", {"size": 5})
    assert again["Location"] == f"/practice/{practice.pk}/"
    assert sdr.get(again["Location"])["Location"] == f"/practice/{practice.pk}/2/"


def test_accept_and_nurture_show_the_truth_and_lead_on(
    sdr: Client, five: list[Decision], people: dict[str, User], here: dt.datetime
) -> None:
    practice = begin(people["sdr"], here)
    url = f"/practice/{practice.pk}/1/"
    html = text_of(sdr, url)
    for key in ("a", "r", "u"):
        assert f'data-key="{key}"' in html
    # N would claim the next lead of the queue on any other page.
    assert 'data-key-fallback="n"' not in html
    assert sdr.post(f"{url}judge/", {"choice": "accept"})["Location"] == url
    html = text_of(sdr, url)
    assert "Your team:" in html
    assert "Quillfeather" in html
    assert 'data-key="n"' in html
    # A second time it is told, not judged again.
    sdr.post(f"{url}judge/", {"choice": "nurture"})
    assert "judged this lead already" in text_of(sdr, url)
    assert PracticeCase.objects.get(round=practice, position=1).choice == "accept"


def test_rejecting_wants_a_reason(
    sdr: Client, five: list[Decision], people: dict[str, User], here: dt.datetime
) -> None:
    practice = begin(people["sdr"], here)
    url = f"/practice/{practice.pk}/1/reject/"
    assert "Company too small" in text_of(sdr, url)
    assert "<html" not in sdr.get(url, headers=HTMX).content.decode()
    refused = sdr.post(url, {})
    assert refused.status_code == 422
    assert "Choose a reason" in refused.content.decode()
    sent = sdr.post(url, {"reason": reason("too_small").pk}, headers=HTMX)
    assert sent["HX-Redirect"] == f"/practice/{practice.pk}/1/"
    assert PracticeCase.objects.get(round=practice, position=1).reason == reason("too_small")


@pytest.mark.parametrize("choice", ["", "reject", "won", "gone"])
def test_other_choices_are_not_taken(
    sdr: Client, five: list[Decision], people: dict[str, User], here: dt.datetime, choice: str
) -> None:
    practice = begin(people["sdr"], here)
    sdr.post(f"/practice/{practice.pk}/1/judge/", {"choice": choice})
    assert not PracticeCase.objects.exclude(choice="").exists()


def test_a_lead_that_is_gone_says_so_and_nothing_else(
    sdr: Client, five: list[Decision], people: dict[str, User], here: dt.datetime
) -> None:
    practice = begin(people["sdr"], here)
    lead = practice.cases.get(position=1).lead
    lead.team = factories.TeamFactory(name="Elsewhere")
    lead.save(update_fields=["team"])
    url = f"/practice/{practice.pk}/1/"
    html = text_of(sdr, url)
    assert "can no longer be practised on" in html
    assert lead.last_name not in html
    assert sdr.post(f"{url}judge/", {"choice": "gone"})["Location"] == f"/practice/{practice.pk}/"
    judge_all(practice, here)
    html = text_of(sdr, f"/practice/{practice.pk}/")
    assert "1 lead was left out" in html
    assert lead.last_name not in html


def test_the_result_and_the_history(
    sdr: Client, five: list[Decision], people: dict[str, User], here: dt.datetime
) -> None:
    practice = begin(people["sdr"], here)
    judge_all(practice, here)
    html = text_of(sdr, f"/practice/{practice.pk}/")
    assert "Lead by lead" in html
    assert "3 <small>of 5</small>" in html
    assert "Not enough data, n 5" in html
    html = text_of(sdr, "/practice/")
    assert "Agreement with the team in 1 rounds" in html
    assert f'href="/practice/{practice.pk}/"' in html


def test_a_manager_sees_the_rounds_of_their_team(
    login: Login, five: list[Decision], people: dict[str, User], here: dt.datetime
) -> None:
    practice = begin(people["sdr"], here)
    judge_all(practice, here)
    manager = login(people["manager"])
    who = people["sdr"]
    assert f'href="?who={who.pk}"' in text_of(manager, "/practice/")
    html = text_of(manager, f"/practice/?who={who.pk}")
    assert f"Practice of {who}" in html
    assert "A new round" not in html
    html = text_of(manager, f"/practice/{practice.pk}/")
    assert f"/practice/{practice.pk}/1/" not in html


def test_others_do_not(
    login: Login,
    five: list[Decision],
    people: dict[str, User],
    colleague: User,
    here: dt.datetime,
) -> None:
    practice = begin(people["sdr"], here)
    judge_all(practice, here)
    for user in (colleague, people["admin"]):
        client = login(user)
        assert client.get(f"/practice/?who={people['sdr'].pk}").status_code == 404
        assert client.get(f"/practice/{practice.pk}/").status_code == 404
    assert login(people["manager"]).get("/practice/?who=x").status_code == 404
