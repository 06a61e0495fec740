"""While PostgreSQL does not answer, a page says so instead of failing; then it works again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from crm.models import User
from tests.qualification.views.conftest import HTMX

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def nobody_there() -> Iterator[None]:
    """Where the server was, nobody listens."""
    host = connection.settings_dict["HOST"]
    connection.close()
    connection.settings_dict["HOST"] = "/nowhere"
    yield
    connection.settings_dict["HOST"] = host
    connection.close()


def said(response: HttpResponse) -> str:
    return response.content.decode() + response.headers.get("HX-Trigger", "")


@pytest.fixture
def somebody(people: dict[str, User]) -> Client:
    """Of somebody who is logged in, and gets what a web server would answer."""
    client = Client(raise_request_exception=False)
    client.force_login(people["sdr"], backend="crm.log_in.PersonBackend")
    return client


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "piece"])
@pytest.mark.parametrize("path", ["/my-work/", "/login/", "/healthz", "/admin/"])
def test_it_says_that_the_database_does_not_answer(
    somebody: Client, path: str, headers: dict[str, str]
) -> None:
    with nobody_there():
        response = somebody.get(path, headers=headers)
        assert response.status_code == 503
        assert "The database does not answer" in said(response)
        assert response["Retry-After"] == "5"
    assert somebody.get(path, headers=headers).status_code in (200, 302, 403)


def test_so_does_a_verb(somebody: Client) -> None:
    with nobody_there():
        assert somebody.post("/queue/next/").status_code == 503
    assert somebody.post("/queue/next/").status_code == 302


def test_so_does_a_page_whose_connection_is_cut(somebody: Client) -> None:
    """In its midst: one that is lost between two pages is made anew before the next."""

    def cut(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "qualification_reviewitem" in sql:
            ended = "SELECT pg_terminate_backend(pg_backend_pid())"
            return execute(ended, None, False, context)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(cut):
        response = somebody.get("/my-work/")
    connection.close()  # as a web server does after each page, when it was lost
    assert response.status_code == 503
    assert somebody.get("/my-work/").status_code == 200


def test_any_other_failure_stays_one(somebody: Client) -> None:
    """The control: a statement that PostgreSQL does not understand is our mistake."""

    def wrong(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        return execute("SELECT nonsense", None, False, context)

    with connection.execute_wrapper(wrong):
        assert somebody.get("/healthz").status_code == 500
