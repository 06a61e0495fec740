"""A chat tool on this machine: answers as told, keeps what came, looks for open transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.db import connection

# What happens to a request: a status with headers, or the connection is dropped.
DROP = 0
Answer = tuple[int, dict[str, str]]


@dataclass
class Tool:
    """What came, in order, and how it is answered: `answers` first, one each, then 200."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    open_transactions: list[int] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    @property
    def keys(self) -> list[str]:
        """The idempotency keys in the order in which they came."""
        return [headers["Idempotency-Key"] for headers in self.headers]


def open_transactions() -> int:
    """Of other connections to this database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%%'"
            )
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the tool of its server."""

    def do_POST(self) -> None:
        tool: Tool = self.server.tool  # type: ignore[attr-defined]
        tool.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        tool.headers.append(dict(self.headers))
        if self.server.looks:  # type: ignore[attr-defined]
            tool.open_transactions.append(open_transactions())
        tool.before_answer()
        status, headers = tool.answers.pop(0) if tool.answers else (200, {})
        if status == DROP:
            self.connection.close()
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def chat_tool(*, looks: bool = False) -> Iterator[Tool]:
    """A running tool; `looks`: it counts open transactions meanwhile."""
    tool = Tool()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.tool, server.looks = tool, looks  # type: ignore[attr-defined]
        server.handle_error = lambda *args: None  # type: ignore[method-assign]
        tool.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/x"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield tool
        finally:
            server.shutdown()
            thread.join()
