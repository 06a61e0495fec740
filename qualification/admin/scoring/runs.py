"""Long runs from the admin: start one, follow it, read what it found."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from qualification.admin.scoring.pages import editor_in
from qualification.models import RunKind, RunState, ScoringModel, ScoringRun
from qualification.scoring import runs


def begin(request: HttpRequest, kind: RunKind, model: ScoringModel) -> ScoringRun:
    """A run over all leads, asked for by the person of the request; one that goes on is joined."""
    return runs.start_run(kind=kind, model=model, by=editor_in(request), now=timezone.now())


def latest(kind: RunKind, model: ScoringModel) -> ScoringRun | None:
    """The newest run of this kind over the version."""
    return ScoringRun.objects.filter(kind=kind, model=model).order_by("-pk").first()


def progress_context(run: ScoringRun | None) -> dict[str, Any]:
    """How far a run is; nothing without one."""
    if run is None:
        return {"run": None}
    progress = runs.progress_of(run)
    percent = 100 * progress.done // progress.total if progress.total else 100
    is_running = run.state == RunState.RUNNING
    return {"run": run, "progress": progress, "percent": percent, "is_running": is_running}
