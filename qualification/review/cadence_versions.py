"""Makes a cadence anew so that its steps can be changed while the old one runs out."""

from __future__ import annotations

from django.db import transaction

from qualification.models import Cadence, CadenceStep


@transaction.atomic
def new_version(*, cadence: Cadence) -> Cadence:
    """A copy with the same steps under the next number. It is offered in the place of this one,
    whose runs go on with the steps they began with."""
    family = Cadence.objects.select_for_update().filter(key=cadence.key).order_by("pk")
    newest = max(family.values_list("version", flat=True))
    old = family.get(pk=cadence.pk)
    Cadence.objects.filter(pk=old.pk).update(is_default=False, is_active=False)
    made = Cadence.objects.create(
        key=old.key,
        version=newest + 1,
        name=old.name,
        is_default=old.is_default,
        is_active=True,
    )
    CadenceStep.objects.bulk_create(
        CadenceStep(
            cadence=made,
            position=step.position,
            wait_days=step.wait_days,
            kind=step.kind,
            task=step.task,
        )
        for step in old.steps.all()
    )
    return made
