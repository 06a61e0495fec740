"""Discovery: canonical criteria, the frameworks that ask for them, and the answers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from qualification.choices import AnswerState


class Criterion(models.Model):
    """One thing worth knowing, whichever framework asks for it. Answered once, shown in each."""

    class ValueType(models.TextChoices):
        TEXT = "text", _("Text")
        BOOLEAN = "boolean", _("Yes or no")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        PERSON = "person", _("Person")

    key = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=80)
    value_type = models.CharField(max_length=7, choices=ValueType, default=ValueType.TEXT)

    class Meta:
        ordering = ["key"]
        verbose_name_plural = "criteria"

    def __str__(self) -> str:
        return self.label


class Framework(models.Model):
    """A checklist: BANT, CHAMP, MEDDIC, GPCT, or one made from them. A new version is a new row;
    work in progress keeps the version it began with."""

    key = models.SlugField(max_length=40)
    version = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=80)
    is_default = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["key", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "version"], name="qualification_framework_one_version"
            ),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="qualification_framework_one_default",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FrameworkItem(models.Model):
    """One question of a framework: the part it belongs to, what it asks for, whether it gates."""

    framework = models.ForeignKey(Framework, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    part = models.CharField(max_length=60, help_text=_("Such as Budget or Economic buyer."))
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="items")
    question = models.CharField(max_length=200)
    why = models.CharField(max_length=200, blank=True)
    is_required = models.BooleanField(default=False)
    unknown_ok = models.BooleanField(
        default=False, help_text=_("“Unknown”, said so, meets the requirement.")
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["framework", "criterion"], name="qualification_frameworkitem_one_each"
            )
        ]

    def __str__(self) -> str:
        return self.question


class ChecklistAnswer(models.Model):
    """What is known about a criterion for a lead, how sure, from where. A newer answer supersedes
    the older, which stays. `value` is text as it was said, a number, a date (ISO), true or
    false."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="answers")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="answers")
    value = models.JSONField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=AnswerState)
    source = models.CharField(max_length=120, blank=True, help_text=_("Call, mail, form, website…"))
    evidence_url = models.URLField(blank=True)
    answered_on = models.DateField(help_text=_("When it was said."))
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-recorded_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "criterion"],
                condition=Q(superseded_at=None),
                name="qualification_answer_one_current",
            )
        ]

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.state}"
