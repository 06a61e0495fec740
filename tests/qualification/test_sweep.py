"""One pass of every sweeper: what it finishes, and that one failure stops nobody else."""

import datetime as dt
import json

import pytest
from django.core.management import call_command
from django.utils import timezone

from crm.intake.inbox import store_message
from crm.models import InboxMessage, User
from qualification import pipeline, sweeps
from qualification.models import Heartbeat, LeadScore, SLAEvent
from qualification.review import waking
from qualification.review.claims import claim_item
from tests import factories
from tests.qualification import queue_support as rows

NOW = rows.NOW
NAMES = [
    *("inbox", "scores", "runs", "pauses", "timers", "overdue", "holds", "assignments", "leases"),
    *("wakeups", "tasks", "contact_hours", "notices", "presence", "outbox", "outcomes"),
    *("figures", "self_check"),
]


def stored(key: str, body: bytes | None = None) -> InboxMessage:
    lead = {"email": f"{key}@brightwater.example", "first_name": "Hannah", "company": "Brightwater"}
    message, _is_new = store_message(
        source=factories.SourceFactory(),
        event_key=key,
        body=body if body is not None else json.dumps(lead).encode(),
        content_type="application/json",
        now=NOW,
    )
    return message


@pytest.mark.django_db
def test_it_finishes_what_dead_workers_left(people: dict[str, User]) -> None:
    message = stored("m1")
    burning = rows.waiting_item(tier="hot")
    claimed = claim_item(item=rows.waiting_item(), by=people["sdr"], now=NOW)
    later = NOW + dt.timedelta(minutes=31)
    handled = sweeps.run_all(now=later)
    assert list(handled) == NAMES
    message.refresh_from_db()
    claimed.refresh_from_db()
    burning.refresh_from_db()
    assert (message.state, handled["inbox"]) == ("done", 1)
    assert (claimed.state, handled["leases"]) == ("waiting", 1)
    assert (burning.bucket, handled["timers"]) == (0, 1)
    assert SLAEvent.objects.filter(level="breach").count() == 1
    assert set(Heartbeat.objects.values_list("name", "at")) == {(name, later) for name in NAMES}


@pytest.mark.django_db
def test_a_second_pass_finds_nothing(people: dict[str, User]) -> None:
    stored("m1")
    rows.waiting_item()
    sweeps.run_all(now=NOW)
    assert set(sweeps.run_all(now=NOW).values()) == {0}


@pytest.mark.django_db
def test_a_message_not_yet_due_waits() -> None:
    message = stored("m1")
    InboxMessage.objects.filter(pk=message.pk).update(due_at=NOW + dt.timedelta(minutes=1))
    assert sweeps.process_due(now=NOW) == 0
    assert sweeps.process_due(now=NOW + dt.timedelta(minutes=1)) == 1


@pytest.mark.django_db
def test_a_bad_message_does_not_stop_the_next() -> None:
    bad, good = stored("bad", b"\x00{not json"), stored("good")
    sweeps.process_due(now=NOW)
    states = InboxMessage.objects.in_bulk([bad.pk, good.pk])
    assert (states[bad.pk].state, states[good.pk].state) == ("quarantined", "done")


@pytest.mark.django_db
def test_one_that_fails_is_logged_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(now: dt.datetime) -> int:
        raise RuntimeError("boom")

    monkeypatch.setitem(sweeps.SWEEPERS, "timers", broken)
    handled = sweeps.run_all(now=NOW)
    assert list(handled) == [name for name in NAMES if name != "timers"]
    assert not Heartbeat.objects.filter(name="timers").exists()
    with pytest.raises(SystemExit) as ended:
        call_command("sweep")
    assert ended.value.code == 1
    assert (
        capsys.readouterr()
        .out.strip()
        .endswith(
            "inbox=0 scores=0 runs=0 pauses=0 timers=- overdue=0 holds=0 assignments=0 leases=0"
            " wakeups=0 tasks=0 contact_hours=0 notices=0 presence=0 outbox=0 outcomes=0"
            " figures=0 self_check=1"
        )
    )


@pytest.mark.django_db
def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    stored("m1")
    InboxMessage.objects.update(due_at=timezone.now())
    call_command("sweep")
    assert capsys.readouterr().out.strip() == (
        "inbox=1 scores=0 runs=0 pauses=0 timers=0 overdue=0 holds=0 assignments=0 leases=0"
        " wakeups=0 tasks=0 contact_hours=0 notices=0 presence=0 outbox=0 outcomes=0"
        " figures=0 self_check=1"
    )


@pytest.mark.django_db
def test_it_scores_what_is_due_when_a_model_is_live() -> None:
    rows.active_model()
    lead = factories.LeadFactory()
    pipeline.facts_changed([lead.pk], now=NOW)
    handled = sweeps.run_all(now=NOW)
    assert handled["scores"] == 1
    assert LeadScore.objects.filter(lead=lead).exists()


def test_every_room_is_in_the_pass() -> None:
    assert list(sweeps.SWEEPERS) == NAMES
    assert waking.wake_due


@pytest.mark.django_db
def test_a_failure_is_told_without_what_people_wrote(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(now: dt.datetime) -> int:
        raise ValueError("about ana@brightwater.com")

    monkeypatch.setitem(sweeps.SWEEPERS, "wakeups", broken)
    assert "wakeups" not in sweeps.run_all(now=NOW)
    assert "sweep.failed sweeper=wakeups error=ValueError at broken" in caplog.text
    assert "brightwater" not in caplog.text
