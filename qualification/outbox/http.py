"""Posts a signed message to an address somebody typed: public https only, no redirects.

The receiver can check who sent it (HMAC-SHA256 over time and body), that it is fresh, and that it
is no repeat (`Idempotency-Key` stays the same when a message is sent again).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from qualification.outbox.addresses import Address, safe_address
from qualification.outbox.deliver import LaneDown, Undeliverable

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 15.0
LONGEST_RETRY_AFTER = timedelta(days=1)
# What no repeat of the same message can mend.
HOPELESS = frozenset({400, 405, 411, 413, 415, 422})


class Refused(Exception):
    """The receiver said no to this message; it may say yes later."""


def post_signed(*, url: str, secret: str, body: bytes, key: str) -> None:
    """Posts once. Raises Undeliverable (address not allowed, a redirect, a body it never takes),
    LaneDown (not there, overloaded, failing) or Refused (any other answer but 2xx)."""
    address = safe_address(url)
    headers = {
        **signature(secret=secret, body=body, at=int(time.time())),
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "User-Agent": "LeadQual",
        "Host": address.host_header,
    }
    _judge(*_post(address, body, headers))


def signature(*, secret: str, body: bytes, at: int) -> dict[str, str]:
    """The headers that prove the origin; `at` in seconds since 1970."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Timestamp": str(at), "X-Signature": f"sha256={signed}"}


def _post(address: Address, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """(status, Retry-After) of the answer, whose body nobody reads."""
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(
                "POST",
                address.url,
                content=body,
                headers=headers,
                extensions={"sni_hostname": address.host},
            ) as answer,
        ):
            return answer.status_code, answer.headers.get("Retry-After", "")
    except httpx.HTTPError as error:
        raise LaneDown(type(error).__name__) from error


def _judge(status: int, retry_after: str) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Undeliverable(f"answered {status}: redirects are not followed")
    if status in HOPELESS:
        raise Undeliverable(f"answered {status}")
    if status == 429 or status >= 500:
        raise LaneDown(f"answered {status}", retry_after=_wait(retry_after))
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
