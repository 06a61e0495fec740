"""Looks at the address that the web processes get. Called by the supervisor only."""

import socket
import time
import urllib.error
import urllib.request

from leadqual_site.embedded.errors import EmbeddedError

# After a kill -9 the web processes need a moment to notice and to leave the port.
PORT_SECONDS = 6.0


def wait_for_port(port: int) -> None:
    """Wait until a port of this machine can be used. EmbeddedError when it stays taken."""
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"port {port} cannot be used ({error.strerror}): set PORT to another one"
                    ) from None
            else:
                return
        time.sleep(0.3)


def answers(address: str) -> bool:
    """Whether anything answers requests at an address, be it with an error."""
    try:
        urllib.request.urlopen(f"{address}/healthz", timeout=2).close()  # noqa: S310  # nosec
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
