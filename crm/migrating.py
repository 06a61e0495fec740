"""Operations for migrations of tables that people write to meanwhile: nobody waits for them longer
than a moment. A migration that uses them is not atomic; one that broke off is run again.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently


class AddIndexMeanwhile(AddIndexConcurrently):
    """Builds an index while rows are read and written. What an earlier try left is replaced: an
    index that was not finished is no use to anybody."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drops what has its name, and builds it. It may wait long for transactions that began
        before, as nobody waits for it."""
        name = schema_editor.quote_name(self.index.name)
        schema_editor.execute("SET lock_timeout = 0")
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        schema_editor.execute("RESET lock_timeout")
