"""Knows what a person was known by: addresses, numbers, ids at sources, also earlier ones.

Used by the erasure: to find messages that never became a lead, to keep intake away meanwhile, and
to recognise who asked not to be contacted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote_plus

from django.db import connection
from django.db.models import Q

from crm.exceptions import PayloadInvalid
from crm.intake.adapters import payload_of
from crm.matching import no_contact
from crm.matching.locks import lock_keys
from crm.matching.resolve import PersonKeys
from crm.models import Erasure, InboxMessage, Lead

CHUNK = 200


@dataclass(frozen=True)
class KnownBy:
    """Normalised addresses and numbers, and (source, external id) pairs."""

    emails: frozenset[str]
    phones: frozenset[str]
    identities: frozenset[tuple[int, str]]


def keys_of(lead_id: int) -> KnownBy:
    """Everything the lead is, or ever was, known by, and what was merged into it; but not what is
    another person's by now: an address they gave up, or had by a merge that was undone."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH these AS (
                SELECT %(lead)s AS id
                UNION ALL SELECT l.id FROM crm_lead AS l WHERE l.merged_into_id = %(lead)s
            )
            SELECT email_key, phone_key FROM crm_lead WHERE id IN (SELECT id FROM these)
            UNION SELECT email_key, phone_key FROM crm_leadevent
            WHERE pgh_obj_id IN (SELECT id FROM these)
            """,
            {"lead": lead_id},
        )
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT source_id, external_id FROM crm_leadidentity WHERE lead_id = %s", [lead_id]
        )
        identities = cursor.fetchall()
    return KnownBy(
        emails=_but_of_others(lead_id, "email_key", {email for email, _ in rows if email}),
        phones=_but_of_others(lead_id, "phone_key", {phone for _, phone in rows if phone}),
        identities=frozenset((source, external) for source, external in identities),
    )


def _but_of_others(lead_id: int, column: str, keys: set[str]) -> frozenset[str]:
    """Without those only other people have by now."""
    holders = Lead.objects.filter(**{f"{column}__in": keys})
    theirs = holders.filter(_is_of(lead_id)).values_list(column, flat=True)
    others = holders.exclude(_is_of(lead_id)).values_list(column, flat=True)
    return frozenset(keys - (set(others) - set(theirs)))


def _is_of(lead_id: int) -> Q:
    """The lead, and what was merged into it."""
    return Q(pk=lead_id) | Q(merged_into=lead_id, merged_into__isnull=False)


def lock(keys: KnownBy) -> None:
    """Until the end of the transaction no message resolves to this person."""
    lock_keys(
        [f"email:{email}" for email in keys.emails]
        + [f"phone:{phone}" for phone in keys.phones]
        + [f"id:{source}:{external}" for source, external in keys.identities]
    )


def remember(erasure: Erasure, keys: KnownBy) -> None:
    """Recognised from now on by keyed hashes; a number that others have too is not theirs alone."""
    shared = set(
        Lead.objects.filter(phone_key__in=keys.phones)
        .exclude(_is_of(erasure.lead_id))
        .values_list("phone_key", flat=True)
    )
    no_contact.remember(
        erasure,
        [
            *_digests(PersonKeys(email=email) for email in keys.emails),
            *_digests(PersonKeys(phone=phone) for phone in keys.phones - shared),
            *(
                digest
                for source, external in keys.identities
                for digest in no_contact.digests_of(PersonKeys(external_id=external), source)
            ),
        ],
    )


def _digests(people: Iterator[PersonKeys]) -> list[str]:
    return [digest for person in people for digest in no_contact.digests_of(person, 0)]


def messages_without_lead(keys: KnownBy) -> Iterator[InboxMessage]:
    """Messages set aside, or waiting, that are about this person, locked. One that a worker is at
    right now came after the erasure."""
    written = _as_written(keys)
    messages = InboxMessage.objects.filter(lead=None).exclude(body=b"").select_related("source")
    for message in messages.order_by("pk").iterator(chunk_size=CHUNK):
        if _is_about(message, keys, written):
            yield from messages.filter(pk=message.pk).select_for_update(
                skip_locked=True, of=("self",)
            )


def _is_about(message: InboxMessage, keys: KnownBy, written: re.Pattern[bytes] | None) -> bool:
    if written is not None and written.search(bytes(message.body).lower()):
        return True
    try:
        payload = payload_of(message)
    except PayloadInvalid:
        return False
    return (
        payload.email_key in keys.emails
        or (not payload.email_key and payload.phone_key in keys.phones)
        or (message.source_id, payload.external_id) in keys.identities
    )


def _as_written(keys: KnownBy) -> re.Pattern[bytes] | None:
    """Finds their addresses and numbers as they stand in JSON and in forms; not within a longer
    one, which is another person's."""
    values = keys.emails | keys.phones
    forms = {form.lower() for value in values for form in (value, quote_plus(value)) if form}
    if not forms:
        return None
    texts = "|".join(re.escape(form) for form in sorted(forms))
    # A line may end right before one; JSON says so with letters.
    before = r"(?:(?<![\w.+-])|(?<=\\[nrt]))"
    return re.compile(rf"{before}(?:{texts})(?![\w-]|\.\w)".encode())
