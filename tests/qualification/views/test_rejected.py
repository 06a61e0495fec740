"""The list of rejected leads: sight, filters, pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from crm.models import User
from qualification.models import Decision, ReviewItem
from qualification.review import rejected as room
from qualification.review.decisions import overturn_rejection, reject_lead, undo_decision
from tests import factories
from tests.qualification.decision_support import reason

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Make = Callable[..., ReviewItem]
Reject = Callable[..., Decision]


@pytest.fixture
def reject(claimed: Make, people: dict[str, User], here: dt.datetime) -> Reject:
    """Rejects a lead: `reject("too_small", note="…", last_name="…")`."""

    def make(
        key: str = "too_small", *, note: str = "", by: User | None = None, **fields: object
    ) -> Decision:
        by = by or people["sdr"]
        item = claimed(by=by, team=by.team, **fields)
        return reject_lead(
            item=item, token=item.token, by=by, reason=reason(key), note=note, now=here
        )

    return make


@pytest.fixture
def manager(login: Callable[[User], Client], people: dict[str, User]) -> Client:
    return login(people["manager"])


def names(client: Client, **query: object) -> str:
    response = client.get("/rejected/", query)
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_who_rejected_what_and_why(manager: Client, reject: Reject) -> None:
    decision = reject("too_small", note="Twelve people.", last_name="Diallo")
    html = names(manager)
    for text in ("Diallo", "Company too small", "Twelve people.", "Fit", "Stands"):
        assert text in html
    assert f"/decisions/{decision.pk}/" in html
    assert f"{decision.total_tenths / 10:.1f}" in html


def test_it_shows_the_own_team_only(manager: Client, reject: Reject, stranger: User) -> None:
    reject(by=stranger, last_name="Elsewhere")
    assert "Elsewhere" not in names(manager)
    assert "No rejected leads" in names(manager)


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ({"group": "Fit"}, True),
        ({"group": "Timing"}, False),
        ({"q": "teranga DIALLO"}, True),
        ({"q": "nobody"}, False),
        ({"q": "canteen"}, True),
        ({"period": "7"}, True),
        ({"state": "standing"}, True),
        ({"state": "overturned"}, False),
        ({"q": "", "group": "", "period": ""}, True),
    ],
)
def test_it_narrows_the_list(
    manager: Client, reject: Reject, query: dict[str, str], *, is_there: bool
) -> None:
    reject(last_name="Diallo", company_name="Teranga Foods", note="Only a canteen.")
    html = names(manager, **query)
    assert ("Diallo" in html) is is_there
    assert ("No lead matches" in html) is not is_there


def test_it_narrows_by_reviewer_and_source(
    manager: Client, reject: Reject, people: dict[str, User], colleague: User
) -> None:
    webinar = factories.SourceFactory(name="webinar", label="Webinar")
    reject(last_name="Mine", source=webinar)
    reject(last_name="Theirs", by=colleague)
    by = names(manager, by=people["sdr"].pk)
    assert "Mine" in by
    assert "Theirs" not in by
    of_source = names(manager, source=webinar.pk)
    assert "Mine" in of_source
    assert "Theirs" not in of_source


@pytest.mark.parametrize(
    "query",
    [
        {"by": "x"},
        {"by": "999999"},
        {"group": "Nonsense"},
        {"period": "0"},
        {"before": "x"},
        {"before": "99999999999999999999999"},
        {"after": "-1"},
        {"q": "x" * 300},
        {"q": "a\x00b"},
    ],
)
def test_it_survives_odd_queries(manager: Client, reject: Reject, query: dict[str, str]) -> None:
    reject()
    names(manager, **query)


def test_it_pages_without_losing_or_repeating(
    manager: Client, reject: Reject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PAGE_LENGTH", 2)
    made = [reject(note=f"number {n}").pk for n in range(5)]
    seen, query = [], {}
    for _ in range(3):
        page = manager.get("/rejected/", query).context["page"]
        seen += [row.pk for row in page.rows]
        query = {"before": page.older}
    assert seen == made[::-1]
    assert page.older is None
    back = manager.get("/rejected/", {"after": page.newer}).context["page"]
    assert [row.pk for row in back.rows] == seen[2:4]
    assert back.newer == seen[2]


def test_it_marks_overturned_and_drops_undone_ones(
    manager: Client, reject: Reject, people: dict[str, User], here: dt.datetime
) -> None:
    overturned, undone = reject(last_name="Overturned-Kx"), reject(last_name="Undone-Kx")
    overturn_rejection(decision=overturned, by=people["manager"], note="No", now=here)
    undo_decision(decision=undone, by=people["sdr"], now=here)
    html = names(manager)
    assert "Overturned-Kx" in html
    assert 'chip warn" title="' in html
    assert "Undone-Kx" not in html


def test_it_counts_those_before_enough_attempts(
    manager: Client, people: dict[str, User], claimed: Make, here: dt.datetime
) -> None:
    item = claimed(by=people["manager"])
    reject_lead(
        item=item,
        token=item.token,
        by=people["manager"],
        reason=reason("unreachable"),
        override_reason="The number is dead",
        now=here,
    )
    html = manager.get("/rejected/").content.decode()
    assert "1 after fewer attempts than needed" in html
    assert "Fewer attempts: The number is dead" in html


def test_it_counts_no_further_than_a_page_should(
    manager: Client, reject: Reject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows the number is no part of it: how many of those counted were too early."""
    for _one in range(3):
        decision = reject("too_small")
    assert "3 leads" in names(manager)
    monkeypatch.setattr(room, "CAP", 2)
    found = room.rejections(decision.by)
    tally = room.tally_of(found)
    assert (tally.count, tally.overridden, tally.is_all) == (3, 0, False)


def test_reviewers_to_choose_from_are_those_of_the_team_who_rejected(
    manager: Client, reject: Reject, people: dict[str, User], stranger: User
) -> None:
    reject("too_small")
    reject("too_small", by=stranger)
    assert list(room.reviewers(people["manager"])) == [people["sdr"]]
    assert set(room.reviewers(people["admin"])) == {people["sdr"], stranger}


def test_it_answers_htmx_with_the_rows_alone(manager: Client, reject: Reject) -> None:
    reject(last_name="Diallo")
    html = manager.get("/rejected/", headers=HTMX).content.decode()
    assert "Diallo" in html
    assert "<html" not in html


def test_its_queries_do_not_grow_with_the_rows(
    manager: Client, reject: Reject, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for _ in range(6):
        reject()
    with django_assert_max_num_queries(14):  # type: ignore[attr-defined]
        names(manager)
