"""Rows for scoring tests: leads from plain facts, versions from plain documents."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from crm.models import Account, Activity, ActivityVerdict, Lead, LeadRole, Source, Team
from qualification import runner
from qualification.models import ChecklistAnswer, Criterion, RunKind, ScoringModel, Segment
from qualification.scoring import drafts, runs, versions
from qualification.scoring.document import checked_document

THRESHOLDS = {"mql": 30, "fit": {"A": 30, "B": 20, "C": 10}, "intent": {"1": 30, "2": 20, "3": 10}}
OPEN_LIMITS = {"total": [-10_000, 10_000]}

LoadModel = Callable[..., ScoringModel]
StoreFacts = Callable[[list[dict[str, Any]]], list[int]]
SaveSegments = Callable[[dict[str, dict[str, Any]]], None]


def rule(when: dict[str, Any], points: float = 10, **more: Any) -> dict[str, Any]:
    """A rule of a document; fit unless said otherwise."""
    return {"name": "A rule", "dimension": "fit", "when": when, "points": points} | more


def document(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document with these rules; equal names get numbers."""
    named = [
        one | {"name": f"{one['name']} {number}" if len(rules) > 1 else one["name"]}
        for number, one in enumerate(rules)
    ]
    return {"name": "Test", "thresholds": THRESHOLDS, "limits": OPEN_LIMITS, "rules": named} | more


def score_all(now: dt.datetime) -> runs.Progress:
    """All leads under the live version, as the command does it."""
    model = versions.active_model()
    assert model is not None
    run = runs.start_run(kind=RunKind.RESCORE, model=model, now=now)
    runner.work_runs(now=now, run=run)
    return runs.progress_of(run)


@pytest.fixture
def load_model(db: None, now: dt.datetime) -> LoadModel:
    """A draft (or the active version) from a plain document."""

    def load(raw: dict[str, Any], *, activate: bool = False) -> ScoringModel:
        model = drafts.load_draft(checked_document(raw), by=None, now=now)
        return versions.activate_as_operator(model=model, now=now) if activate else model

    return load


@pytest.fixture
def save_segments(db: None, now: dt.datetime) -> SaveSegments:
    """Segments by key, made or changed."""

    def save(queries: dict[str, dict[str, Any]]) -> None:
        for key, query in queries.items():
            stamps = {"created_at": now, "updated_at": now}
            Segment.objects.update_or_create(key=key, defaults={"query": query, **stamps})

    return save


@pytest.fixture
def store_facts(db: None, now: dt.datetime) -> StoreFacts:
    """Leads with accounts, answers, activities, verdicts and colleagues from plain facts; their
    ids."""

    def store(many: list[dict[str, Any]]) -> list[int]:
        team = Team.objects.get(is_fallback=True)
        stamps = {"stage_at": now, "created_at": now, "updated_at": now}
        accounts = Account.objects.bulk_create(
            Account(**(facts["account"] or {"name": "none"}), created_at=now, updated_at=now)
            for facts in many
        )
        leads = Lead.objects.bulk_create(
            Lead(
                **{"received_at": now} | facts["lead"] | {"source": source_named(facts, now)},
                **stamps,
                attributes=facts["attributes"],
                account=account if facts["account"] is not None else None,
                team=team,
            )
            for facts, account in zip(many, accounts, strict=True)
        )
        others = [
            (colleague, account)
            for facts, account in zip(many, accounts, strict=True)
            for colleague in facts.get("colleagues", [])
        ]
        colleagues = Lead.objects.bulk_create(
            Lead(received_at=now, **stamps, account=account, team=team, source=leads[0].source)
            for _, account in others
        )
        store_answers(leads, many, now)
        everybody = [*leads, *colleagues]
        done = [*many, *(colleague for colleague, _ in others)]
        store_activities(everybody, done)
        store_roles(everybody, done)
        return [lead.pk for lead in leads]

    return store


def source_named(facts: dict[str, Any], now: dt.datetime) -> Source:
    """The source the facts name, made where new."""
    name = facts["lead"].get("source", "oracle")
    defaults = {"kind": "file", "credential": name, "created_at": now}
    return Source.objects.get_or_create(name=name, defaults=defaults)[0]


def store_roles(leads: list[Lead], many: list[dict[str, Any]]) -> None:
    """What parts they play, and played until when."""
    LeadRole.objects.bulk_create(
        LeadRole(lead=lead, source="test", **role)
        for lead, facts in zip(leads, many, strict=True)
        for role in facts.get("roles", [])
    )


def store_answers(leads: list[Lead], many: list[dict[str, Any]], now: dt.datetime) -> None:
    """Current answers of the leads."""
    criteria = {criterion.key: criterion for criterion in Criterion.objects.all()}
    ChecklistAnswer.objects.bulk_create(
        ChecklistAnswer(
            lead=lead,
            criterion=criteria[key],
            **answer,
            answered_on=now.date(),
            recorded_at=now - dt.timedelta(days=400),
        )
        for lead, facts in zip(leads, many, strict=True)
        for key, answer in facts.get("checklist", {}).items()
    )


def store_activities(leads: list[Lead], many: list[dict[str, Any]]) -> None:
    """Activities and the verdicts on them."""
    plain = [
        (lead, activity)
        for lead, facts in zip(leads, many, strict=True)
        for activity in facts.get("activities", [])
    ]
    rows = Activity.objects.bulk_create(
        Activity(lead=lead, **{k: v for k, v in activity.items() if k != "verdicts"})
        for lead, activity in plain
    )
    ActivityVerdict.objects.bulk_create(
        ActivityVerdict(activity=row, is_machine=machine, reason="test", recorded_at=at)
        for row, (_, activity) in zip(rows, plain, strict=True)
        for at, machine in activity.get("verdicts", [])
    )


@pytest.fixture
def score_facts(db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Runs the command over lines of text or bytes; its answers, parsed."""

    def run(model: ScoringModel, lines: list[str] | bytes) -> list[dict[str, Any]]:
        raw = lines if isinstance(lines, bytes) else "".join(f"{x}\n" for x in lines).encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        out = io.StringIO()
        call_command("score_facts", model=model.version, stdout=out)
        return [json.loads(line) for line in out.getvalue().splitlines()]

    return run
