"""The SQL that writes the chain: functions, the triggers of each table, and the guard of the chain.

Called by migrations only. Entries are written when the transaction commits, under one advisory lock
held until it has committed: the numbers have no gaps, and nobody waits while somebody thinks.
"""

from __future__ import annotations

from collections.abc import Iterable

from qualification.audit.tables import Chained

# The function behind the triggers of each table.
AUDIT = """
CREATE OR REPLACE FUNCTION leadqual_audit() RETURNS trigger
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    content jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
    context text := nullif(current_setting('pghistory.context_metadata', true), '');
    names text[] := string_to_array(TG_ARGV[3], ' ');
    deed text := lower(TG_OP);
BEGIN
    -- Only what is sealed went, in the transaction that erases a person.
    IF TG_OP = 'UPDATE' AND nullif(current_setting('leadqual.erasing', true), '') IS NOT NULL
        AND leadqual_audit_text(to_jsonb(OLD), names) = leadqual_audit_text(content, names)
    THEN
        deed := 'erase';
    END IF;
    PERFORM leadqual_audit_append(
        TG_ARGV[0], deed, TG_TABLE_NAME, (content ->> TG_ARGV[1])::bigint,
        coalesce((content ->> TG_ARGV[2])::bigint, (context::jsonb ->> 'user')::bigint),
        content, names, string_to_array(TG_ARGV[4], ' '));
    RETURN NULL;
END $$;
"""
FUNCTIONS = """
CREATE FUNCTION leadqual_audit_text(content jsonb, names text[]) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT convert_to(
        coalesce((SELECT jsonb_object_agg(n, content -> n) FROM unnest(names) AS n), '{}')::text,
        'UTF8')
$$;

CREATE FUNCTION leadqual_audit_append(
    kind text, deed text, subject_table text, subject bigint, actor bigint,
    content jsonb, names text[], sealed_names text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head record;
    new_seq bigint;
    new_at timestamptz;
    new_salt bytea;
    new_digest text;
    new_sealed text := '';
    new_previous text;
BEGIN
    new_digest := encode(sha256(leadqual_audit_text(content, names)), 'hex');
    IF cardinality(sealed_names) > 0 AND deed <> 'delete' THEN
        new_salt := uuid_send(gen_random_uuid());
        new_sealed := encode(
            sha256(new_salt || leadqual_audit_text(content, sealed_names)), 'hex');
    END IF;
    -- Released only after the commit is visible: whoever comes next sees this entry.
    PERFORM pg_advisory_xact_lock(7301652018429);
    SELECT e.seq, e.hash INTO head FROM qualification_auditentry AS e ORDER BY e.seq DESC LIMIT 1;
    new_seq := coalesce(head.seq, 0) + 1;
    new_at := clock_timestamp();
    new_previous := coalesce(head.hash, repeat('0', 64));
    INSERT INTO qualification_auditentry
        (seq, at, kind, deed, subject_table, subject, actor, digest, sealed, salt, previous, hash)
    VALUES (
        new_seq, new_at, kind, deed, subject_table, subject, actor, new_digest, new_sealed,
        new_salt, new_previous,
        encode(sha256(convert_to(concat_ws('|',
            new_seq, (extract(epoch FROM new_at) * 1000000)::bigint, kind, deed, subject_table,
            subject, coalesce(actor::text, ''), new_digest, new_sealed, new_previous), 'UTF8')),
            'hex')
    );
END $$;

CREATE FUNCTION leadqual_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND pg_trigger_depth() > 1 THEN
        RETURN NEW;  -- written by the trigger of a table
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.salt IS NULL AND to_jsonb(NEW) - 'salt' = to_jsonb(OLD) - 'salt' THEN
            RETURN NEW;  -- a seal without its salt says nothing about a person any more
        END IF;
    END IF;
    RAISE EXCEPTION 'the chain is written by triggers and never changed'
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""
GUARD = """
CREATE TRIGGER leadqual_audit_rows BEFORE INSERT OR UPDATE OR DELETE ON qualification_auditentry
    FOR EACH ROW EXECUTE FUNCTION leadqual_audit_guard();
CREATE TRIGGER leadqual_audit_whole BEFORE TRUNCATE ON qualification_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION leadqual_audit_guard();
"""
DROP = """
DROP FUNCTION leadqual_audit_guard CASCADE;
DROP FUNCTION leadqual_audit CASCADE;
DROP FUNCTION leadqual_audit_append;
DROP FUNCTION leadqual_audit_text;
"""


def install_sql(tables: Iterable[Chained]) -> str:
    """Triggers on every table that append to the chain at commit."""
    return "\n".join(_triggers(chained) for chained in tables)


def record_sql(tables: Iterable[Chained]) -> str:
    """Entries for the rows that are there already. Run before the guard stands, in UTC."""
    return "SET LOCAL timezone = 'UTC';" + "\n".join(_record(chained) for chained in tables)


def trigger_arguments(chained: Chained) -> tuple[str, ...]:
    """What the triggers of a table tell their function."""
    columns, sealed = " ".join(chained.columns), " ".join(chained.sealed)
    return chained.kind, chained.key, chained.actor, columns, sealed


def _triggers(chained: Chained) -> str:
    names = (*chained.columns, *chained.sealed)
    old, new = (", ".join(f'{row}."{name}"' for name in names) for row in ("OLD", "NEW"))
    return (
        _trigger(chained, "insert", "")
        + _trigger(chained, "delete", "")
        # What is not vouched for, such as a log-in, makes no entry.
        + _trigger(chained, "update", f"WHEN (({old}) IS DISTINCT FROM ({new}))")
    )


def _trigger(chained: Chained, deed: str, when: str) -> str:
    arguments = ", ".join(f"'{argument}'" for argument in trigger_arguments(chained))
    return f"""
CREATE CONSTRAINT TRIGGER leadqual_audit_{deed} AFTER {deed.upper()} ON {chained.table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {when}
    EXECUTE FUNCTION leadqual_audit({arguments});"""


def _record(chained: Chained) -> str:
    kind, key, _, columns, sealed = trigger_arguments(chained)
    arguments = (
        f"'{kind}', 'record', '{chained.table}', r.\"{key}\", NULL, to_jsonb(r),"
        f" string_to_array('{columns}', ' '), string_to_array('{sealed}', ' ')"
    )
    source = f'{chained.table} AS r ORDER BY r."{key}"'
    return f"SELECT leadqual_audit_append({arguments}) FROM {source};\n"  # noqa: S608 - our list
