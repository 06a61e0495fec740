"""What past decisions say about the answers to each question, counted ahead for "ask next"."""

from __future__ import annotations

from django.db import models

from qualification.models.checklist import Criterion


class QuestionTally(models.Model):
    """How past decisions ended by the answer to one criterion. Written by `review/tallies.py` only,
    always for all criteria at once.

    `answers` maps a kind of answer (yes, no, or the state) to [accepted, not accepted]; `decided`
    is their sum. `q` is the chance, over all questions together, that the answers have nothing to
    do with the outcome; empty where it could not be tested. `all_*` count every decision read.
    """

    criterion = models.OneToOneField(Criterion, on_delete=models.CASCADE, related_name="tally")
    answers = models.JSONField(default=dict)
    decided = models.PositiveIntegerField(default=0)
    q = models.FloatField(null=True)
    all_decided = models.PositiveIntegerField(default=0)
    all_accepted = models.PositiveIntegerField(default=0)
    learned_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "question tallies"

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.decided}"
