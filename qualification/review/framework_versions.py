"""Makes checklists: a new version of one, an own one from a template; puts a draft to use.

Called by the admin. The questions of a published version stay, also against PostgreSQL's console.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from qualification.exceptions import FrameworkRefused
from qualification.models import Framework, FrameworkItem, FrameworkText


@transaction.atomic
def new_version(*, framework: Framework) -> Framework:
    """A draft with the same questions under the next number; this one stays in use meanwhile."""
    family = Framework.objects.select_for_update().filter(key=framework.key).order_by("pk")
    newest = max(family.values_list("version", flat=True))
    return _copy(framework, key=framework.key, version=newest + 1, name=framework.name)


@transaction.atomic
def new_framework(*, template: Framework) -> Framework:
    """A draft of an own checklist with the questions of a template; key and name can be changed
    until it is published."""
    taken = set(Framework.objects.values_list("key", flat=True))
    names = (f"{template.key[:34]}-{number}" for number in range(2, len(taken) + 3))
    key = next(name for name in names if name not in taken)
    name = _("%(name)s, own")[:80] % {"name": template.name[:70]}
    return _copy(template, key=key, version=1, name=name)


@transaction.atomic
def publish(*, framework: Framework, now: datetime) -> Framework:
    """Puts a draft to use in the place of the version on offer; what is in work keeps the version
    it began with.

    Raises FrameworkRefused: published before, or nothing to ask.
    """
    family = list(Framework.objects.select_for_update().filter(key=framework.key).order_by("pk"))
    draft = next(row for row in family if row.pk == framework.pk)
    if not draft.is_draft:
        raise FrameworkRefused(_("%(name)s was published before.") % {"name": draft})
    if not draft.items.exists():
        raise FrameworkRefused(_("%(name)s asks nothing yet.") % {"name": draft})
    was_default = any(row.is_default for row in family)
    ids = [row.pk for row in family]
    Framework.objects.filter(pk__in=ids).update(is_active=False, is_default=False)
    Framework.objects.filter(pk=draft.pk).update(
        published_at=now, is_active=True, is_default=was_default
    )
    framework.refresh_from_db()
    return framework


@transaction.atomic
def put_on_offer(*, framework: Framework) -> None:
    """Offers a published version again, in the place of its newer ones. Raises FrameworkRefused:
    a draft."""
    if framework.is_draft:
        raise FrameworkRefused(_("%(name)s is a draft: publish it.") % {"name": framework})
    family = Framework.objects.select_for_update().filter(key=framework.key)
    was_default = any(row.is_default for row in family.order_by("pk"))
    family.update(is_active=False, is_default=False)
    family.filter(pk=framework.pk).update(is_active=True, is_default=was_default)


@transaction.atomic
def take_off_offer(*, framework: Framework) -> None:
    """Offers it no more; what is in work goes on with it. Raises FrameworkRefused: the default."""
    locked = Framework.objects.select_for_update().get(pk=framework.pk)
    if locked.is_default:
        text = _("%(name)s is the default: make another one the default first.")
        raise FrameworkRefused(text % {"name": locked})
    Framework.objects.filter(pk=locked.pk).update(is_active=False)


@transaction.atomic
def make_default(*, framework: Framework) -> None:
    """Leads that no rule chooses a checklist for are worked with this one. Raises FrameworkRefused:
    not on offer."""
    rows = Framework.objects.select_for_update().order_by("pk")
    chosen = next(row for row in rows if row.pk == framework.pk)
    if not chosen.is_active:
        raise FrameworkRefused(_("%(name)s is not on offer.") % {"name": chosen})
    Framework.objects.filter(is_default=True).update(is_default=False)
    Framework.objects.filter(pk=chosen.pk).update(is_default=True)


def _copy(framework: Framework, *, key: str, version: int, name: str) -> Framework:
    made = Framework.objects.create(key=key, version=version, name=name)
    for item in framework.items.prefetch_related("texts"):
        _copy_item(item, made)
    return made


def _copy_item(item: FrameworkItem, made: Framework) -> None:
    texts: Iterable[FrameworkText] = item.texts.all()
    copied = FrameworkItem.objects.create(
        framework=made,
        position=item.position,
        part=item.part,
        criterion_id=item.criterion_id,
        question=item.question,
        why=item.why,
        is_required=item.is_required,
        unknown_ok=item.unknown_ok,
        stale_ok=item.stale_ok,
    )
    FrameworkText.objects.bulk_create(
        FrameworkText(item=copied, language=text.language, question=text.question, why=text.why)
        for text in texts
    )
