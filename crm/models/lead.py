"""A person with an inquiry, the identities it is known by, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pghistory
import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.account import Account
from crm.models.fields import (
    FoldedAttributes,
    KeptUntilErased,
    append_only,
    folded,
    kept_reference,
)
from crm.models.inbox import Source
from crm.models.people import Team, User
from crm.stages import BIRTH_STAGES, ERASED_STAGES, Stage, allowed_pairs

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class EmailKind(models.TextChoices):
    CORPORATE = "corporate", _("Company")
    FREE = "free", _("Free mail host")
    DISPOSABLE = "disposable", _("Throw-away")
    EDUCATION = "education", _("School or university")


class DisqualifiedBy(models.TextChoices):
    PERSON = "person", _("A person")
    RULE = "rule", _("A rule")


class LeadQuerySet(models.QuerySet["Lead"]):
    def visible_to(self, user: User | AnonymousUser) -> LeadQuerySet:
        """The leads this user may know of: own team and the fallback team; admins all; an AE the
        leads handed to them (qualification adds those through `handoffs`); nobody else any.
        """
        from crm.sight import leads_in_sight

        return self.filter(leads_in_sight(user))

    def standing(self) -> LeadQuerySet:
        """Leads that were not merged into another one: who is counted, listed and queued."""
        return self.filter(merged_into=None)


# Whom a lead was merged into stands for itself: one step leads to the person.
_MERGED_ONCE = """
    IF EXISTS (
        SELECT FROM crm_lead AS l JOIN crm_lead AS s ON s.id = l.merged_into_id
        WHERE s.merged_into_id IS NOT NULL AND (l.id = NEW.id OR l.merged_into_id = NEW.id)
    ) THEN
        RAISE EXCEPTION 'a lead is merged into one that is merged itself'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""
_BIRTH = ", ".join(f"'{stage}'" for stage in BIRTH_STAGES)


# Columns of a lead, and of its history, that say something of the person; the erasure blanks them.
PERSONAL_COLUMNS = (
    "account_id first_name last_name company_name email email_key phone phone_key title seniority"
    " department city topic attributes"
)
_IS_BLANK = models.Q(
    account=None,
    email_key=None,
    phone_key=None,
    attributes={},
    **dict.fromkeys(
        (
            *("first_name", "last_name", "company_name", "email", "phone", "title", "seniority"),
            *("department", "city", "topic"),
        ),
        "",
    ),
)


@pghistory.track(
    exclude=["updated_at", "version", "erased_at", "merged_into"],
    append_only=False,
    # Of what a lead points at, history is asked by the company only (scores as of a past moment).
    context_field=pghistory.ContextForeignKey(db_index=False),
    attrs={"team": kept_reference("crm.Team"), "source": kept_reference("crm.Source")},
    meta={
        "triggers": [
            KeptUntilErased(name="append_only", blanks=PERSONAL_COLUMNS, of="OLD.pgh_obj_id")
        ]
    },
)
class Lead(models.Model):
    """One row per person (normalised e-mail, else phone, else external id).

    `stage` is written by `crm/lifecycle.py` only and guarded by a trigger. `version` rises with
    every change of stage; forms carry it so that a stale submit is noticed. What was known when is
    in LeadEvent (written by triggers), when it was merged in LeadMerge.
    """

    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.PROTECT, related_name="leads"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="leads")
    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    company_name = models.CharField(
        max_length=200, blank=True, help_text=_("As the person wrote it; the account is the match.")
    )
    email = models.CharField(max_length=254, blank=True)
    email_key = models.CharField(
        max_length=254, null=True, blank=True, help_text=_("Normalised; one person each.")
    )
    email_kind = models.CharField(max_length=12, choices=EmailKind, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    phone_key = models.CharField(max_length=20, null=True, blank=True, help_text=_("E.164."))
    title = models.CharField(max_length=160, blank=True)
    seniority = models.CharField(max_length=40, blank=True)
    department = models.CharField(max_length=60, blank=True)
    country = models.CharField(max_length=80, blank=True)
    city = models.CharField(max_length=120, blank=True)
    channel = models.CharField(max_length=60, blank=True)
    campaign = models.CharField(max_length=120, blank=True)
    topic = models.CharField(max_length=160, blank=True, help_text=_("What they asked about."))
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    opted_out = models.BooleanField(default=False)
    attributes = models.JSONField(default=dict, blank=True)

    stage = models.CharField(max_length=12, choices=Stage, default=Stage.NEW)
    stage_at = models.DateTimeField()
    disqualified_by = models.CharField(max_length=6, choices=DisqualifiedBy, blank=True)
    received_at = models.DateTimeField(help_text=_("First inquiry: the start of speed-to-lead."))
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)
    erased_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("Since then the person is not known.")
    )
    # The lead that stands for this person since the two were merged. A merged lead keeps its stage
    # and is nowhere: crm/merging/merge.py.
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="absorbed",
        db_index=False,
    )

    first_name_folded = folded("first_name")
    last_name_folded = folded("last_name")
    title_folded = folded("title")
    seniority_folded = folded("seniority")
    department_folded = folded("department")
    country_folded = folded("country")
    city_folded = folded("city")
    channel_folded = folded("channel")
    campaign_folded = folded("campaign")
    topic_folded = folded("topic")
    attributes_folded = models.GeneratedField(
        expression=FoldedAttributes("attributes"),
        output_field=models.JSONField(),
        db_persist=True,
    )

    objects = LeadQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["email_key"], name="crm_lead_one_per_email"),
            models.CheckConstraint(
                condition=models.Q(stage__in=Stage.values), name="crm_lead_known_stage"
            ),
            models.CheckConstraint(
                condition=models.Q(stage=Stage.DISQUALIFIED, disqualified_by__in=["person", "rule"])
                | (~models.Q(stage=Stage.DISQUALIFIED) & models.Q(disqualified_by="")),
                name="crm_lead_disqualified_by_whom",
            ),
            # Who was erased says nothing and never comes back to the people.
            models.CheckConstraint(
                condition=models.Q(erased_at=None)
                | (
                    _IS_BLANK
                    & (models.Q(stage__in=ERASED_STAGES) | models.Q(merged_into__isnull=False))
                    & ~models.Q(disqualified_by=DisqualifiedBy.RULE)
                ),
                name="crm_lead_erased_is_blank",
            ),
            models.CheckConstraint(
                condition=models.Q(merged_into=None) | ~models.Q(merged_into=models.F("pk")),
                name="crm_lead_not_into_itself",
            ),
        ]
        indexes = [
            # crm/matching/resolve.py looks people up by telephone when there is no e-mail.
            models.Index(
                fields=["phone_key"],
                condition=models.Q(phone_key__isnull=False),
                name="crm_lead_phone_key",
            ),
            # crm/matching/duplicates.py looks for people of one name at one company.
            models.Index(
                fields=["account", "last_name_folded"],
                condition=models.Q(account__isnull=False),
                name="crm_lead_namesakes",
            ),
            # The managers' list of leads that rules turned away.
            models.Index(
                fields=["-stage_at", "-id"],
                condition=models.Q(disqualified_by="rule"),
                name="crm_lead_turned_away",
            ),
            # The leads that were merged into one.
            models.Index(
                fields=["merged_into"],
                condition=models.Q(merged_into__isnull=False),
                name="crm_lead_merged_into",
            ),
        ]
        triggers = [
            pgtrigger.FSM(name="stage_moves", field="stage", transitions=allowed_pairs()),
            pgtrigger.Protect(
                name="birth_stage",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(f"NEW.stage NOT IN ({_BIRTH})"),
            ),
            pgtrigger.Protect(
                name="merged_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.merged_into_id IS NOT NULL AND NEW.stage IS DISTINCT FROM OLD.stage"
                ),
            ),
            pgtrigger.Trigger(
                name="merged_once",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "NEW.merged_into_id IS DISTINCT FROM OLD.merged_into_id"
                ),
                timing=pgtrigger.Deferred,
                func=_MERGED_ONCE,
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Full name, else the mail address, else the number of the lead."""
        full = f"{self.first_name} {self.last_name}".strip()
        return full or self.email or f"Lead {self.pk}"

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        return f"{self.first_name[:1]}{self.last_name[:1]}".upper() or "?"


class LeadIdentity(models.Model):
    """How one source knows a lead. `imported` holds the mapped values last taken from it, so that
    the next import can tell unchanged from updated, and a person's correction from an old
    value."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="identities")
    # crm_leadidentity_one_per_source begins with it.
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="identities", db_index=False
    )
    external_id = models.CharField(max_length=200)
    imported = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    # The merged lead it came by; NULL for the lead itself.
    came_by = models.ForeignKey(
        Lead,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["came_by"],
                condition=models.Q(came_by__isnull=False),
                name="crm_leadidentity_came_by",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], name="crm_leadidentity_one_per_source"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.external_id}"


class StageEvent(models.Model):
    """A move between stages: who, when, why. Append-only, written by `crm/lifecycle.py`."""

    # crm_stageevent_of_lead begins with it.
    lead = models.ForeignKey(
        Lead, on_delete=models.CASCADE, related_name="stage_events", db_index=False
    )
    from_stage = models.CharField(max_length=12, choices=Stage)
    to_stage = models.CharField(max_length=12, choices=Stage)
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["lead", "-at"], name="crm_stageevent_of_lead")]
        triggers = [append_only("append_only")]

    def __str__(self) -> str:
        return f"{self.from_stage} → {self.to_stage}"
