"""Who asks again: back to the queue, or one more activity."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.models import (
    Activity,
    Lead,
    Source,
    StageEvent,
    User,
)
from crm.stages import Stage
from qualification.models import LeadScore, ReviewItem
from tests import factories
from tests.qualification import decision_support
from tests.qualification.pipeline_support import ANA, NOW, source, take
from tests.qualification.queue_support import give_score

__all__ = ["source"]


def stage_lead(stage: str, by: str = "person") -> Lead:
    """A lead in a stage, brought there on allowed ways."""
    ways = {
        "new": (),
        "mql": ("mql",),
        "working": ("mql", "working"),
        "nurture": ("mql", "working", "nurture"),
        "sql": ("mql", "working", "sql"),
        "opportunity": ("mql", "working", "sql", "opportunity"),
        "won": ("mql", "working", "sql", "opportunity", "won"),
        "lost": ("mql", "working", "sql", "lost"),
        "disqualified": ("mql", "working", "disqualified"),
    }
    lead = factories.LeadFactory(email=ANA["email"])
    for step in ways[stage]:
        by_whom = by if step == "disqualified" else ""
        Lead.objects.filter(pk=lead.pk).update(stage=step, disqualified_by=by_whom)
    return lead


@pytest.mark.parametrize("stage", ["disqualified", "lost", "nurture"])
def test_it_brings_back_who_asks_again(source: Source, stage: str) -> None:
    lead = stage_lead(stage)
    take(source, **ANA)
    lead.refresh_from_db()
    item = ReviewItem.objects.get()
    assert (lead.stage, item.entry_reason, item.lead) == (Stage.MQL, "reinquiry", lead)
    assert StageEvent.objects.get().to_stage == "mql"


def test_an_inquiry_from_long_before_the_decision_reopens_nothing(source: Source) -> None:
    lead = stage_lead("lost")
    old = (lead.stage_at - dt.timedelta(days=2)).isoformat()
    take(source, **ANA, occurred_at=old)
    lead.refresh_from_db()
    assert lead.stage == "lost"
    assert Activity.objects.get().type == "form_submit"


@pytest.mark.parametrize("stage", ["new", "mql", "working", "sql", "opportunity", "won"])
def test_it_only_records_the_activity_elsewhere(source: Source, stage: str) -> None:
    lead = stage_lead(stage)
    take(source, **ANA)
    lead.refresh_from_db()
    assert lead.stage == stage
    assert Activity.objects.get().lead == lead
    assert not ReviewItem.objects.exists()


def test_it_does_not_bring_back_whom_a_rule_disqualified(source: Source) -> None:
    lead = stage_lead("disqualified", by="rule")
    take(source, **ANA)
    lead.refresh_from_db()
    assert lead.stage == "disqualified"


def test_it_does_not_take_a_page_view_for_asking(source: Source) -> None:
    lead = stage_lead("lost")
    take(source, **ANA, type="page_view")
    lead.refresh_from_db()
    assert lead.stage == "lost"
    assert Activity.objects.get().type == "page_view"


def test_an_inquiry_that_corrects_the_disqualifying_fact_comes_back(
    source: Source, people: dict[str, User]
) -> None:
    model = decision_support.active_model(points="50.0")
    decision = decision_support.rejected(people["sdr"])
    give_score(decision.lead, 900, disqualified="competitor")
    LeadScore.objects.update(model=model)
    take(source, NOW + dt.timedelta(hours=1), email=decision.lead.email, type="demo_request")
    decision.lead.refresh_from_db()
    assert decision.lead.stage == Stage.MQL
