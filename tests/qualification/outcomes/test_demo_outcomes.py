"""The demo shows outcomes, through the same door as real ones, and breaks no law."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import Lead, Outcome
from qualification.demo.seed import seed
from qualification.invariants import violations

pytestmark = pytest.mark.django_db


def test_deals_of_the_demo_go_on() -> None:
    now = dt.datetime.now(dt.UTC)
    seed(leads=120, now=now, on_progress=lambda done, whole: None)
    told = set(Outcome.objects.values_list("value", flat=True))
    assert {"opportunity", "lost"} <= told
    assert not Outcome.objects.filter(lead=None).exists()
    assert not Outcome.objects.exclude(effect="").exists()
    assert Lead.objects.filter(stage__in=["opportunity", "won", "lost"]).exists()
    assert violations(now=now) == []
