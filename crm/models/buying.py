"""What part a person plays in their company's purchase; one person may play several."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.lead import Lead
from crm.models.people import User


class BuyingRole(models.TextChoices):
    END_USER = "end_user", _("End user")
    INFLUENCER = "influencer", _("Influencer")
    DECISION_MAKER = "decision_maker", _("Decision maker")
    ECONOMIC_BUYER = "economic_buyer", _("Economic buyer")


class LeadRole(models.Model):
    """One role of one person, who said so and how sure they were; ended, never deleted."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="buying_roles")
    role = models.CharField(max_length=14, choices=BuyingRole)
    source = models.CharField(max_length=80, help_text=_("Call, form, LinkedIn, …"))
    confidence = models.PositiveSmallIntegerField(default=100, help_text=_("Percent."))
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["recorded_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "role"],
                condition=models.Q(ended_at__isnull=True),
                name="crm_leadrole_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(confidence__gte=1, confidence__lte=100),
                name="crm_leadrole_percent",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=BuyingRole.values), name="crm_leadrole_known"
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_role_display())
