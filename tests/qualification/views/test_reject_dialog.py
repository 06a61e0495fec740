"""The reject dialog: reasons, suggestions, refusals that keep the text, and what comes next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.feedback.disputes import dispute_line
from qualification.models import Decision, ReviewItem, ScoringRule
from qualification.review.claims import reassign_item
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]


def url(item: ReviewItem) -> str:
    return f"/leads/{item.lead_id}/reject/"


def form(item: ReviewItem, key: str = "too_small", **changes: object) -> dict[str, object]:
    return {"token": item.token, "reason": reason(key).pk, "note": "180 people", **changes}


def test_it_shows_every_reason_by_group(sdr: Client, claimed: Make) -> None:
    html = sdr.get(url(claimed()), headers=HTMX).content.decode()
    for text in ("Company too small", "Timing", "Locked in a contract", "Switch to nurture"):
        assert text in html
    assert "<html" not in html


def test_it_is_a_page_of_its_own_without_htmx(sdr: Client, claimed: Make) -> None:
    html = sdr.get(url(claimed())).content.decode()
    assert "<html" in html
    assert "Reject lead" in html


def test_it_suggests_by_what_was_flagged(
    sdr: Client, claimed: Make, people: dict[str, User], here: dt.datetime
) -> None:
    item, rule = claimed(), ScoringRule.objects.get()
    dispute_line(lead=item.lead, rule=rule, kind="bad_data", by=people["sdr"], now=here)
    html = sdr.get(url(item), headers=HTMX).content.decode()
    assert f'value="{reason("weak_title").pk}" checked' in html
    assert "Suggested" in html


def test_it_rejects_and_opens_the_next_lead(sdr: Client, claimed: Make, waiting: Make) -> None:
    item, following = claimed(), waiting()
    response = sdr.post(url(item), form(item), headers=HTMX)
    decision = Decision.objects.get()
    assert (decision.kind, decision.note) == ("reject", "180 people")
    assert response["HX-Redirect"] == f"/leads/{following.lead_id}/"
    html = sdr.get(response["HX-Redirect"]).content.decode()
    assert "Rejected: Company too small" in html
    assert f"/decisions/{decision.pk}/undo/" in html


def test_it_opens_the_queue_when_nothing_waits(sdr: Client, claimed: Make) -> None:
    item = claimed()
    assert sdr.post(url(item), form(item))["Location"] == "/queue/"


def test_it_does_not_claim_for_a_manager(
    login: Callable[[User], Client], people: dict[str, User], claimed: Make, waiting: Make
) -> None:
    item, other = claimed(by=people["manager"]), waiting()
    response = login(people["manager"]).post(url(item), form(item))
    other.refresh_from_db()
    assert response["Location"] == "/queue/"
    assert other.state == "waiting"


@pytest.mark.parametrize(
    ("key", "changes"),
    [("too_small", {"reason": ""}), ("other", {"note": ""}), ("unreachable", {})],
)
def test_it_names_what_is_missing(
    sdr: Client, claimed: Make, key: str, changes: dict[str, str]
) -> None:
    item = claimed()
    response = sdr.post(url(item), form(item, key, **{"note": "kept", **changes}), headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 422
    assert "dialog-head" in html
    assert "error" in html or 'role="alert"' in html
    if "note" not in changes:
        assert "kept" in html
    assert not Decision.objects.exists()


def test_it_says_what_changed_and_keeps_the_text(
    sdr: Client,
    claimed: Make,
    people: dict[str, User],
    colleague: User,
    here: dt.datetime,
) -> None:
    item = claimed()
    given = form(item, note="typed text")
    reassign_item(item=item, to=colleague, by=people["manager"], now=here)
    response = sdr.post(url(item), given, headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 409
    assert "Aisha" in html
    assert "typed text" in html
    assert not Decision.objects.exists()


def test_it_refuses_a_second_submit(sdr: Client, claimed: Make) -> None:
    item = claimed()
    assert sdr.post(url(item), form(item), headers=HTMX).status_code == 200
    again = sdr.post(url(item), form(item), headers=HTMX)
    assert again.status_code == 409
    assert Decision.objects.count() == 1


def test_it_refuses_other_roles_and_teams(
    login: Callable[[User], Client], people: dict[str, User], stranger: User, claimed: Make
) -> None:
    item = claimed()
    assert login(people["ae"]).get(url(item)).status_code == 403
    assert login(stranger).post(url(item), form(item)).status_code == 404


@pytest.mark.parametrize("key", ["9" * 30, "9" * 5000, "x\x00"])
def test_it_refuses_a_key_that_cannot_be(sdr: Client, claimed: Make, key: str) -> None:
    item = claimed()
    form = {"token": item.token, "reason": key}
    assert sdr.post(f"/leads/{item.lead_id}/reject/", form).status_code == 422
