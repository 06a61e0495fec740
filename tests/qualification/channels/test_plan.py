"""When mail and chat leave: at once, at the next opening, in a digest; each notice once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from crm.models import Lead, Team, User
from qualification.channels.plan import plan_due
from qualification.channels.quiet import held_until
from qualification.choices import Channel, Digest, NoticeKind
from qualification.models import Notice, NoticeSettings, OutboxMessage
from qualification.notices.preferences import choose
from qualification.notices.reads import mark_read
from qualification.notices.tell import tell
from qualification.sla.hours import calendar_of
from qualification.sweeps import deliver_due
from tests.factories import LeadFactory, TeamFactory
from tests.qualification.queue_support import all_done
from tests.qualification.sla.calendar_support import calendar_for, office

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = dt.timedelta(hours=1)
SECOND = dt.timedelta(seconds=1)
RETURNED = NoticeKind.HANDOFF_RETURNED


def berlin(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=BERLIN)  # type: ignore[misc,arg-type]


MONDAY_10 = berlin(2026, 11, 23, 10)
FRIDAY_17 = berlin(2026, 11, 27, 17)
FRIDAY_19 = berlin(2026, 11, 27, 19)
MONDAY_9 = berlin(2026, 11, 30, 9)


@pytest.fixture(autouse=True)
def opening_hours(team: Team) -> None:
    """The team works Monday to Friday 9 to 18 in Berlin."""
    calendar_for(team, office("Europe/Berlin"))


def told(person: User, now: dt.datetime, n: int = 1, kind: NoticeKind = RETURNED) -> list[Notice]:
    before = Notice.objects.count()
    for number in range(before, before + n):
        tell(
            kind=kind,
            people=[person],
            key=f"k{number}",
            lead=LeadFactory(team=person.team, last_name=f"Nr{number}"),
            words={"by": "Aisha", "reason": "No budget", "clock": "First response"},
            now=now,
        )
    return list(Notice.objects.filter(person=person).order_by("id")[before:])


def run(now: dt.datetime) -> int:
    """One pass; how many mails left in it."""
    plan_due(now=now)
    return deliver_due(now=now)


def settings_for(person: User, **chosen: Any) -> None:
    NoticeSettings.objects.update_or_create(person=person, defaults=chosen)


def test_while_the_team_is_open_it_leaves_at_once(people: dict[str, User]) -> None:
    told(people["sdr"], MONDAY_10)
    assert run(MONDAY_10) == 1
    assert run(MONDAY_10 + HOUR) == 0
    (sent,) = mail.outbox
    assert sent.to == [people["sdr"].email]
    assert sent.subject == "Aisha returned Hannah Nr0."
    assert "Reason: No budget" in sent.body
    assert "http" not in sent.body
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"


def test_mail_has_links_where_the_address_is_known(people: dict[str, User], settings: Any) -> None:
    settings.PUBLIC_URL = "https://leads.example"
    (notice,) = told(people["sdr"], MONDAY_10)
    run(MONDAY_10)
    body = mail.outbox[0].body
    assert f"https://leads.example/leads/{notice.lead_id}/" in body
    assert "https://leads.example/notices/preferences/" in body


def test_over_the_weekend_it_waits_for_the_opening(people: dict[str, User]) -> None:
    (notice,) = told(people["sdr"], FRIDAY_19)
    for now in (FRIDAY_19, FRIDAY_19 + 30 * HOUR, MONDAY_9 - SECOND):
        assert run(now) == 0
    notice.refresh_from_db()
    assert (notice.due_at, notice.was_held_back) == (MONDAY_9, True)
    assert run(MONDAY_9) == 1
    assert [run(MONDAY_9 + HOUR), len(mail.outbox)] == [0, 1]


def test_who_is_not_quiet_hears_at_once(people: dict[str, User]) -> None:
    settings_for(people["sdr"], is_quiet=False)
    told(people["sdr"], FRIDAY_19)
    assert run(FRIDAY_19) == 1


@pytest.mark.parametrize(
    ("closed", "opens", "in_utc"),
    [
        # Clocks go forward on Sunday 2026-03-29, back on 2026-10-25.
        (berlin(2026, 3, 27, 20), berlin(2026, 3, 30, 9), "2026-03-30T07:00:00+00:00"),
        (berlin(2026, 3, 29, 2, 30), berlin(2026, 3, 30, 9), "2026-03-30T07:00:00+00:00"),
        (berlin(2026, 10, 23, 20), berlin(2026, 10, 26, 9), "2026-10-26T08:00:00+00:00"),
        (berlin(2026, 10, 25, 2, 30), berlin(2026, 10, 26, 9), "2026-10-26T08:00:00+00:00"),
    ],
)
def test_the_opening_is_by_the_clock_on_the_wall(
    people: dict[str, User], closed: dt.datetime, opens: dt.datetime, in_utc: str
) -> None:
    (notice,) = told(people["sdr"], closed)
    run(closed)
    notice.refresh_from_db()
    assert notice.due_at is not None
    assert notice.due_at.astimezone(dt.UTC).isoformat() == in_utc
    assert [run(opens - SECOND), run(opens)] == [0, 1]


def test_a_sweep_that_comes_late_does_not_write_at_night(people: dict[str, User]) -> None:
    told(people["sdr"], FRIDAY_19)
    run(FRIDAY_19)
    assert run(MONDAY_9 + 12 * HOUR) == 0
    assert run(MONDAY_9 + 24 * HOUR) == 1


def held(digest: Digest, now: dt.datetime, **more: Any) -> dt.datetime | None:
    team = TeamFactory()
    calendar = calendar_of(calendar_for(team, office("Europe/Berlin", **more), name=team.name))
    found = held_until(calendar, digest=digest, now=now)
    return found.astimezone(BERLIN) if found else None


@pytest.mark.parametrize(
    ("digest", "now", "expected"),
    [
        (Digest.NONE, FRIDAY_17, None),
        (Digest.WEEKLY, FRIDAY_17, None),
        (Digest.NONE, FRIDAY_19, MONDAY_9),
        (Digest.DAILY, FRIDAY_19, MONDAY_9),
        (Digest.WEEKLY, FRIDAY_19, MONDAY_9),
        (Digest.DAILY, berlin(2026, 11, 24, 7), berlin(2026, 11, 24, 9)),
        (Digest.DAILY, berlin(2026, 11, 24, 20), berlin(2026, 11, 25, 9)),
        (Digest.WEEKLY, berlin(2026, 11, 24, 20), MONDAY_9),
        (Digest.WEEKLY, berlin(2026, 11, 23, 7), berlin(2026, 11, 23, 9)),
        (Digest.WEEKLY, berlin(2026, 11, 29, 23, 59), MONDAY_9),
    ],
)
def test_until_when_it_is_held(
    digest: Digest, now: dt.datetime, expected: dt.datetime | None
) -> None:
    assert held(digest, now) == expected


def test_lunch_is_no_new_day_for_a_digest() -> None:
    week = {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in ("mon", "tue")}
    noon = berlin(2026, 11, 23, 12, 30)
    assert held(Digest.NONE, noon, week=week) == berlin(2026, 11, 23, 13)
    assert held(Digest.DAILY, noon, week=week) == berlin(2026, 11, 24, 9)
    assert held(Digest.WEEKLY, noon, week=week) == berlin(2026, 11, 30, 9)


def test_a_digest_comes_once_with_all_that_waited(people: dict[str, User]) -> None:
    settings_for(people["sdr"], digest=Digest.DAILY)
    told(people["sdr"], FRIDAY_19, n=2)
    run(FRIDAY_19)
    told(people["sdr"], FRIDAY_19 + 20 * HOUR)
    run(FRIDAY_19 + 20 * HOUR)
    assert run(MONDAY_9) == 1
    (sent,) = mail.outbox
    assert sent.subject == "3 notices from LeadQual"
    for number in range(3):
        assert f"Hannah Nr{number}" in sent.body
    assert [run(MONDAY_9), run(MONDAY_9 + HOUR), run(MONDAY_9 + 24 * HOUR)] == [0, 0, 0]


def test_what_comes_in_open_hours_is_in_no_digest(people: dict[str, User]) -> None:
    settings_for(people["sdr"], digest=Digest.WEEKLY)
    told(people["sdr"], FRIDAY_17)
    assert run(FRIDAY_17) == 1


def test_without_a_digest_each_comes_by_itself_but_many_come_together(
    people: dict[str, User],
) -> None:
    told(people["sdr"], FRIDAY_19, n=3)
    run(FRIDAY_19)
    assert run(MONDAY_9) == 3
    told(people["sdr"], MONDAY_9, n=40)
    assert run(MONDAY_9) == 1
    assert mail.outbox[-1].subject == "40 notices from LeadQual"


def test_what_waited_and_was_read_meanwhile_needs_no_mail(people: dict[str, User]) -> None:
    read, unread = told(people["sdr"], FRIDAY_19, n=2)
    run(FRIDAY_19)
    mark_read(notice=read, now=FRIDAY_19 + HOUR)
    assert run(MONDAY_9) == 1
    assert f"Nr{1}" in mail.outbox[0].subject
    assert unread.read_at is None


def want(person: User, channels: Collection[Channel]) -> None:
    wanted = {(RETURNED, channel) for channel in channels}
    choose(person=person, wanted=wanted, is_quiet=True, digest=Digest.NONE)


def test_who_switches_mail_off_while_it_waits_gets_none(people: dict[str, User]) -> None:
    told(people["sdr"], FRIDAY_19)
    run(FRIDAY_19)
    want(people["sdr"], [Channel.IN_APP])
    assert run(MONDAY_9) == 0
    assert not OutboxMessage.objects.exists()


def test_who_switches_it_off_after_it_was_posted_gets_none(people: dict[str, User]) -> None:
    told(people["sdr"], MONDAY_10)
    plan_due(now=MONDAY_10)
    want(people["sdr"], [])
    assert deliver_due(now=MONDAY_10) == 0
    assert OutboxMessage.objects.get().state == OutboxMessage.State.CANCELLED


def test_a_lead_that_left_their_sight_is_in_no_mail(people: dict[str, User]) -> None:
    gone, here = told(people["sdr"], MONDAY_10, n=2)
    elsewhere = TeamFactory(name="Elsewhere")
    Lead.objects.filter(pk=gone.lead_id).update(team=elsewhere)
    assert run(MONDAY_10) == 1
    assert f"Nr{1}" in mail.outbox[0].subject
    states = OutboxMessage.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["cancelled", "sent"]
    assert here.lead_id != gone.lead_id


def test_a_digest_leaves_out_what_left_their_sight(people: dict[str, User]) -> None:
    gone = told(people["sdr"], MONDAY_10, n=5)[0]
    Lead.objects.filter(pk=gone.lead_id).update(
        team=TeamFactory(name="Elsewhere"), last_name="Canary"
    )
    assert run(MONDAY_10) == 1
    assert mail.outbox[0].subject == "4 notices from LeadQual"
    assert "Canary" not in mail.outbox[0].body


def test_somebody_without_address_or_who_has_gone(people: dict[str, User]) -> None:
    told(people["sdr"], MONDAY_10)
    User.objects.filter(pk=people["sdr"].pk).update(email="")
    assert run(MONDAY_10) == 0
    assert OutboxMessage.objects.get().state == OutboxMessage.State.DEAD
    told(people["sdr"], MONDAY_10)
    User.objects.filter(pk=people["sdr"].pk).update(is_active=False)
    assert run(MONDAY_10) == 0
    assert not Notice.objects.exclude(due_at=None).exists()


def test_a_name_breaks_no_header(people: dict[str, User]) -> None:
    (notice,) = told(people["sdr"], MONDAY_10)
    Lead.objects.filter(pk=notice.lead_id).update(first_name="Eve\r\nBcc: all@example.org")
    run(MONDAY_10)
    assert "\n" not in mail.outbox[0].subject
    assert "Bcc" not in mail.outbox[0].message()


def test_the_message_id_is_that_of_the_key(people: dict[str, User]) -> None:
    told(people["sdr"], MONDAY_10)
    plan_due(now=MONDAY_10)
    key = OutboxMessage.objects.get().key
    for _ in range(2):
        OutboxMessage.objects.update(state=OutboxMessage.State.WAITING, due_at=MONDAY_10)
        deliver_due(now=MONDAY_10)
    ids = {sent.extra_headers["Message-ID"] for sent in mail.outbox}
    assert len(mail.outbox) == 2
    assert ids == {f"<{key.replace(':', '.')}@localhost>"}


def test_somebody_without_a_team_follows_the_fallback_team(people: dict[str, User]) -> None:
    calendar_for(Team.objects.get(is_fallback=True), office("Asia/Tokyo"), name="Tokyo")
    User.objects.filter(pk=people["admin"].pk).update(team=None)
    admin = User.objects.get(pk=people["admin"].pk)
    lead = LeadFactory()
    tell(kind=RETURNED, people=[admin], key="t", lead=lead, words={"by": "A"}, now=MONDAY_10)
    assert run(MONDAY_10) == 0
    assert Notice.objects.get(key="t").due_at == dt.datetime(2026, 11, 24, 0, tzinfo=dt.UTC)


@pytest.mark.django_db(transaction=True)
def test_planners_at_once_post_each_notice_once(people: dict[str, User]) -> None:
    told(people["sdr"], MONDAY_10, n=3)
    told(people["manager"], MONDAY_10, n=3)
    all_done([lambda: plan_due(now=MONDAY_10) for _ in range(3)])
    planned = [pk for row in OutboxMessage.objects.all() for pk in row.payload["notices"]]
    assert sorted(planned) == sorted(Notice.objects.values_list("pk", flat=True))
