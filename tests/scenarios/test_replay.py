"""A company's two months of work: the score of every decision is found again, line for line."""

from __future__ import annotations

import datetime as dt

import pytest

from qualification.demo.seed import seed
from qualification.models import Decision
from qualification.scoring.ledger import Ledger, ledger_of


@pytest.mark.django_db
def test_every_decision_of_the_demo_is_found_again() -> None:
    seed(leads=60, now=dt.datetime.now(dt.UTC), on_progress=lambda done, whole: None)
    made = [row for row in Decision.objects.all() if row.frozen.get("ledger")]
    assert len(made) > 20
    for decision in made:
        frozen = Ledger.from_json(decision.frozen["ledger"])
        assert ledger_of(decision.lead_id, as_of=decision.at) == frozen
