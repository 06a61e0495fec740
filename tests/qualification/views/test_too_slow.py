"""A page whose statement PostgreSQL stops says so instead of failing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.qualification.views.conftest import HTMX


def slowly(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """The statement of the queue takes longer than it may."""
    if "qualification_reviewitem" not in sql:
        return execute(sql, params, many, context)
    with connection.connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 20")
    return execute("SELECT pg_sleep(20)", None, False, context)


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "piece"])
def test_it_says_that_it_took_too_long(sdr: Client, headers: dict[str, str]) -> None:
    with connection.execute_wrapper(slowly):
        response = sdr.get("/my-work/", headers=headers)
    told = response.content.decode() + response.headers.get("HX-Trigger", "")
    assert response.status_code == 503
    assert "This took too long and was stopped." in told
