"""Posts a signed message to an address somebody typed: public https only, no redirects.

The receiver can check who sent it (HMAC-SHA256 over time and body), that it is fresh, and that it
is no repeat (`Idempotency-Key` stays the same when a message is sent again).
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache

import httpx

from qualification.outbox.addresses import safe_address
from qualification.outbox.deliver import LaneDown, Undeliverable

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 15.0
LONGEST_RETRY_AFTER = timedelta(days=1)
# What no repeat of the same message can mend.
HOPELESS = frozenset({400, 405, 411, 413, 415, 422})


class Refused(Exception):
    """The receiver said no to this message; it may say yes later."""


def post_signed(*, url: str, secret: str, body: bytes, key: str, reads: int = 0) -> bytes:
    """Posts once; returns the first `reads` bytes of the answer.

    Raises Undeliverable (address not allowed, a redirect, a body it never takes), LaneDown (not
    there, overloaded, failing) or Refused (any other answer but 2xx).
    """
    headers = {
        **signature(secret=secret, body=body, at=int(time.time())),
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    answer = exchange(method="POST", url=url, headers=headers, body=body, reads=reads)
    _judge(answer)
    return answer.body


def signature(*, secret: str, body: bytes, at: int) -> dict[str, str]:
    """The headers that prove the origin; `at` in seconds since 1970."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Timestamp": str(at), "X-Signature": f"sha256={signed}"}


@dataclass(frozen=True)
class Answer:
    """What a receiver said. `retry_after` is how long it asks to be left alone."""

    status: int
    body: bytes
    retry_after: timedelta


def exchange(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    seconds: float | None = None,
    reads: int = 0,
) -> Answer:
    """One request to an allowed address, no redirects; at most `reads` bytes of the answer are
    kept. Raises UnsafeAddress, and LaneDown when nobody answers."""
    address = safe_address(url)
    longest = ANSWER_SECONDS if seconds is None else seconds
    timeout = httpx.Timeout(longest, connect=min(CONNECT_SECONDS, longest))
    try:
        with (
            httpx.Client(
                timeout=timeout, follow_redirects=False, trust_env=False, verify=_certificates()
            ) as client,
            client.stream(
                method,
                address.url,
                content=body,
                headers={**headers, "User-Agent": "LeadQual", "Host": address.host_header},
                extensions={"sni_hostname": address.host},
            ) as answer,
        ):
            return Answer(
                status=answer.status_code,
                body=_start_of(answer, reads),
                retry_after=_wait(answer.headers.get("Retry-After", "")),
            )
    except httpx.HTTPError as error:
        raise LaneDown(type(error).__name__) from error


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: making one for each request costs more than the request."""
    return httpx.create_ssl_context(trust_env=False)


def _start_of(answer: httpx.Response, reads: int) -> bytes:
    """At most so many bytes of the body; nothing is read for none."""
    taken = b""
    for part in answer.iter_bytes() if reads else ():
        taken += part
        if len(taken) >= reads:
            break
    return taken[:reads]


def _judge(answer: Answer) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Undeliverable(f"answered {status}: redirects are not followed")
    if status in HOPELESS:
        raise Undeliverable(f"answered {status}")
    if status == 429 or status >= 500:
        raise LaneDown(f"answered {status}", retry_after=answer.retry_after)
    raise Refused(f"answered {status}")


def _wait(text: str) -> timedelta:
    """How long a Retry-After asks for, in seconds or until a date; none if it cannot be read."""
    if text.isascii() and text.isdigit() and len(text) < 8:
        return min(timedelta(seconds=int(text)), LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return timedelta(0)
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(timedelta(0), min(until - datetime.now(UTC), LONGEST_RETRY_AFTER))
