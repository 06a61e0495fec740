"""Decides what the mail to an AE about a handoff says. Sent by the outbox."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from qualification.models import Handoff, OutboxMessage
from qualification.outbox.deliver import Undeliverable
from qualification.outbox.mail import message_id, send_mail


def send_handoff(message: OutboxMessage) -> None:
    """The mail of one handoff. Raises Undeliverable when the AE has no address."""
    handoff = Handoff.objects.select_related("ae", "lead", "decision__by").get(
        pk=message.payload["handoff"]
    )
    if not handoff.ae.email:
        raise Undeliverable(f"{handoff.ae} has no e-mail address")
    send_mail(mail_of(handoff, key=message.key))


def mail_of(handoff: Handoff, *, key: str) -> EmailMessage:
    """The mail about a handoff; its Message-ID stays the same when it is sent again."""
    context = {"handoff": handoff, "packet": handoff.packet, "lead": handoff.lead}
    subject = render_to_string("emails/handoff-subject.txt", context)
    return EmailMessage(
        subject=" ".join(subject.split()),
        body=render_to_string("emails/handoff-body.txt", context),
        to=[handoff.ae.email],
        headers={"Message-ID": message_id(key)},
    )
