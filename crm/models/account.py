"""Companies, keyed by their web domains; the leads of an account are its buying committee."""

import pghistory
import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.fields import KeptUntilErased, folded, kept_reference

# Columns of a company, and of its history, that go with the one person who led to it.
ONE_PERSONS_COLUMNS = "name name_key website industry employees revenue country city"

# One at a time: two who each see no circle could close one together.
_NO_CIRCLE = """
    PERFORM pg_advisory_xact_lock(1986424437, 1);
    IF EXISTS (
        WITH RECURSIVE above (id) AS (
            SELECT NEW.parent_id
            UNION
            SELECT a.parent_id FROM crm_account AS a JOIN above ON a.id = above.id
            WHERE a.parent_id IS NOT NULL
        )
        SELECT FROM above WHERE above.id = NEW.id
    ) THEN
        RAISE EXCEPTION 'a company cannot be above itself' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
"""


@pghistory.track(
    append_only=False,
    context_field=pghistory.ContextForeignKey(db_index=False),
    attrs={"parent": kept_reference("crm.Account", null=True)},
    meta={
        "triggers": [
            KeptUntilErased(
                name="append_only",
                blanks=ONE_PERSONS_COLUMNS,
                of="(SELECT e.lead_id FROM crm_erasure AS e WHERE e.company = OLD.pgh_obj_id)",
            )
        ]
    },
)
class Account(models.Model):
    """A company.

    Common to all teams; what was known when is in AccountEvent (written by triggers).
    """

    name = models.CharField(max_length=200)
    # Without legal form, case and punctuation; what a name is matched by
    # (crm/matching/normalize.py).
    name_key = models.CharField(max_length=200, blank=True, db_index=True)
    website = models.CharField(max_length=255, blank=True)
    industry = models.CharField(max_length=120, blank=True)
    employees = models.PositiveIntegerField(null=True, blank=True)
    revenue = models.BigIntegerField(null=True, blank=True, help_text=_("Yearly, in whole euros."))
    country = models.CharField(max_length=80, blank=True)
    city = models.CharField(max_length=120, blank=True)
    is_target = models.BooleanField(default=False)
    is_competitor = models.BooleanField(default=False)
    # The company this one belongs to; nothing is above itself.
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="subsidiaries",
        db_index=False,
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    name_folded = folded("name")
    industry_folded = folded("industry")
    country_folded = folded("country")
    city_folded = folded("city")

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            # The list of companies, and of those we go after.
            models.Index(fields=["name", "id"], name="crm_account_by_name"),
            models.Index(
                fields=["name", "id"], condition=models.Q(is_target=True), name="crm_account_target"
            ),
            models.Index(
                fields=["parent", "name"],
                condition=models.Q(parent__isnull=False),
                name="crm_account_of_parent",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="no_circle",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("NEW.parent_id IS DISTINCT FROM OLD.parent_id"),
                func=_NO_CIRCLE,
            )
        ]

    def __str__(self) -> str:
        return self.name


class AccountDomain(models.Model):
    """A web or e-mail domain of an account, lower case; free mail hosts never stand here."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=255, unique=True)

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.domain
