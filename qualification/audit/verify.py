"""Decides whether the chain is whole: every hash again, every row against its last entry.

Called by `manage.py verify_chain` and every night. Both looks share one snapshot, so work that goes
on meanwhile is no break. Entries are streamed; rows are compared inside PostgreSQL.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from qualification.audit.tables import BY_TABLE, CHAINED, ERASABLE, Chained
from qualification.models import AuditCheck

logger = logging.getLogger(__name__)

GENESIS = "0" * 64
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
CHUNK = 5000
# Breaks kept in words; all are counted.
KEPT = 1000
ENTRIES = """
    SELECT seq, at, kind, deed, subject_table, subject, actor, digest, sealed, previous, hash
    FROM qualification_auditentry WHERE seq >= %s ORDER BY seq
"""
# A row whose last entry is missing, says another content, or says that it is gone; an entry
# without its row. A seal can be checked while its salt is there.
ROWS = """
    WITH last AS (
        SELECT DISTINCT ON (subject) subject, seq, deed, digest, sealed, salt
        FROM qualification_auditentry WHERE subject_table = %(table)s
        ORDER BY subject, seq DESC
    ), looked AS (
        SELECT coalesce(r."{key}", l.subject) AS subject, l.seq, CASE
            WHEN l.seq IS NULL THEN 'has no entry'
            WHEN r."{key}" IS NULL AND l.deed <> 'delete' THEN 'is gone without an entry'
            WHEN r."{key}" IS NULL THEN NULL
            WHEN l.deed = 'delete' THEN 'is back although its entry says it is gone'
            WHEN l.digest <> encode(sha256(leadqual_audit_text(to_jsonb(r), %(names)s)), 'hex')
                THEN 'is not what its entry says'
            WHEN l.sealed <> '' AND l.salt IS NULL THEN 'has lost the salt of its seal'
            WHEN l.sealed <> '' AND l.sealed <> encode(
                sha256(l.salt || leadqual_audit_text(to_jsonb(r), %(sealed)s)), 'hex')
                THEN 'is not what its seal says'
        END AS wrong
        FROM last AS l FULL JOIN {table} AS r ON r."{key}" = l.subject
    )
    SELECT subject, wrong FROM looked
    WHERE wrong IS NOT NULL AND coalesce(seq, %(since)s) >= %(since)s ORDER BY subject
"""
# Entries of the deed `erase` that nobody asked for, or that changed what is not personal.
ERASURES = """
    SELECT e.seq, before.digest IS DISTINCT FROM e.digest
    FROM qualification_auditentry AS e
    LEFT JOIN {table} AS r ON r.id = e.subject
    LEFT JOIN LATERAL (
        SELECT b.digest FROM qualification_auditentry AS b
        WHERE b.subject_table = e.subject_table AND b.subject = e.subject AND b.seq < e.seq
        ORDER BY b.seq DESC LIMIT 1
    ) AS before ON true
    WHERE e.deed = 'erase' AND e.subject_table = %(table)s AND e.seq >= %(since)s
      AND (before.digest IS DISTINCT FROM e.digest OR NOT EXISTS (
        SELECT FROM crm_erasure AS x
        WHERE x.lead_id = r.lead_id AND x.carried_out_at IS NOT NULL))
    ORDER BY e.seq
"""


@dataclass
class Report:
    """What a look found. `breaks` has the first ones, `n_breaks` counts all."""

    entries: int = 0
    rows: int = 0
    head_seq: int = 0
    head_hash: str = ""
    n_breaks: int = 0
    breaks: list[str] = field(default_factory=list)

    def add(self, words: str) -> None:
        """One more break."""
        self.n_breaks += 1
        if len(self.breaks) < KEPT:
            self.breaks.append(words)

    @property
    def is_whole(self) -> bool:
        """Nothing is broken."""
        return self.n_breaks == 0


def verify(*, since: int = 1, head: str = "", with_rows: bool = True) -> Report:
    """Looks at every entry from number `since` on and at every row whose last entry is among them;
    the first entry looked at is trusted to name the hash before it. `head` is SEQ:HASH as kept
    elsewhere. `with_rows` False looks at the hashes only."""
    report = Report()
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL timezone = 'UTC'")
        _check_hashes(report, since)
        _check_heads(report, since)
        if head:
            _check_head(report, head)
        if with_rows:
            for chained in ERASABLE:
                _check_erasures(report, chained, since)
            for chained in CHAINED:
                _check_rows(report, chained, since)
    return report


def verify_and_keep(*, now: dt.datetime) -> AuditCheck:
    """The nightly look. The head goes to the log as well, where nobody who can write the database
    can change it: who rewrites the whole chain cannot rewrite that."""
    report = verify()
    if report.is_whole:
        logger.info("audit.head seq=%s hash=%s", report.head_seq, report.head_hash)
    else:
        logger.error("audit.broken breaks=%s first=%s", report.n_breaks, report.breaks[0])
    return AuditCheck.objects.create(
        at=now,
        entries=report.entries,
        rows=report.rows,
        head_seq=report.head_seq,
        head_hash=report.head_hash,
        breaks=report.n_breaks,
        first_break=report.breaks[0][:200] if report.breaks else "",
    )


def hash_of(row: tuple[Any, ...]) -> str:
    """The hash an entry should have, from everything before it in the row."""
    seq, at, kind, deed, table, subject, actor, digest, sealed, previous, _hash = row
    micros = (at - EPOCH) // dt.timedelta(microseconds=1)
    who = "" if actor is None else actor
    parts = (seq, micros, kind, deed, table, subject, who, digest, sealed, previous)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def _entries(since: int) -> Iterator[tuple[Any, ...]]:
    """The entries in order, a chunk in memory at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(ENTRIES, [since])
        while rows := cursor.fetchmany(CHUNK):
            yield from rows


def _check_hashes(report: Report, since: int) -> None:
    expected, previous = since, GENESIS if since == 1 else ""
    for row in _entries(since):
        seq, deed, table, was, digest = row[0], row[3], row[4], row[9], row[10]
        if seq != expected:
            report.add(f"entries {expected} to {seq - 1} are missing")
        if previous and was != previous:
            report.add(f"entry {seq} does not follow the one before it")
        if hash_of(row) != digest:
            report.add(f"entry {seq} does not have its hash")
        chained = BY_TABLE.get(table)
        if chained is not None and chained.append_only and deed in ("update", "delete"):
            report.add(f"entry {seq}: {deed} of {table} {row[5]}, which is never changed")
        if deed == "erase" and chained not in ERASABLE:
            report.add(f"entry {seq}: {deed} of {table} {row[5]}, which holds no person")
        expected, previous = seq + 1, digest
        report.entries += 1
        report.head_seq, report.head_hash = seq, digest


def _check_heads(report: Report, since: int) -> None:
    """Heads seen by earlier looks: a chain cut off or written anew does not have them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT c.head_seq FROM qualification_auditcheck AS c
               LEFT JOIN qualification_auditentry AS e
                   ON e.seq = c.head_seq AND e.hash = c.head_hash
               WHERE c.head_seq >= %s AND c.breaks = 0 AND e.seq IS NULL ORDER BY 1""",
            [since],
        )
        for (seq,) in cursor.fetchall():
            report.add(f"entry {seq} is not the one an earlier look saw")


def _check_head(report: Report, head: str) -> None:
    seq, _, wanted = head.partition(":")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM qualification_auditentry WHERE seq = %s AND hash = %s", [int(seq), wanted]
        )
        if cursor.fetchone() is None:
            report.add(f"entry {seq} does not have the hash that was kept elsewhere")


def _check_erasures(report: Report, chained: Chained, since: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            ERASURES.format(table=chained.table), {"table": chained.table, "since": since}
        )
        for seq, is_more in cursor.fetchall():
            why = "changed more than the personal values" if is_more else "nobody asked for"
            report.add(f"entry {seq}: an erasure that {why}")


def _check_rows(report: Report, chained: Chained, since: int) -> None:
    query = ROWS.format(table=chained.table, key=chained.key)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {chained.table}")  # noqa: S608 - our own list
        report.rows += cursor.fetchone()[0]
        cursor.execute(
            query,
            {
                "table": chained.table,
                "names": list(chained.columns),
                "sealed": list(chained.sealed),
                "since": since,
            },
        )
        while rows := cursor.fetchmany(CHUNK):
            for subject, wrong in rows:
                report.add(f"{chained.table} {subject} {wrong}")
