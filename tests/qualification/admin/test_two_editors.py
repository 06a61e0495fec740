"""Two admins edit one draft at the same moment: what each may do alone must be usable together."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from crm.models import User
from qualification.models import ModelChange, ScoringModel, ScoringRule
from qualification.scoring import drafts
from tests.qualification.admin.support import form_data, rule_of, rule_path
from tests.qualification.queue_support import wait_for_a_lock


@pytest.mark.django_db(transaction=True)
def test_the_second_is_checked_against_what_the_first_wrote(
    draft: ScoringModel, admin: Client, people: dict[str, User]
) -> None:
    mine, theirs = rule_of(draft, "director"), rule_of(draft, "far-away")
    data = form_data(admin, rule_path(mine)) | {"name": "Same name"}
    answers: list[int] = []

    def save() -> None:
        try:
            answers.append(admin.post(rule_path(mine), data).status_code)
        finally:
            connection.close()

    thread = threading.Thread(target=save)
    with transaction.atomic():
        ScoringRule.objects.filter(pk=theirs.pk).update(name="Same name")
        now, by = timezone.now(), people["admin"]
        drafts.note_edit(draft=draft, by=by, text="Far away: now called Same name", now=now)
        thread.start()
        # It has looked and found nothing wrong; now it wants to note its change.
        wait_for_a_lock()
    thread.join()
    mine.refresh_from_db()
    assert (answers, mine.name) == ([422], "Director")
    assert ModelChange.objects.filter(model=draft).count() == 1
