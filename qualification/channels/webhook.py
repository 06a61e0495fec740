"""Decides what a chat tool is told: the sentence of the notice and a link, no personal data of the
lead. Sent by the outbox.

The body is `{"text": …}`, which the common chat tools take as it is (some refuse any other key).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.utils.translation import gettext as _

from qualification.channels.links import page_url
from qualification.channels.plan import NOTICE_WEBHOOK
from qualification.models import Notice, OutboxMessage, WebhookTarget
from qualification.notices.reads import url_of
from qualification.notices.wording import lead_number, sentence_of
from qualification.outbox.deliver import NotWanted
from qualification.outbox.http import post_signed
from qualification.outbox.post import Letter, post

# What would call people, or begin markup, in the tools.
MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b"}


def send_to_chat(message: OutboxMessage) -> None:
    """Posts one notice to one chat tool. Raises NotWanted when the notice or the tool is gone, and
    what `post_signed` raises."""
    target = WebhookTarget.objects.filter(pk=message.payload["target"], is_active=True).first()
    if target is None:
        raise NotWanted("the chat tool is not there any more")
    body = _body(message.payload)
    post_signed(url=target.url, secret=target.secret, body=body, key=message.key)


def post_trial(targets: Iterable[WebhookTarget], *, now: datetime) -> int:
    """Each of these chat tools gets a message that says nothing but that it came; how many."""
    letters = [
        Letter(
            key=f"webhook:{target.pk}:trial:{now:%Y%m%dT%H%M%S.%f}",
            kind=NOTICE_WEBHOOK,
            payload={"target": target.pk},
            not_before=now,
            lane=f"webhook:{target.pk}",
        )
        for target in targets
        if target.is_active
    ]
    post(letters)
    return len(letters)


def _body(payload: Mapping[str, int]) -> bytes:
    if "notice" not in payload:
        return _as_message(_("LeadQual reaches this chat."))
    notice = Notice.objects.filter(pk=payload["notice"]).first()
    if notice is None:
        raise NotWanted("the notice is not there any more")
    return body_of(notice)


def body_of(notice: Notice) -> bytes:
    """The message as it travels and as it is signed."""
    lead = None if notice.lead_id is None else lead_number(notice.lead_id)
    text = sentence_of(notice.kind, notice.words, lead=lead)
    for mark, harmless in MARKUP.items():
        text = text.replace(mark, harmless)
    link = page_url(url_of(notice))
    return _as_message(f"{text} {link}".strip())


def _as_message(text: str) -> bytes:
    return json.dumps({"text": text}).encode()
