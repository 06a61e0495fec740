"""Column helpers shared by the models: folding and append-only triggers."""

import pgtrigger
from django.db import models
from django.db.models.functions import Lower, Trim


def folded(column: str) -> models.GeneratedField:
    """Generated column: `column` in lower case without surrounding spaces, as rules compare."""
    return models.GeneratedField(
        expression=Lower(Trim(column)), output_field=models.TextField(), db_persist=True
    )


def append_only(name: str) -> pgtrigger.Protect:
    """Trigger that refuses UPDATE and DELETE: the rows are facts."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


class FoldedAttributes(models.Func):
    """SQL `crm_folded(jsonb)`: the same object with every text value folded (migration 0001)."""

    function = "crm_folded"
    output_field = models.JSONField()
