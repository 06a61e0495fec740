"""The way of a draft to live with nobody to wait for: shadow, then a second person."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crm.models import User
from qualification.feedback.proposals import publish_version
from qualification.models import ScoringModel
from qualification.scoring import versions


def no_minimum(settings: Any) -> None:
    """A shadow need not last for this test."""
    shadowless = {"SHADOW_MIN_LEADS": 0, "SHADOW_MIN_HOURS": 0}
    settings.LEADQUAL = {**settings.LEADQUAL, **shadowless}


def publish(
    draft: ScoringModel, *, starter: User, publisher: User, now: dt.datetime
) -> ScoringModel:
    """The draft goes into shadow and live."""
    versions.start_shadow(model=draft, by=starter, now=now)
    return publish_version(model=draft, by=publisher, now=now)
