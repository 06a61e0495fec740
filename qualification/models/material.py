"""What colleagues may show a lead: case studies, guides, pages."""

from __future__ import annotations

from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Lead
from crm.stages import Stage
from qualification.models.segment import Segment

# Whoever talks to a lead that waits is about to work on it.
TALKED_TO_AS = {Stage.NEW: Stage.WORKING, Stage.MQL: Stage.WORKING, Stage.OPPORTUNITY: Stage.SQL}
IS_HTTPS = URLValidator(schemes=["https"], message=_("A link that begins with https://"))


class MaterialStage(models.TextChoices):
    """When it helps; blank is always."""

    WORKING = Stage.WORKING.value, _("Being qualified")
    NURTURE = Stage.NURTURE.value, _("In nurture")
    SQL = Stage.SQL.value, _("Handed over")


class MaterialQuerySet(models.QuerySet["Material"]):
    def for_stage(self, lead: Lead) -> MaterialQuerySet:
        """Those in use that help at the stage of this lead, in their order."""
        stage = TALKED_TO_AS.get(Stage(lead.stage), lead.stage)
        return self.filter(Q(stage="") | Q(stage=stage), is_active=True)


class Material(models.Model):
    """A page with what it shows, for the leads it is meant for.

    `condition` is a `when` of the file format of scoring without activities, {} for every lead; the
    segment, if one is named, must hold too.
    """

    position = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(max_length=120, unique=True)
    url = models.CharField(_("link"), max_length=500, validators=[IS_HTTPS])
    shows = models.CharField(
        max_length=200, blank=True, help_text=_("Why it helps, in a sentence for colleagues.")
    )
    stage = models.CharField(
        max_length=12, choices=MaterialStage, blank=True, help_text=_("Blank: always.")
    )
    segment = models.ForeignKey(
        Segment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    condition = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)

    objects = MaterialQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(url__startswith="https://"), name="qualification_material_is_https"
            )
        ]

    def __str__(self) -> str:
        return self.title
