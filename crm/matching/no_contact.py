"""Recognises people who were erased and asked not to be contacted, by keyed hashes alone.

Written by the erasure, asked by `crm/intake/upsert.py`. The key is IDENTITY_HASH_KEY.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable

from django.conf import settings

from crm.matching.resolve import PersonKeys
from crm.models import Erasure, NoContact

# Stands in place of an event key that may name a person; the same event is known again by it.
ERASED_KEY = "erased:"


def keyed_hash(text: str) -> str:
    """64 hex digits; without the key nobody can try out addresses."""
    key = settings.IDENTITY_HASH_KEY.encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def erased_key(source_id: int, event_key: str) -> str:
    """What an event key of this source becomes when its person is erased."""
    return f"{ERASED_KEY}{keyed_hash(f'event:{source_id}:{event_key}')}"


def digests_of(keys: PersonKeys, source_id: int) -> list[str]:
    """What a person with these keys is recognised by; a telephone number counts only where no
    address names somebody, because a switchboard is many people's."""
    named = {f"id:{source_id}": keys.external_id, "email": keys.email}
    if not keys.email:
        named["phone"] = keys.phone
    return [keyed_hash(f"{kind}:{value}") for kind, value in named.items() if value]


def remember(erasure: Erasure, digests: Iterable[str]) -> None:
    """From now on who comes with one of these is left alone."""
    NoContact.objects.bulk_create(
        [NoContact(digest=digest, erasure=erasure) for digest in sorted(set(digests))],
        ignore_conflicts=True,
    )


def not_to_contact(people: Collection[PersonKeys], source_id: int) -> frozenset[PersonKeys]:
    """Those of these people who asked not to be contacted; one query while nobody did."""
    if not NoContact.objects.exists():
        return frozenset()
    digests = {keys: digests_of(keys, source_id) for keys in people}
    asked = {digest for found in digests.values() for digest in found}
    known = set(NoContact.objects.filter(digest__in=asked).values_list("digest", flat=True))
    return frozenset(keys for keys, found in digests.items() if known.intersection(found))
