"""Where a message to a tool is never sent: private addresses, other schemes, names that turn."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from qualification.outbox import addresses
from qualification.outbox import http as transport
from qualification.outbox.deliver import LaneDown, Undeliverable


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.example/x",
        "ftp://chat.example/x",
        "https://",
        "https://user:pass@chat.example/x",
        "https://chat.example:99999/x",
        "//chat.example/x",
        "javascript:alert(1)",
    ],
)
def test_other_addresses_are_refused_when_typed(url: str) -> None:
    with pytest.raises(Undeliverable):
        addresses.refuse_url(url)


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "172.16.5.5",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - to be refused
        "224.0.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:0a00:0001::]",
    ],
)
def test_private_addresses_are_refused_when_sent(host: str) -> None:
    with pytest.raises(addresses.UnsafeAddress):
        addresses.safe_address(f"https://{host}/x")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1.2.3"])
def test_this_machine_only_where_it_is_allowed(host: str, settings: Any) -> None:
    for scheme in ("http", "https"):
        addresses.safe_address(f"{scheme}://{host}:8000/x")
    settings.WEBHOOKS_TO_LOOPBACK = False
    for scheme in ("http", "https"):
        with pytest.raises(Undeliverable):
            addresses.safe_address(f"{scheme}://{host}:8000/x")


def test_a_name_is_judged_by_every_address_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that pointed elsewhere when it was typed; what is connected is what was judged."""
    public, private = (2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("10.0.0.1", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [public, private])
    with pytest.raises(addresses.UnsafeAddress):
        addresses.safe_address("https://chat.example/x?y=1")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [public])
    found = addresses.safe_address("https://chat.example:8443/x?y=1")
    assert found.url == "https://93.184.216.34:8443/x?y=1"
    assert (found.host, found.host_header) == ("chat.example", "chat.example:8443")


def test_a_name_nobody_knows_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(LaneDown):
        addresses.safe_address("https://chat.example/x")


def test_the_certificate_is_that_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is pinned; the name still decides whose certificate is expected."""
    seen: dict[str, Any] = {}

    def stream(self: httpx.Client, method: str, url: str, **kwargs: Any) -> Any:
        seen.update(kwargs, url=url, verify=self.trust_env)
        raise httpx.ConnectError("stop here")

    here = (2, 1, 6, "", ("93.184.216.34", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [here])
    monkeypatch.setattr(httpx.Client, "stream", stream)
    with pytest.raises(LaneDown):
        transport.post_signed(url="https://chat.example/x", secret="s", body=b"{}", key="k")
    assert seen["url"] == "https://93.184.216.34:443/x"
    assert seen["extensions"] == {"sni_hostname": "chat.example"}
    assert seen["headers"]["Host"] == "chat.example"
