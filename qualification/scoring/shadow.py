"""Decides what a version in shadow says of new leads, and when it has seen enough of them.
`score_beside` is called by rescore in the transaction of the live score; nothing follows from it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from crm.models import Lead
from qualification.choices import ModelStatus
from qualification.models import ScoringModel, ShadowScore
from qualification.scoring.compile import compile_model, leads_now

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Minimum:
    """What a shadow must reach before a person may publish: so many leads, or so many hours.

    `lacking` says in words what is missing; blank once one of the two is reached.
    """

    since: datetime | None
    leads: int
    needed_leads: int
    needed_hours: int
    met_by: str
    lacking: str

    @property
    def ready_at(self) -> datetime | None:
        """When the hours are reached, whatever the number of leads."""
        return None if self.since is None else self.since + timedelta(hours=self.needed_hours)


def shadow_model() -> ScoringModel | None:
    """The version in shadow, if there is one."""
    return ScoringModel.objects.filter(status=ModelStatus.SHADOW).first()


def score_beside(lead_ids: Collection[int], *, now: datetime) -> None:
    """Store what the version in shadow says of those of these leads that came since it started.

    Call after their live scores are stored, in the same transaction. Each lead once, as it came;
    order, clocks, routing and notices know nothing of it. A shadow that fails is logged and never
    holds up the live score.
    """
    model = shadow_model()
    if model is None or not lead_ids:
        return
    try:
        with transaction.atomic():
            new = _new_leads(model, lead_ids)
            if new:
                _store(model, new, now)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not the live score's fault
        logger.error("shadow.failed version=%s error=%s", model.version, type(error).__name__)


def minimum_of(model: ScoringModel, *, now: datetime) -> Minimum:
    """How far the version's shadow is, by the settings SHADOW_MIN_LEADS and SHADOW_MIN_HOURS."""
    wanted, hours = settings.LEADQUAL["SHADOW_MIN_LEADS"], settings.LEADQUAL["SHADOW_MIN_HOURS"]
    since = model.shadow_started_at
    seen = ShadowScore.objects.filter(model=model).count()
    met_by = ""
    if since is not None and seen >= wanted:
        met_by = "leads"
    elif since is not None and now >= since + timedelta(hours=hours):
        met_by = "hours"
    found = Minimum(since, seen, wanted, hours, met_by, "")
    return found if met_by else Minimum(since, seen, wanted, hours, "", _lacking(found))


def _lacking(minimum: Minimum) -> str:
    if minimum.ready_at is None:
        return _("It has not been in shadow.")
    text = _("The shadow has seen %(n)s of %(of)s new leads. Without more, it is enough on %(at)s.")
    at = date_format(timezone.localtime(minimum.ready_at), "j M H:i")
    return text % {"n": minimum.leads, "of": minimum.needed_leads, "at": at}


def _new_leads(model: ScoringModel, lead_ids: Collection[int]) -> list[int]:
    """Those that came since the shadow started and that it has said nothing about."""
    came = Lead.objects.filter(pk__in=lead_ids, created_at__gte=model.shadow_started_at)
    seen = ShadowScore.objects.filter(model=model, lead__in=lead_ids).values("lead")
    return list(came.exclude(pk__in=seen).order_by("pk").values_list("pk", flat=True))


def _store(model: ScoringModel, lead_ids: Collection[int], now: datetime) -> None:
    totals, params = compile_model(model).totals(leads_now(lead_ids, as_of=now))
    sql = f"""
        INSERT INTO qualification_shadowscore
            (model_id, lead_id, as_of, fit_tenths, intent_tenths, total_tenths, grade, tier,
             disqualified, live_model_id, live_total_tenths, live_grade, live_tier,
             live_disqualified)
        SELECT %(shadow_id)s, f.row_id, %(scored_at)s, f.fit, f.intent, f.total, f.grade, f.tier,
            f.disqualified, s.model_id, s.total_tenths, s.grade, s.tier, s.disqualified
        FROM ({totals}) AS f JOIN qualification_leadscore AS s ON s.lead_id = f.row_id
        ON CONFLICT (model_id, lead_id) DO NOTHING
    """  # noqa: S608 - compiled text; values are parameters  # nosec
    with connection.cursor() as cursor:
        cursor.execute(sql, params | {"shadow_id": model.pk, "scored_at": now})
