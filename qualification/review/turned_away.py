"""Leads a rule turned away before anybody saw them: the list, a sample of it, the way back.

Called by the managers' page. The rule's reason stands in the score; when it no longer applies, the
line brings the lead back by itself (`queue.py`), and here a person may.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import F, Func, IntegerField, QuerySet, Value
from django.utils.translation import gettext as _

from crm.models import Lead, User
from crm.models.lead import DisqualifiedBy
from crm.stages import Stage
from qualification.choices import EntryReason
from qualification.exceptions import DecisionIncomplete, NotOverturnable
from qualification.models import ReviewItem, ScoringModel, ScoringRule
from qualification.permissions import Right
from qualification.review import guard
from qualification.review.items import lock_leads
from qualification.review.newest import NewestPage, newest_page
from qualification.review.queue import enter_queue

PAGE_LENGTH = 50
SAMPLE = 20
# A sample is drawn from so many of the newest, so that its cost does not grow with the list.
SAMPLED_FROM = 10_000


def turned_away(user: User | AnonymousUser) -> QuerySet[Lead]:
    """Leads in the reader's sight that a rule disqualified, the newest first."""
    leads = (
        Lead.objects.visible_to(user)
        .standing()
        .filter(stage=Stage.DISQUALIFIED, disqualified_by=DisqualifiedBy.RULE)
    )
    return leads.order_by("-stage_at", "-id")


def turned_away_page(
    found: QuerySet[Lead], *, before: int | None = None, after: int | None = None
) -> NewestPage[Lead]:
    """The rows older than the lead `before`, or newer than `after`; else the newest."""
    rows = found.select_related("account", "source", "score__model")
    return newest_page(rows, stamp="stage_at", length=PAGE_LENGTH, before=before, after=after)


def sample_of(found: QuerySet[Lead], *, seed: int) -> NewestPage[Lead]:
    """Some of the newest, drawn by `seed`: the same seed draws the same of the same leads."""
    newest = found.order_by("-stage_at", "-id").values("pk")[:SAMPLED_FROM]
    drawn = Func(F("pk"), Value(seed), function="hashint8extended", output_field=IntegerField())
    leads = Lead.objects.filter(pk__in=newest).select_related("account", "source", "score__model")
    return NewestPage(tuple(leads.order_by(drawn, "pk")[:SAMPLE]), None, None)


def rules_behind(leads: list[Lead]) -> dict[int, list[str]]:
    """Lead → names of the rules that give the reason in its score, under the version it is by."""
    wanted = {lead.score.model_id for lead in leads if hasattr(lead, "score")}
    named: dict[tuple[int, str], list[str]] = defaultdict(list)
    rules = ScoringRule.objects.filter(model__in=wanted).exclude(disqualifies="")
    for model_id, reason, name in rules.values_list("model_id", "disqualifies", "name"):
        named[model_id, reason].append(name)
    return {
        lead.pk: named[lead.score.model_id, lead.score.disqualified]
        for lead in leads
        if hasattr(lead, "score")
    }


def reasons_of(model: ScoringModel | None) -> list[str]:
    """The reasons for which the rules of this version turn leads away."""
    if model is None:
        return []
    given = model.rules.exclude(disqualifies="").values_list("disqualifies", flat=True)
    return list(dict.fromkeys(given))


@transaction.atomic
def bring_back(*, lead: Lead, by: User, note: str, now: datetime) -> ReviewItem:
    """Put a lead a rule turned away into the queue with a fresh clock; the rule lets it stay there.

    Raises PermissionDenied, DecisionIncomplete (no note), NotOverturnable (not by a rule, not in
    sight, already back, merged).
    """
    guard.require_right(by, Right.AUDIT)
    if not note.strip():
        raise DecisionIncomplete(_("Say why this lead should be looked at."))
    if not guard.is_visible(lead, by):
        raise NotOverturnable(_("This lead belongs to another team."))
    lock_leads([lead.pk])
    lead.refresh_from_db(fields=["stage", "disqualified_by", "merged_into"])
    if lead.merged_into_id is not None:
        raise NotOverturnable(guard.merged_sentence(lead, by, now))
    if lead.stage != Stage.DISQUALIFIED or lead.disqualified_by != DisqualifiedBy.RULE:
        raise NotOverturnable(_("No rule keeps this lead out any more. Reload the page."))
    (item_id,) = enter_queue(
        [lead.pk], reason=EntryReason.OVERTURNED, now=now, note=note.strip(), by=by
    )
    return ReviewItem.objects.get(pk=item_id)
