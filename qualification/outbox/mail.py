"""What every mail that leaves has in common. Called by the rooms that write mail."""

from __future__ import annotations

from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused

from django.conf import settings
from django.core.mail import EmailMessage

from qualification.outbox.deliver import LaneDown


def send_mail(mail: EmailMessage) -> None:
    """Sends it. Raises LaneDown when the mail server is not there, what the server says about
    this very mail otherwise."""
    try:
        mail.send()
    except (SMTPRecipientsRefused, SMTPDataError, SMTPSenderRefused):
        raise
    except OSError as error:  # also what smtplib raises about the connection
        raise LaneDown(f"{type(error).__name__}: {error}") from error


def message_id(key: str) -> str:
    """The Message-ID of the message with this key: the same when it is sent again, so that a mail
    server can drop the repeat."""
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    return f"<{key.replace(':', '.')}@{domain}>"
