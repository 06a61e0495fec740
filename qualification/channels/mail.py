"""Decides what the mail of a notice says, or of several. Sent by the outbox.

What it says is read when it leaves: a lead that went out of the reader's sight is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.models import User
from qualification.channels.links import page_url, preferences_url
from qualification.choices import Channel
from qualification.models import Notice, OutboxMessage
from qualification.notices.preferences import wishes_of
from qualification.notices.reads import Shown, shown_to
from qualification.outbox.deliver import NotWanted, Undeliverable
from qualification.outbox.mail import message_id, send_mail
from qualification.zones import zone_named


def send_notices(message: OutboxMessage) -> None:
    """The mail of the notices in the payload. Raises NotWanted when none of them is left to tell,
    Undeliverable when the person has no address."""
    notices = Notice.objects.filter(pk__in=message.payload["notices"]).select_related("person")
    told = list(notices.order_by("pk"))
    person = told[0].person if told else None
    if person is None or not person.is_active:
        raise NotWanted("nobody is there to read it")
    wishes = wishes_of([person.pk])[person.pk]
    wanted = [notice for notice in told if wishes.wants(notice.kind, Channel.MAIL)]
    lines = [line for line in shown_to(person, wanted) if line.is_in_sight]
    if not lines:
        raise NotWanted("nothing in it is for this person any more")
    if not person.email:
        raise Undeliverable(f"{person} has no e-mail address")
    send_mail(mail_of(person, lines, key=message.key))


def mail_of(person: User, lines: Sequence[Shown], *, key: str) -> EmailMessage:
    """One mail; its Message-ID stays the same when it is sent again."""
    context = {
        "person": person,
        "lines": [(line, page_url(line.url)) for line in lines],
        "preferences_url": preferences_url(),
    }
    if len(lines) == 1:
        subject = lines[0].sentence
    else:
        subject = _("%(n)s notices from LeadQual") % {"n": len(lines)}
    with timezone.override(zone_named(person.time_zone)):
        body = render_to_string("emails/notices-body.txt", context)
    return EmailMessage(
        subject=" ".join(subject.split()),
        body=body,
        to=[person.email],
        headers={"Message-ID": message_id(key), "Auto-Submitted": "auto-generated"},
    )
