"""Long work over all leads as rows: a run and its key ranges, which any worker may take."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import User
from qualification.models.scoring import ScoringModel


class RunKind(models.TextChoices):
    RESCORE = "rescore", _("Score all leads")
    SIMULATE = "simulate", _("Simulate a version")
    USAGE = "usage", _("Rule usage")


class RunState(models.TextChoices):
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    STOPPED = "stopped", _("Stopped")
    FAILED = "failed", _("Failed")


class ScoringRun(models.Model):
    """One pass over all leads under one version, as of one moment. `scoring/runs.py` is the only
    writer. `against`: the version a simulation compares with. `result`: what the run found."""

    kind = models.CharField(max_length=8, choices=RunKind)
    state = models.CharField(max_length=8, choices=RunState, default=RunState.RUNNING)
    model = models.ForeignKey(ScoringModel, on_delete=models.CASCADE, related_name="runs")
    against = models.ForeignKey(
        ScoringModel, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    as_of = models.DateTimeField()
    requested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    result: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "model"],
                condition=models.Q(state="running"),
                name="qualification_scoringrun_one_running",
            ),
            models.CheckConstraint(
                condition=models.Q(state="running", finished_at__isnull=True)
                | (~models.Q(state="running") & models.Q(finished_at__isnull=False)),
                name="qualification_scoringrun_finished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class ScoringChunk(models.Model):
    """A key range of a run, both ends included. Taken under a lease; whoever dies leaves it to the
    next. `token` rises with every taking and fences off late writes."""

    run = models.ForeignKey(ScoringRun, on_delete=models.CASCADE, related_name="chunks")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    scored = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    result: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["first"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "first"], name="qualification_scoringchunk_one_range"
            )
        ]
        indexes = [
            # scoring/runs.py looks for the next range nobody has done.
            models.Index(
                fields=["run", "first"],
                condition=models.Q(done_at__isnull=True),
                name="qualification_chunk_to_do",
            )
        ]

    def __str__(self) -> str:
        return f"{self.first}–{self.last}"
