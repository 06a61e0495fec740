"""Rules are edited and published while leads are scored: no score is made of two versions, and none
is left from an old one. `RULE_EDITS=50 RULE_EDIT_LEADS=5000` on demand; the suite plays fewer."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from crm.models import Lead
from qualification import runner
from qualification.invariants import violations
from qualification.models import LeadScore
from qualification.scoring import drafts, rescore, versions
from qualification.scoring.document import checked_document
from tests.qualification.queue_support import in_threads
from tests.qualification.scoring.conftest import StoreFacts, document, rule

pytestmark = pytest.mark.django_db(transaction=True)

EDITS = int(os.environ.get("RULE_EDITS", "6"))
LEADS = int(os.environ.get("RULE_EDIT_LEADS", "120"))
CHUNK = 25
TITLES = ("CEO", "Clerk", "")
# What the law says of the edit that made version n: this many points a title, and none without.
LAW: dict[str, Callable[[int], int]] = {
    "CEO": lambda n: 10 + n,
    "Clerk": lambda n: 100 - n,
    "": lambda _: 0,
}


def edit(number: int) -> Any:
    """The rules of version `number`: one rule for each title."""
    rules = [
        rule({"subject": "lead.title", "op": "is", "value": title}, LAW[title](number))
        for title in TITLES
        if title
    ]
    return checked_document(document(*rules))


@pytest.fixture
def title_of(store_facts: StoreFacts) -> dict[int, str]:
    titles = [TITLES[number % len(TITLES)] for number in range(LEADS)]
    ids = store_facts(
        [{"lead": {"title": title}, "account": None, "attributes": {}} for title in titles]
    )
    return dict(zip(ids, titles, strict=True))


class Editing:
    """Somebody publishes, others score meanwhile, one looks on."""

    def __init__(self, title_of: dict[int, str]) -> None:
        self.title_of = title_of
        self.ids = list(title_of)
        self.is_over = threading.Event()
        self.looks = 0

    def publish(self) -> None:
        """Every version after the other."""
        try:
            for number in range(1, EDITS + 1):
                model = drafts.load_draft(edit(number), by=None, now=timezone.now())
                versions.activate_as_operator(model=model, now=timezone.now())
        finally:
            self.is_over.set()

    def score_few(self) -> None:
        """As the pipeline does after each message, round and round."""
        place = 0
        while not self.is_over.is_set():
            rescore.score_leads(self.ids[place : place + CHUNK], now=timezone.now())
            place = (place + CHUNK) % len(self.ids)

    def score_all(self) -> None:
        """As a worker does after a publish."""
        while not self.is_over.is_set():
            runner.work_runs(now=timezone.now(), seconds=1)

    def look_on(self) -> list[tuple[int, int, int]]:
        """What stands at some moment and is not what its version says."""
        mixed: list[tuple[int, int, int]] = []
        while not self.is_over.is_set():
            mixed += self.mixed()
            self.looks += 1
        return mixed

    def mixed(self) -> list[tuple[int, int, int]]:
        """(lead, version, tenths) of each stored score that its version does not give."""
        stored = LeadScore.objects.values_list("lead_id", "model__version", "total_tenths")
        return [
            (lead, version, tenths)
            for lead, version, tenths in stored
            if tenths != 10 * LAW[self.title_of[lead]](version)
        ]

    def play(self) -> list[Any]:
        """All of them at once; what each returned or raised."""
        return in_threads(
            [self.publish, self.score_few, self.score_few, self.score_all, self.look_on]
        )


def test_no_score_is_mixed_and_none_is_left_behind(title_of: dict[int, str]) -> None:
    editing = Editing(title_of)
    assert editing.play() == [None, None, None, None, []]
    assert editing.looks > 0
    runner.work_runs(now=timezone.now())
    assert editing.mixed() == []
    assert dict(LeadScore.objects.values_list("lead_id", "model__version")) == dict.fromkeys(
        title_of, EDITS
    )
    late = [found for found in violations() if "score" in found.kind or "grade" in found.kind]
    assert late == []


def test_control_without_holding_the_versions_an_old_score_stays(
    title_of: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who read the live version before a publish stores their score after it."""
    first, second = (drafts.load_draft(edit(n), by=None, now=timezone.now()) for n in (1, 2))
    versions.activate_as_operator(model=first, now=timezone.now())
    runner.work_runs(now=timezone.now())
    write, ids = rescore._write, list(title_of)

    def late(*args: Any) -> Any:
        switch = threading.Thread(target=publish)
        switch.start()
        switch.join(timeout=60)
        return write(*args)

    def publish() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '10s'")
            versions.activate_as_operator(model=second, now=timezone.now())
            runner.work_runs(now=timezone.now())
        finally:
            connection.close()

    monkeypatch.setattr(rescore, "_write", late)
    monkeypatch.setattr(rescore, "hold_versions", lambda: None)
    Lead.objects.filter(pk=ids[0]).update(first_name="Ada")
    rescore.score_leads(ids[:1], now=timezone.now())
    assert LeadScore.objects.get(lead=ids[0]).model_id == first.pk
    assert LeadScore.objects.get(lead=ids[1]).model_id == second.pk
