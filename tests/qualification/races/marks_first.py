"""A sweeper that does it wrong, for a control: it marks clocks as done before it writes down what
fell due. `python marks_first.py URL`: one pass."""

from __future__ import annotations

import sys

import psycopg

MARK = """
    UPDATE qualification_slatimer SET next_at = NULL WHERE next_at <= now()
    RETURNING id, warn_at, due_at, escalate_at
"""
WRITE = """
    INSERT INTO qualification_slaevent (timer_id, level, at, recorded_at)
    VALUES (%s, %s, %s, clock_timestamp())
"""


def main(url: str) -> None:
    """Marks, commits, writes."""
    with psycopg.connect(url, application_name="loop 1") as connection:
        marked = connection.execute(MARK).fetchall()
        connection.commit()
        for timer, warn, due, steps in marked:
            levels = {"warning": warn, "breach": due}
            levels |= {f"escalation_{number}": at for number, at in enumerate(steps, start=1)}
            connection.cursor().executemany(WRITE, [(timer, *each) for each in levels.items()])


if __name__ == "__main__":
    main(sys.argv[1])
