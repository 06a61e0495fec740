"""Decides to which addresses LeadQual may send: public ones by https. Called when an address is
typed and again when something is sent, because a name can point elsewhere by then.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit, urlunsplit

from django.conf import settings
from django.utils.translation import gettext as _

from qualification.outbox.deliver import LaneDown, Undeliverable

IPAddress = IPv4Address | IPv6Address
# Addresses of version 4 in the clothes of version 6.
NAT64 = ip_network("64:ff9b::/96")


class UnsafeAddress(Undeliverable):
    """LeadQual sends nothing there."""


@dataclass(frozen=True)
class Address:
    """Where to connect. `url` names the IP address that was checked, `host` the certificate to
    expect, `host_header` what the receiver is called."""

    url: str
    host: str
    host_header: str


def refuse_url(url: str) -> SplitResult:
    """Raises UnsafeAddress unless this is an https address without log-in, or of this machine where
    that is allowed."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        raise UnsafeAddress(_("This is no web address.")) from None
    if not parts.hostname or parts.username or parts.password:
        raise UnsafeAddress(_("A web address with a host and without a log-in is expected."))
    if parts.scheme != "https" and not (parts.scheme == "http" and _may_be_loopback(parts)):
        raise UnsafeAddress(_("Only https addresses are allowed."))
    return parts


def safe_address(url: str) -> Address:
    """The address with its name looked up. Raises UnsafeAddress when any address of that name is
    not public, LaneDown when the name is not known just now."""
    parts = refuse_url(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise LaneDown(f"{type(error).__name__}: the name is not known") from error
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(_is_allowed(address) for address in addresses):
        raise UnsafeAddress(_("This address is not public."))
    first = addresses[0]
    numeric = f"[{first}]" if first.version == 6 else str(first)
    return Address(
        url=urlunsplit((parts.scheme, f"{numeric}:{port}", parts.path or "/", parts.query, "")),
        host=host,
        host_header=parts.netloc,
    )


def _may_be_loopback(parts: SplitResult) -> bool:
    if not settings.WEBHOOKS_TO_LOOPBACK:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _is_allowed(address: IPAddress) -> bool:
    plain = _unwrapped(address)
    if plain.is_loopback:
        return bool(settings.WEBHOOKS_TO_LOOPBACK)
    return plain.is_global and not plain.is_multicast


def _unwrapped(address: IPAddress) -> IPAddress:
    if not isinstance(address, IPv6Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
