"""Filters of the lists: what a reader may narrow them by, and how words in the URL are understood.

Called by views. They only narrow what is already in the reader's sight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django_filters
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.models import AccountDomain, Lead, Source, User
from qualification.choices import Tier
from qualification.forms import StyledForm
from qualification.models import Decision, ReviewItem, Segment
from qualification.review import counts, rejected
from qualification.review.menus import menus_of
from qualification.scoring.compile import IsMember
from qualification.scoring.segments import segment_condition


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
        form = StyledForm
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, reader: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["group"].extra["choices"] = [(g, g) for g in rejected.reason_groups()]
        self.filters["by"].queryset = rejected.reviewers(reader)
        self.filters["source"].queryset = rejected.sources()

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


class TurnedAwayFilter(django_filters.FilterSet):
    """Free text, reason and source over the leads that rules turned away."""

    q = django_filters.CharFilter(label=_("Search"), method="matching", max_length=100)
    reason = django_filters.ChoiceFilter(
        label=_("Reason"), field_name="score__disqualified", empty_label=_("All")
    )
    source = django_filters.ModelChoiceFilter(
        label=_("Source"), queryset=Source.objects.order_by("label", "name"), empty_label=_("All")
    )

    class Meta:
        model = Lead
        form = StyledForm
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, reasons: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["reason"].extra["choices"] = [(r, r.replace("_", " ")) for r in reasons]

    @property
    def is_on(self) -> bool:
        """Whether anything narrows the list."""
        return any(self.data.get(name) for name in self.filters)

    def matching(self, rows: QuerySet[Lead], name: str, text: str) -> QuerySet[Lead]:
        """Every word in the name, company or e-mail."""
        for word in text.split():
            rows = rows.filter(
                Q(first_name__icontains=word)
                | Q(last_name__icontains=word)
                | Q(company_name__icontains=word)
                | Q(account__name__icontains=word)
                | Q(email__icontains=word)
            )
        return rows


@dataclass(frozen=True)
class FilterMenu:
    """One filter of the queue as a menu of links: its options and the one chosen."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    value: str

    @property
    def is_on(self) -> bool:
        return bool(self.value)

    @property
    def value_label(self) -> str:
        return dict(self.options).get(self.value, self.value)


class QueueFilter(django_filters.FilterSet):
    """Free text, tier, source, SLA state and owner over the open items in sight."""

    q = django_filters.CharFilter(label=_("Search"), method="matching", max_length=100)
    tier = django_filters.ChoiceFilter(
        label=_("Tier"), field_name="lead__score__tier", choices=Tier.choices, empty_label=_("All")
    )
    source = django_filters.ChoiceFilter(
        label=_("Source"), field_name="lead__source", empty_label=_("All"), choices=()
    )
    sla = django_filters.ChoiceFilter(
        label=_("SLA"),
        method="in_state",
        empty_label=_("All"),
        choices=[
            ("breached", _("Breached")),
            ("warn", _("Due soon")),
            ("ok", _("On time")),
            ("paused", _("Paused")),
        ],
    )
    segment = django_filters.ChoiceFilter(
        label=_("Segment"), method="in_segment", empty_label=_("All"), choices=()
    )
    owner = django_filters.ChoiceFilter(
        label=_("Owner"), method="held_by", empty_label=_("Anyone"), choices=()
    )

    class Meta:
        model = ReviewItem
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, reader: User, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reader, self.now = reader, now
        offered = menus_of(reader)
        self.segments = offered.segments
        self.filters["source"].extra["choices"] = offered.sources
        self.filters["segment"].extra["choices"] = offered.segments
        self.filters["owner"].extra["choices"] = [
            ("me", _("Me")),
            ("nobody", _("Nobody")),
            ("held", _("Held")),
            *offered.colleagues,
        ]

    @property
    def is_on(self) -> bool:
        """Whether anything narrows the list."""
        return any(self.data.get(name) for name in self.filters)

    @property
    def text(self) -> str:
        """The search words as they were typed."""
        return str(self.data.get("q", ""))

    @property
    def menus(self) -> list[FilterMenu]:
        """Every filter but the search, for drawing."""
        return [
            FilterMenu(
                name=name,
                label=str(field.label),
                options=tuple((str(value), str(label)) for value, label in field.choices),
                value=str(self.data.get(name, "")),
            )
            for name, field in self.form.fields.items()
            if name != "q"
        ]

    def matching(self, rows: QuerySet[ReviewItem], name: str, text: str) -> QuerySet[ReviewItem]:
        """Every word in the name, company, domain or e-mail."""
        for word in text.split():
            of_domain = AccountDomain.objects.filter(domain__icontains=word).values("account")
            rows = rows.filter(
                Q(lead__first_name__icontains=word)
                | Q(lead__last_name__icontains=word)
                | Q(lead__company_name__icontains=word)
                | Q(lead__account__name__icontains=word)
                | Q(lead__account__in=of_domain)
                | Q(lead__email__icontains=word)
            )
        return rows

    def in_state(self, rows: QuerySet[ReviewItem], name: str, state: str) -> QuerySet[ReviewItem]:
        """Unanswered items by what their clock shows."""
        conditions = {
            "breached": counts.breached,
            "warn": counts.warned,
            "ok": counts.on_time,
            "paused": counts.standing,
        }
        return rows.filter(conditions[state](self.now))

    def in_segment(self, rows: QuerySet[ReviewItem], name: str, key: str) -> QuerySet[ReviewItem]:
        """Items whose lead is in a saved segment."""
        condition = segment_condition(Segment.objects.get(key=key).query)
        return rows.filter(IsMember(F("lead_id"), condition=condition, as_of=self.now))

    def held_by(self, rows: QuerySet[ReviewItem], name: str, who: str) -> QuerySet[ReviewItem]:
        """Items of one holder, of nobody, or those nobody may take as things are."""
        if who == "nobody":
            return rows.filter(holder=None)
        if who == "held":
            return rows.exclude(hold_reason="")
        return rows.filter(holder=self.reader.pk if who == "me" else int(who))
