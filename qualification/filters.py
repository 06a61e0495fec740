"""Filters of the lists: what a reader may narrow a list by, and how the words in the URL are understood.

Called by views. They only narrow what is already in the reader's sight.
"""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.models import Source, User
from qualification.models import Decision
from qualification.review import rejected


class RejectedFilter(django_filters.FilterSet):
    """Reason group, reviewer, source, period, state and free text over rejections."""

    q = django_filters.CharFilter(label=_("Search"), method="matching", max_length=100)
    group = django_filters.ChoiceFilter(
        label=_("Reason"), field_name="reason__group", empty_label=_("All")
    )
    by = django_filters.ModelChoiceFilter(
        label=_("Reviewer"), queryset=User.objects.none(), empty_label=_("All")
    )
    source = django_filters.ModelChoiceFilter(
        label=_("Source"),
        field_name="lead__source",
        queryset=Source.objects.none(),
        empty_label=_("All"),
    )
    period = django_filters.ChoiceFilter(
        label=_("Period"),
        method="within",
        empty_label=_("All"),
        choices=[("7", _("7 days")), ("30", _("30 days")), ("90", _("90 days"))],
    )
    state = django_filters.ChoiceFilter(
        label=_("State"),
        method="standing",
        empty_label=_("All"),
        choices=[("standing", _("Standing")), ("overturned", _("Overturned"))],
    )

    class Meta:
        model = Decision
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, reader: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["group"].extra["choices"] = [(g, g) for g in rejected.reason_groups()]
        self.filters["by"].queryset = rejected.reviewers(reader)
        self.filters["source"].queryset = rejected.sources(reader)

    @property
    def is_on(self) -> bool:
        """Whether anything narrows the list."""
        return any(self.data.get(name) for name in self.filters)

    def matching(self, rows: QuerySet[Decision], name: str, text: str) -> QuerySet[Decision]:
        """Every word in the name, company, e-mail or note."""
        for word in text.split():
            rows = rows.filter(
                Q(lead__first_name__icontains=word)
                | Q(lead__last_name__icontains=word)
                | Q(lead__company_name__icontains=word)
                | Q(lead__account__name__icontains=word)
                | Q(lead__email__icontains=word)
                | Q(note__icontains=word)
            )
        return rows

    def within(self, rows: QuerySet[Decision], name: str, days: str) -> QuerySet[Decision]:
        """Rejected in the last so many days."""
        return rows.filter(at__gte=timezone.now() - rejected.PERIODS[days])

    def standing(self, rows: QuerySet[Decision], name: str, state: str) -> QuerySet[Decision]:
        """Rejections that stand, or those a manager overturned."""
        return rows.filter(reversal__isnull=state == "standing")
