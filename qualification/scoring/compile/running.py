"""Runs the statements of a compiled model, planned once a connection where their text stays the
same: a version that left draft over a source that has a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qualification import prepared
from qualification.choices import ModelStatus
from qualification.scoring.compile.model import CompiledModel, Statement
from qualification.scoring.compile.sources import Source


def run(
    cursor: Any,
    compiled: CompiledModel,
    source: Source,
    *,
    kind: str,
    statement: Callable[[Source], Statement],
) -> None:
    """Executes what `statement` makes of the source. `kind` tells the statements of one model
    apart; it is part of a name in SQL."""
    model = compiled.model
    if not source.name or model.status == ModelStatus.DRAFT:
        cursor.execute(*statement(source))
        return
    # The moment tells versions apart that had the same number in databases of tests.
    mark = f"{model.pk}_{model.version}_{int(model.created_at.timestamp() * 1_000_000)}"
    name = f"leadqual_{kind}_{source.name}_{mark}"

    def text() -> str:
        sql, values = statement(source)
        rules = {key: value for key, value in values.items() if key not in source.params}
        told: str = cursor.mogrify(prepared.numbered(sql, source.params), rules)
        return told

    prepared.prepare(cursor, name, text)
    prepared.execute(cursor, name, source.params.values())
