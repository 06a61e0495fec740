"""Column helpers shared by the models: folding and append-only triggers."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models.functions import Lower, Trim

# From a row to the lead it is about, in SQL over OLD.
OF_LEAD = "OLD.lead_id"


def folded(column: str) -> models.GeneratedField:
    """Generated column: `column` in lower case without surrounding spaces, as rules compare."""
    return models.GeneratedField(
        expression=Lower(Trim(column)), output_field=models.TextField(), db_persist=True
    )


def append_only(name: str) -> pgtrigger.Protect:
    """Trigger that refuses UPDATE and DELETE: the rows are facts."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


def kept_reference(to: str, *, null: bool = False) -> models.ForeignKey[models.Model]:
    """What a row of history pointed at, where nobody asks the history by it: an index would only
    make every write of the row dearer."""
    return models.ForeignKey(
        to,
        null=null,
        blank=null,
        on_delete=models.DO_NOTHING,
        related_name="+",
        related_query_name="+",
        db_constraint=False,
        db_index=False,
    )


class KeptUntilErased(pgtrigger.Trigger):
    """Trigger that refuses UPDATE and DELETE, or only updates for which `condition` holds. The
    erasure of the person whom the row is about may blank the columns named in `blanks`, and nothing
    else in it. `of` is SQL over OLD for the lead."""

    when = pgtrigger.Before

    def __init__(
        self,
        *,
        name: str,
        blanks: str,
        of: str = OF_LEAD,
        condition: pgtrigger.Condition | None = None,
    ) -> None:
        operation = pgtrigger.Update if condition else pgtrigger.Update | pgtrigger.Delete
        super().__init__(name=name, operation=operation, condition=condition)
        self.blanks = tuple(blanks.split())
        self.of = of

    def get_func(self, model: models.Model) -> str:
        """The body of the trigger function."""
        # Generated columns are not computed yet when the trigger looks.
        generated = [str(field.column) for field in model._meta.concrete_fields if field.generated]
        columns = ", ".join([*self.blanks, *generated])
        refused = str(self.operation).lower()
        return f"""
            IF TG_OP = 'UPDATE' THEN
                IF crm_may_erase({self.of}, to_jsonb(OLD), to_jsonb(NEW), '{{{columns}}}') THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'pgtrigger: Cannot {refused} rows from % table', TG_TABLE_NAME;
        """


class FoldedAttributes(models.Func):
    """SQL `crm_folded(jsonb)`: the same object with every text value folded (migration 0001)."""

    function = "crm_folded"
    output_field = models.JSONField()
