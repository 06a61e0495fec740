"""Benches run as processes of their own while the test's transaction waits for them."""

from __future__ import annotations

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def patient_transaction(request: pytest.FixtureRequest) -> None:
    """The server must not end the waiting transaction of a test, however long the bench takes."""
    if request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db")
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
