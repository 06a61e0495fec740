"""Decides what a chat tool is told: the sentence of the notice and a link, no personal data of the
lead. Sent by the outbox.

The body is `{"text": …}`, which the common chat tools take as it is (some refuse any other key).
"""

from __future__ import annotations

import json

from qualification.channels.links import page_url
from qualification.models import Notice, OutboxMessage, WebhookTarget
from qualification.notices.reads import url_of
from qualification.notices.wording import lead_number, sentence_of
from qualification.outbox.deliver import NotWanted
from qualification.outbox.http import post_signed

# What would call people, or begin markup, in the tools.
MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b"}


def send_to_chat(message: OutboxMessage) -> None:
    """Posts one notice to one chat tool. Raises NotWanted when the notice or the tool is gone, and
    what `post_signed` raises."""
    notice = Notice.objects.filter(pk=message.payload["notice"]).first()
    target = WebhookTarget.objects.filter(pk=message.payload["target"], is_active=True).first()
    if notice is None or target is None:
        raise NotWanted("the notice or the chat tool is not there any more")
    post_signed(url=target.url, secret=target.secret, body=body_of(notice), key=message.key)


def body_of(notice: Notice) -> bytes:
    """The message as it travels and as it is signed."""
    lead = None if notice.lead_id is None else lead_number(notice.lead_id)
    text = sentence_of(notice.kind, notice.words, lead=lead)
    for mark, harmless in MARKUP.items():
        text = text.replace(mark, harmless)
    link = page_url(url_of(notice))
    return json.dumps({"text": f"{text} {link}".strip()}).encode()
