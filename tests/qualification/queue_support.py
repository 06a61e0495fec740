"""Rows and threads for the tests of the queue: a live model, scored leads, items, races."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction

from crm.models import Lead, Source, Team, User
from qualification.choices import EntryReason
from qualification.models import LeadScore, ReviewItem, ScoringModel, ScoringRun, SLATimer
from qualification.review.queue import enter_queue
from qualification.sweeps import SWEEPERS
from tests import factories
from tests.qualification.grades import LETTERS, NUMBERS, TIERS

NOW = factories.NOW
MQL = 400


def sweep_queue(*, now: dt.datetime) -> None:
    """What a pass does about who can work what, and about claims that ran out."""
    for name in ("holds", "assignments", "leases"):
        SWEEPERS[name](now)


def minutes(n: float) -> dt.timedelta:
    return dt.timedelta(minutes=n)


def active_model(**fields: Any) -> ScoringModel:
    """The live model, with its line at 40.0 points; made on first use."""
    found = ScoringModel.objects.filter(status="active").first()
    if found is not None:
        return found
    model = ScoringModel.objects.create(
        **{
            "version": 1,
            "name": "Live",
            "status": "active",
            "mql": "40.0",
            "accept": "65.0",
            "fit_thresholds": LETTERS,
            "intent_thresholds": NUMBERS,
            "tiers": TIERS,
            "actions": {},
            "created_at": NOW,
            "published_at": NOW,
            "published_as": "operator",
            **fields,
        }
    )
    # All leads were scored under it when it went live: sweeps leave the scores of tests alone.
    ScoringRun.objects.create(
        kind="rescore", state="done", model=model, as_of=NOW, requested_at=NOW, finished_at=NOW
    )
    return model


def give_score(lead: Lead, tenths: int, *, tier: str = "warm", disqualified: str = "") -> LeadScore:
    """The current score of a lead under the active model."""
    score, _ = LeadScore.objects.update_or_create(
        lead=lead,
        defaults={
            "model": active_model(),
            "fit_tenths": tenths,
            "intent_tenths": 0,
            "total_tenths": tenths,
            "grade": "" if disqualified else "B2",
            "tier": "" if disqualified else tier,
            "disqualified": disqualified,
            "as_of": NOW,
        },
    )
    return score


def scored_lead(
    tenths: int = 500, *, tier: str = "warm", disqualified: str = "", **fields: Any
) -> Lead:
    """A new lead with a score."""
    lead = factories.LeadFactory(**fields)
    give_score(lead, tenths, tier=tier, disqualified=disqualified)
    return lead


def waiting_item(
    tenths: int = 500, *, tier: str = "warm", now: dt.datetime = NOW, **fields: Any
) -> ReviewItem:
    """A scored lead that just entered the queue."""
    lead = scored_lead(tenths, tier=tier, **fields)
    (pk,) = enter_queue([lead.pk], reason=EntryReason.THRESHOLD, now=now)
    return ReviewItem.objects.get(pk=pk)


def many_waiting(count: int, team: Team, *, now: dt.datetime = NOW) -> list[int]:
    """Many leads in the queue of one team, with scores that differ."""
    source = factories.SourceFactory()
    model = active_model()
    leads = Lead.objects.bulk_create(
        Lead(
            team=team,
            source=Source(pk=source.pk),
            stage_at=now,
            received_at=now,
            created_at=now,
            updated_at=now,
            email=f"many{n}@brightwater.example",
            email_key=f"many{n}@brightwater.example",
        )
        for n in range(count)
    )
    LeadScore.objects.bulk_create(
        LeadScore(
            lead=lead,
            model=model,
            fit_tenths=400 + n % 600,
            intent_tenths=0,
            total_tenths=400 + n % 600,
            grade="B2",
            tier=("hot", "warm", "cool", "cold")[n % 4],
            as_of=now,
        )
        for n, lead in enumerate(leads)
    )
    return enter_queue([lead.pk for lead in leads], reason=EntryReason.THRESHOLD, now=now)


def live_timers(item: ReviewItem) -> list[str]:
    """Kinds of the clocks that run for an item."""
    running = SLATimer.objects.filter(item=item, state="running").order_by("kind")
    return list(running.values_list("kind", flat=True))


def verbs(item: ReviewItem) -> list[str]:
    """What happened to an item, oldest first."""
    return list(item.events.order_by("id").values_list("verb", flat=True))


def in_threads(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Runs the calls at the same moment, each in a thread with a connection of its own; what each
    returned or raised, in order."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            barrier.wait(timeout=30)
            results[index] = calls[index]()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def all_done(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The same where none may fail: the first that did is raised."""
    results = in_threads(calls)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def wait_for_a_lock(seconds: float = 60) -> None:
    """Until somebody waits for the transaction of this connection."""
    ends = time.monotonic() + seconds
    waiting = (
        "SELECT count(*), pg_sleep(0.005) FROM pg_locks"
        " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    with connection.cursor() as cursor:
        while time.monotonic() < ends:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waited")


def in_turn(first: Callable[[], Any], second: Callable[[], Any]) -> list[Any]:
    """Two calls at once of which the first wins for certain: the second begins when the first has
    written, and waits at its lock until that is committed. What each returned or raised."""
    results: list[Any] = [None, None]

    def follow() -> None:
        try:
            results[1] = second()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[1] = error
        finally:
            connection.close()

    follower = threading.Thread(target=follow)
    with transaction.atomic():
        results[0] = first()
        follower.start()
        wait_for_a_lock()
    follower.join(timeout=60)
    return results


def sdrs(count: int, team: Team) -> list[User]:
    """SDRs of one team."""
    return [factories.person("sdr", team) for _ in range(count)]
