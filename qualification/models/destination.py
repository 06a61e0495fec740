"""Where accepted leads go besides an AE: partners, what each kind of destination needs, and which
one is suggested for which lead."""

from __future__ import annotations

import pghistory
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models import Team, User
from qualification.choices import TargetKind


@pghistory.track()
class Partner(models.Model):
    """A company that takes leads of ours. It never logs in: it answers by a link in a mail."""

    name = models.CharField(max_length=120, unique=True)
    contact = models.CharField(max_length=120, help_text=_("Who reads the mail."))
    email = models.EmailField()
    region = models.CharField(max_length=120, blank=True, help_text=_("Where they sell."))
    product = models.CharField(max_length=120, blank=True, help_text=_("What they sell."))
    answer_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Open minutes of the lead's team they have to answer; blank: as the policy says."
        ),
    )
    is_active = models.BooleanField(
        default=True, help_text=_("Off: they get nothing new. Move what waits there.")
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(email=""), name="qualification_partner_can_be_reached"
            ),
            models.CheckConstraint(
                condition=Q(answer_minutes=None) | Q(answer_minutes__gte=1),
                name="qualification_partner_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name


# Whom an accepted lead is handed to: an AE, the desk of a team, or a partner.
Target = User | Team | Partner


# The columns that name a target, in the order of TargetKind.
TARGETS = ("ae", "team", "partner")


def one_target(prefix: str = "") -> Q:
    """That exactly one of the columns `<prefix>ae`, `<prefix>team` and `<prefix>partner` is set."""
    ways = [
        Q(**{f"{prefix}{name}__isnull": name != chosen for name in TARGETS}) for chosen in TARGETS
    ]
    return ways[0] | ways[1] | ways[2]


@pghistory.track()
class DestinationField(models.Model):
    """Something that must be known of a lead before it goes to a destination of this kind.

    `subject` is a subject of the rule language: lead.country, account.industry, attributes.region,
    checklist.share_consent. A question to answer by yes or no must be confirmed with yes.
    """

    target = models.CharField(_("destination"), max_length=7, choices=TargetKind)
    subject = models.CharField(_("must be known"), max_length=80)

    class Meta:
        ordering = ["target", "id"]
        verbose_name = _("required field of a destination")
        verbose_name_plural = _("required fields of destinations")
        constraints = [
            models.UniqueConstraint(
                fields=["target", "subject"], name="qualification_destinationfield_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_target_display()}: {self.subject}"


@pghistory.track()
class DestinationRule(models.Model):
    """Which team or partner is suggested for a lead: the first rule by position that fits. Where
    none does, the AEs are as before. `condition` as in routing rules."""

    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=80, unique=True)
    is_active = models.BooleanField(default=True)
    condition = models.JSONField(default=dict, blank=True)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="destination_rules"
    )
    partner = models.ForeignKey(
        Partner, null=True, blank=True, on_delete=models.PROTECT, related_name="rules"
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(team=None, partner__isnull=False) | Q(team__isnull=False, partner=None),
                name="qualification_destinationrule_one_target",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def to(self) -> Team | Partner:
        """What it suggests."""
        found = self.team or self.partner
        assert found is not None  # noqa: S101 - a constraint
        return found
