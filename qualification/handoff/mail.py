"""Decides what the mail about a handoff says: to its AE or the AEs of a team what is known, to a
partner a link to it. Sent by the outbox."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from qualification.channels.links import page_url
from qualification.choices import TargetKind
from qualification.handoff.desks import account_executives
from qualification.handoff.partner_links import token_for
from qualification.models import Handoff, OutboxMessage
from qualification.outbox.deliver import NotWanted, Undeliverable
from qualification.outbox.mail import message_id, send_mail


def send_handoff(message: OutboxMessage) -> None:
    """The mail of one handoff. Raises Undeliverable when nobody there has an address, or a partner
    could not be given a link; NotWanted when it was answered by a colleague."""
    handoff = Handoff.objects.select_related("ae", "team", "partner", "lead", "decision__by").get(
        pk=message.payload["handoff"]
    )
    send_mail(mail_of(handoff, key=message.key))


def mail_of(handoff: Handoff, *, key: str) -> EmailMessage:
    """The mail about a handoff; its Message-ID stays the same when it is sent again."""
    match TargetKind(handoff.target):
        case TargetKind.PARTNER:
            return _to_partner(handoff, key=key)
        case TargetKind.TEAM:
            return _to_team(handoff, key=key)
    if handoff.ae is None or not handoff.ae.email:
        raise Undeliverable(f"{handoff.ae} has no e-mail address")
    greeting = handoff.ae.first_name or handoff.ae.username
    return _mail("handoff", handoff, to=[handoff.ae.email], key=key, greeting=greeting)


def _to_team(handoff: Handoff, *, key: str) -> EmailMessage:
    """To every AE of the team: the first one takes it."""
    if handoff.state != Handoff.State.WAITING:
        raise NotWanted("a colleague was faster")
    people = account_executives().filter(team=handoff.team).exclude(email="").order_by("pk")
    addresses = list(people.values_list("email", flat=True))
    if not addresses:
        raise Undeliverable(f"no AE of {handoff.team} has an e-mail address")
    greeting = f"{handoff.team}"
    return _mail("handoff", handoff, to=addresses, key=key, greeting=greeting)


def _to_partner(handoff: Handoff, *, key: str) -> EmailMessage:
    """Nothing about the person: a mail is forwarded and kept."""
    assert handoff.partner is not None  # noqa: S101 - a constraint
    path = reverse("qualification:partner-handoff", args=[token_for(handoff)])
    link = page_url(path)
    if not link:
        raise Undeliverable("PUBLIC_URL is not set: a partner cannot be given a link")
    to = [handoff.partner.email]
    return _mail("partner", handoff, to=to, key=key, greeting=handoff.partner.contact, link=link)


def _mail(
    kind: str, handoff: Handoff, *, to: list[str], key: str, greeting: str, link: str = ""
) -> EmailMessage:
    context = {
        "handoff": handoff,
        "packet": handoff.packet,
        "lead": handoff.lead,
        "greeting": greeting,
        "is_shared": handoff.target == TargetKind.TEAM,
        "link": link,
    }
    subject = render_to_string(f"emails/{kind}-subject.txt", context)
    return EmailMessage(
        subject=" ".join(subject.split()),
        body=render_to_string(f"emails/{kind}-body.txt", context),
        to=to,
        headers={"Message-ID": message_id(key)},
    )
