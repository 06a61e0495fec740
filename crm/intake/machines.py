"""Decides which opens and clicks of mails a machine did: known scanners, and bursts of links.

Called by `upsert.py` in the transaction that records them. The verdict depends on what happened
and when, not on the order in which it is told: whoever comes last sees the whole burst.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from crm.models import Activity, ActivityVerdict, Lead

MAIL_CLICK = "email_click"
MAIL_TYPES = (MAIL_CLICK, "email_open")
# A person reads before the next click and rarely wants more than two or three links of a mail;
# scanners fetch all links at once, within a second or two.
BURST_LINKS = 4
BURST_WITHIN = timedelta(seconds=10)

# Mail security gateways and plain programs. Image proxies of mail hosts are missing on purpose:
# they fetch when a person opens.
SCANNER_AGENTS = re.compile(
    r"""barracuda|proofpoint|mimecast|messagelabs|symantec|trend\s?micro|fireeye|sophos|forcepoint
    |zscaler|ironport|cloudmark|trustwave|bitdefender|bingpreview|googlebot|bingbot|slackbot
    |linkedinbot|twitterbot|facebookexternalhit|crawler|spider|headlesschrome|phantomjs
    |python-requests|go-http-client|\bcurl/|\bwget/""",
    re.IGNORECASE | re.VERBOSE,
)
SCANNER_REASON, BURST_REASON = "known mail scanner", "burst of links"


@dataclass(frozen=True)
class MailAct:
    """An open or click of a mail. `mail` names the mail as far as the source told."""

    pk: int
    lead_id: int
    type: str
    at: datetime
    mail: str
    link: str
    agent: str
    is_judged: bool = False

    @property
    def is_scanner(self) -> bool:
        """Whether a known machine says so itself."""
        return bool(SCANNER_AGENTS.search(self.agent))


def judge_mail_acts(activities: Iterable[Activity], *, now: datetime) -> int:
    """Writes down which of these, and of those around them, a machine did; how many.

    Call in the transaction that stored them. What somebody judged already stays as judged.
    """
    told = [activity for activity in activities if activity.type in MAIL_TYPES]
    if not told:
        return 0
    _lock({activity.lead_id for activity in told})
    verdicts = [
        ActivityVerdict(activity_id=pk, is_machine=True, reason=reason, recorded_at=now)
        for pk, reason in sorted(machine_acts(_around(told)).items())
    ]
    ActivityVerdict.objects.bulk_create(verdicts)
    return len(verdicts)


def machine_acts(acts: Sequence[MailAct]) -> dict[int, str]:
    """Id → reason of every act a machine did that nobody judged yet."""
    found = {act.pk: SCANNER_REASON for act in acts if act.is_scanner}
    by_mail: dict[tuple[int, str], list[MailAct]] = defaultdict(list)
    for act in acts:
        by_mail[act.lead_id, act.mail].append(act)
    for of_mail in by_mail.values():
        for act in _in_bursts(sorted(of_mail, key=lambda act: act.at)):
            found.setdefault(act.pk, BURST_REASON)
    judged = {act.pk for act in acts if act.is_judged}
    return {pk: reason for pk, reason in found.items() if pk not in judged}


def _in_bursts(acts: Sequence[MailAct]) -> set[MailAct]:
    """Acts on one mail that lie in some stretch of `BURST_WITHIN` with too many links; by time."""
    found: set[MailAct] = set()
    end = 0
    for start, first in enumerate(acts):
        while end < len(acts) and acts[end].at <= first.at + BURST_WITHIN:
            end += 1
        stretch = acts[start:end]
        links = {act.link for act in stretch if act.type == MAIL_CLICK and act.link}
        if len(links) >= BURST_LINKS:
            found.update(stretch)
    return found


def _lock(lead_ids: Iterable[int]) -> None:
    """One at a time a lead, so that two halves of a burst do not miss or double each other."""
    rows = Lead.objects.select_for_update(no_key=True).filter(pk__in=lead_ids).order_by("pk")
    list(rows.values_list("pk"))


def _around(told: Sequence[Activity]) -> list[MailAct]:
    """Everything on mails near enough to these to share a burst, with what was judged."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT a.id, a.lead_id, a.type, a.occurred_at, a.properties::text,
                EXISTS (SELECT 1 FROM crm_activityverdict AS v WHERE v.activity_id = a.id)
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS k (lead_id, at)
            JOIN crm_activity AS a ON a.lead_id = k.lead_id AND a.type = ANY(%s)
                AND abs(date_part('epoch', a.occurred_at - k.at)) <= %s
            """,
            [
                [activity.lead_id for activity in told],
                [activity.occurred_at for activity in told],
                list(MAIL_TYPES),
                BURST_WITHIN.total_seconds(),
            ],
        )
        rows = cursor.fetchall()
    return [_mail_act(row) for row in rows]


def _mail_act(row: tuple[Any, ...]) -> MailAct:
    pk, lead_id, type_, at, properties, is_judged = row
    said = json.loads(properties)
    return MailAct(
        pk=pk,
        lead_id=lead_id,
        type=type_,
        at=at,
        mail=_first(said, "message_id", "mail_id", "mail", "campaign"),
        link=_first(said, "link", "url"),
        agent=_first(said, "user_agent"),
        is_judged=is_judged,
    )


def _first(said: dict[str, Any], *names: str) -> str:
    return next((str(said[name]) for name in names if said.get(name)), "")
