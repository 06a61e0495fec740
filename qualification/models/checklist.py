"""Discovery: canonical criteria, the frameworks that ask for them, and the answers."""

from __future__ import annotations

import pghistory
import pgtrigger
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead, User
from qualification.choices import AnswerState
from qualification.models.segment import Segment

# A checklist that was published is what people are working with: its questions stay.
_QUESTIONS_STAY = """
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NEW;
    END IF;
    IF EXISTS (
        SELECT FROM qualification_framework
        WHERE id IN (OLD.framework_id, NEW.framework_id) AND published_at IS NOT NULL
        FOR SHARE
    ) THEN
        RAISE EXCEPTION 'the questions of a published checklist stay; make a new version'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
"""


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
    stale_after_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("An answer older than this is shown as stale; blank: never."),
    )

    class Meta:
        ordering = ["key"]
        verbose_name_plural = "criteria"

    def __str__(self) -> str:
        return self.label


@pghistory.track()
class Framework(models.Model):
    """A checklist: BANT, CHAMP, MEDDIC, GPCT, or one made from them. A new version is a new row;
    work in progress keeps the version it began with.

    A version is a draft until it is published; from then on its questions stay.
    """

    key = models.SlugField(max_length=40)
    version = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=80)
    is_default = models.BooleanField(default=False)
    is_active = models.BooleanField(default=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["key", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "version"], name="qualification_framework_one_version"
            ),
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(is_active=True),
                name="qualification_framework_one_on_offer",
            ),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="qualification_framework_one_default",
            ),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(published_at__isnull=False),
                name="qualification_framework_published_before_use",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="stays_published",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.published_at IS NOT NULL AND (OLD.published_at, OLD.key, OLD.version)"
                    " IS DISTINCT FROM (NEW.published_at, NEW.key, NEW.version)"
                ),
            ),
            pgtrigger.Protect(
                name="published_is_kept",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Condition("OLD.published_at IS NOT NULL"),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_draft(self) -> bool:
        """Whether its questions can still be changed."""
        return self.published_at is None


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
    stale_ok = models.BooleanField(
        default=True, help_text=_("An answer that has become stale still meets the requirement.")
    )

    class Meta:
        verbose_name = _("question")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["framework", "criterion"], name="qualification_frameworkitem_one_each"
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="questions_stay",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func=_QUESTIONS_STAY,
            )
        ]

    def __str__(self) -> str:
        return self.question


class FrameworkText(models.Model):
    """A question in another language; blank parts are shown as the checklist has them. It says the
    same in other words, so it may be written at any time."""

    item = models.ForeignKey(FrameworkItem, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=10, help_text=_("Such as de or pt-br."))
    question = models.CharField(max_length=200)
    why = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["item", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "language"], name="qualification_frameworktext_one_each"
            )
        ]

    def __str__(self) -> str:
        return self.question


@pghistory.track()
class FrameworkRule(models.Model):
    """Which checklist a lead is worked with: the first rule by position that holds decides.

    `condition` is a `when` of the file format of scoring without activities, {} for every lead;
    the segment, if one is named, must hold too. `framework_key` names the checklist, whichever of
    its versions is on offer.
    """

    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=80, unique=True)
    is_active = models.BooleanField(default=True)
    segment = models.ForeignKey(
        Segment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    condition = models.JSONField(default=dict, blank=True)
    framework_key = models.SlugField(_("checklist"), max_length=40)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class ChecklistAnswer(models.Model):
    """What is known about a criterion for a lead, how sure, from where. A newer answer supersedes
    the older, which stays. `value` is text as it was said, a number, a date (ISO), true or
    false."""

    lead = models.ForeignKey(
        Lead,
        on_delete=models.CASCADE,
        related_name="answers",
        db_index=False,  # qualification_answer_journey begins with it
    )
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
        indexes = [
            # A page of the journey.
            models.Index(
                fields=["lead", "-recorded_at", "-id"], name="qualification_answer_journey"
            )
        ]

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.state}"
