"""Decides whether the score of a lead people wait on is too old to be trusted.
Read by pages for managers and by the invariants."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from qualification.models import ReviewItem, RunKind, RunState, ScoringRun
from qualification.scoring.rescore import depends_on_time
from qualification.scoring.versions import active_model


def too_old(*, now: datetime) -> datetime | None:
    """A score from before this moment needs an alert; None when none does.

    A run over all leads leaves equal scores as they are and so confirms them. Under a version that
    does not depend on time every score holds until something happens.
    """
    model = active_model()
    if model is None:
        return None
    oldest = now - timedelta(hours=settings.LEADQUAL["SCORE_MAX_AGE_HOURS"])
    done = ScoringRun.objects.filter(kind=RunKind.RESCORE, model=model, state=RunState.DONE)
    confirmed = done.filter(as_of__gte=oldest) if depends_on_time(model) else done
    return None if confirmed.exists() else oldest


def stale_items(*, now: datetime) -> QuerySet[ReviewItem]:
    """Open items, held ones too, whose lead has a score that is too old, or none since it came."""
    oldest = too_old(now=now)
    scored_at = Coalesce("lead__score__as_of", "entered_at")
    open_items = ReviewItem.objects.open().alias(scored_at=scored_at)
    return open_items.filter(scored_at__lt=oldest) if oldest else open_items.none()
