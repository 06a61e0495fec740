"""The list of notices, opening and reading them, preferences: whose they are, what they show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from crm.models import Lead, User
from qualification.choices import Channel, Digest, NoticeKind
from qualification.models import Notice, WebhookTarget
from qualification.notices import preferences
from qualification.notices.preferences import DEFAULTS, kinds_for, settings_of, wishes_of
from qualification.notices.tell import tell
from qualification.permissions import Right
from tests.factories import NOW, LeadFactory, TeamFactory

pytestmark = pytest.mark.django_db
Login = Callable[[User], Client]
MINUTE = dt.timedelta(minutes=1)
LIST = "/notices/"


def told(person: User, key: str = "k", lead: Lead | None = None, **words: str) -> Notice:
    lead = lead or LeadFactory(team=person.team, last_name="Vogel")
    number = Notice.objects.count()
    tell(
        kind=NoticeKind.HANDOFF_RETURNED,
        people=[person],
        key=key,
        lead=lead,
        words={"by": "Aisha Khan", "reason": "No budget until May"} | words,
        now=NOW + number * MINUTE,
    )
    return Notice.objects.get(person=person, key=key)


def test_it_lists_what_one_was_told_and_the_bell_counts_it(
    people: dict[str, User], login: Login
) -> None:
    told(people["sdr"])
    told(people["manager"], "other")
    page = login(people["sdr"]).get(LIST).content.decode()
    assert page.count("Aisha Khan returned Hannah Vogel.") >= 1
    assert page.count('class="notice is-unread"') == 1
    assert "Reason: No budget until May" in page
    assert '>1<span class="sr"> unread</span></span>' in page
    assert "1 unread" in page


def test_the_bell_rings_on_open_pages(people: dict[str, User], login: Login) -> None:
    client, url = login(people["sdr"]), reverse("qualification:notice-bell")
    assert client.get(url).content == b""
    told(people["sdr"])
    assert client.get(url).content.startswith(b"1<")
    lead = LeadFactory(team=people["sdr"].team)
    for number in range(120):
        told(people["sdr"], f"k{number}", lead)
    assert client.get(url).content.startswith(b"99+<")


def test_an_empty_list_says_so(people: dict[str, User], login: Login) -> None:
    client = login(people["marketing"])
    assert "No notices yet" in client.get(LIST).content.decode()
    assert "Nothing unread" in client.get(f"{LIST}?unread").content.decode()


def test_a_lead_out_of_sight_shows_nothing_of_it(people: dict[str, User], login: Login) -> None:
    notice = told(people["sdr"])
    Lead.objects.update(team=TeamFactory(name="Elsewhere"), last_name="Canary-Kx9")
    client = login(people["sdr"])
    page = client.get(LIST).content.decode()
    assert "a lead you do not see any more" in page
    for hidden in ("Canary", "Hannah", "No budget", "Aisha", f"/leads/{notice.lead_id}/"):
        assert hidden not in page
    answer = client.post(reverse("qualification:notice-open", args=[notice.pk]))
    assert answer["Location"] == LIST


def test_pages_go_on_from_a_row(people: dict[str, User], login: Login) -> None:
    lead = LeadFactory(team=people["sdr"].team)
    for number in range(60):
        told(people["sdr"], f"k{number}", lead)
    client = login(people["sdr"])
    first = client.get(LIST)
    shown = [row.notice.key for row in first.context["rows"]]
    assert shown == [f"k{number}" for number in range(59, 9, -1)]
    told(people["sdr"], "meanwhile", lead)
    second = client.get(LIST + first.context["older_url"])
    assert [row.notice.key for row in second.context["rows"]] == [f"k{n}" for n in range(9, -1, -1)]
    back = client.get(LIST + second.context["newer_url"])
    assert [row.notice.key for row in back.context["rows"]] == shown


def test_opening_marks_read_and_leads_to_the_lead(people: dict[str, User], login: Login) -> None:
    notice = told(people["sdr"])
    client = login(people["sdr"])
    answer = client.post(reverse("qualification:notice-open", args=[notice.pk]))
    assert answer["Location"] == f"/leads/{notice.lead_id}/"
    notice.refresh_from_db()
    first = notice.read_at
    assert first is not None
    client.post(reverse("qualification:notice-open", args=[notice.pk]))
    notice.refresh_from_db()
    assert notice.read_at == first
    assert "Nothing unread" in client.get(LIST).content.decode()


def test_one_is_read_in_place(people: dict[str, User], login: Login) -> None:
    notice = told(people["sdr"])
    told(people["sdr"], "k2")
    url = reverse("qualification:notice-read", args=[notice.pk])
    client = login(people["sdr"])
    answer = client.post(url, headers={"HX-Request": "true"}).content.decode()
    assert "is-unread" not in answer
    assert "1 unread" in answer
    assert client.post(url)["Location"] == LIST
    assert Notice.objects.filter(read_at=None).count() == 1


def test_all_read_spares_what_came_meanwhile(people: dict[str, User], login: Login) -> None:
    told(people["sdr"])
    seen = told(people["sdr"], "k2")
    told(people["sdr"], "meanwhile")
    told(people["manager"], "other")
    url = reverse("qualification:notice-read-all")
    login(people["sdr"]).post(url, {"newest": seen.pk})
    unread = Notice.objects.filter(read_at=None).order_by("key")
    assert list(unread.values_list("key", flat=True)) == ["meanwhile", "other"]
    for odd in ("", "x", "9" * 40, "-1"):
        assert login(people["sdr"]).post(url, {"newest": odd}).status_code == 302


@pytest.mark.parametrize("verb", ["open", "read"])
def test_another_persons_notice_is_like_none(
    people: dict[str, User], login: Login, verb: str
) -> None:
    notice = told(people["sdr"])
    for role in ("manager", "admin"):
        client = login(people[role])
        url = reverse(f"qualification:notice-{verb}", args=[notice.pk])
        absent = reverse(f"qualification:notice-{verb}", args=[987654321])
        assert client.post(url).status_code == client.post(absent).status_code == 404
    notice.refresh_from_db()
    assert notice.read_at is None


def test_typed_words_are_no_markup(people: dict[str, User], login: Login) -> None:
    told(people["sdr"], by="<b>Eve</b>", reason="<script>x</script>")
    page = login(people["sdr"]).get(LIST).content.decode()
    assert "<b>Eve" not in page
    assert "<script>x" not in page


def test_preferences_show_what_holds_and_keep_what_was_ticked(
    people: dict[str, User], login: Login
) -> None:
    sdr, url = people["sdr"], reverse("qualification:notice-preferences")
    client = login(sdr)
    form = client.get(url).context["form"]
    ticked = {name for name, field in form.fields.items() if field.initial is True}
    usual = {f"{kind}-{channel}" for kind, channels in DEFAULTS.items() for channel in channels}
    theirs = {str(kind) for kind in kinds_for(sdr)}
    assert ticked == {name for name in usual if name.rpartition("-")[0] in theirs}
    assert NoticeKind.MANAGER_ASKED not in theirs
    answer = client.post(url, {"task_due-mail": "on", "digest": "weekly"})
    assert answer.status_code == 302
    wishes, settings = wishes_of([sdr.pk])[sdr.pk], settings_of(sdr)
    on = {(k, c) for k in NoticeKind for c in wishes.channels(k)}
    kept = {(NoticeKind(k), c) for k, cs in DEFAULTS.items() for c in cs if k not in theirs}
    assert on == {(NoticeKind.TASK_DUE, Channel.MAIL)} | kept
    assert (settings.is_quiet, settings.digest) == (False, Digest.WEEKLY)
    assert client.post(url, {"digest": "hourly"}).status_code == 422
    assert settings_of(sdr).digest == Digest.WEEKLY
    assert not people["manager"].notice_preferences.exists()


def test_somebody_who_is_told_nothing_sees_so(
    people: dict[str, User], login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No role of today is told nothing; one of tomorrow may be."""
    monkeypatch.setattr(preferences, "AUDIENCE", dict.fromkeys(NoticeKind, Right.PUBLISH))
    page = login(people["marketing"]).get("/notices/preferences/").content.decode()
    assert "Nobody in your role is told anything yet." in page


def test_preferences_name_what_listens(people: dict[str, User], login: Login) -> None:
    url = reverse("qualification:notice-preferences")
    elsewhere = TeamFactory(name="Elsewhere")
    for name, team in (("Sales room", people["sdr"].team), ("Their room", elsewhere)):
        WebhookTarget.objects.create(
            name=name, url="https://chat.example/x", secret="s" * 20, team=team, created_at=NOW
        )
    page = login(people["sdr"]).get(url).content.decode()
    assert "Chat goes to Sales room" in page
    assert "Their room" not in page
    User.objects.filter(pk=people["sdr"].pk).update(email="")
    assert "You have no e-mail address here" in login(people["sdr"]).get(url).content.decode()
