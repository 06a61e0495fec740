"""Operations for migrations of tables that people write to meanwhile: nobody waits for them longer
than a moment. A migration that uses them is not atomic; one that broke off is run again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.migrations.operations import AlterField
from django.db.models import Index


@contextmanager
def _waiting_long(schema_editor: Any) -> Iterator[None]:
    """It may wait long for transactions that began before, as nobody waits for it."""
    schema_editor.execute("SET lock_timeout = 0")
    yield
    schema_editor.execute("RESET lock_timeout")


class AddIndexMeanwhile(AddIndexConcurrently):
    """Builds an index while rows are read and written. What an earlier try left is replaced: an
    index that was not finished is no use to anybody."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drops what has its name, and builds it."""
        name = schema_editor.quote_name(self.index.name)
        with _waiting_long(schema_editor):
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class UnindexMeanwhile(AlterField):
    """Takes away the index a reference to another table has by itself (`db_index=False` is all that
    changes of the column) while rows are read and written."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drops it, whatever its name is."""
        model = from_state.apps.get_model(app_label, self.model_name)
        column = model._meta.get_field(self.name).column
        named = {index.name for index in model._meta.indexes}
        found = schema_editor._constraint_names(
            model, [column], index=True, unique=False, type_=Index.suffix, exclude=named
        )
        with _waiting_long(schema_editor):
            for name in map(schema_editor.quote_name, found):
                schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Builds it again."""
        model = to_state.apps.get_model(app_label, self.model_name)
        field = model._meta.get_field(self.name)
        self.database_forwards(app_label, schema_editor, from_state, to_state)
        with _waiting_long(schema_editor):
            schema_editor.execute(
                schema_editor._create_index_sql(model, fields=[field], concurrently=True)
            )
