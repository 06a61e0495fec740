"""Filters of the lists: what a reader may narrow them by, and how words in the URL are understood.

Called by views. They only narrow what is already in the reader's sight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.exceptions import PayloadInvalid
from crm.intake.attributes import read_value
from crm.models import AccountDomain, AttributeDefinition, Lead, Source, User
from crm.models.lead import EmailKind
from qualification.choices import Tier
from qualification.exceptions import ModelInvalid
from qualification.forms import StyledForm
from qualification.models import Decision, ReviewItem, Segment
from qualification.review import counts, rejected
from qualification.review.menus import menus_of
from qualification.scoring.compile import IsAmongMembers, IsMember
from qualification.scoring.conditions import MAX_DAYS
from qualification.scoring.segments import ATTRIBUTE, ATTRIBUTE_VALUE, segment_condition


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
        """Items of one holder, or of nobody."""
        if who == "nobody":
            return rows.filter(holder=None)
        return rows.filter(holder=self.reader.pk if who == "me" else int(who))


class LinesField(forms.CharField):
    """Several texts, one a line; a list in JSON."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        """The lines without blanks and repetitions."""
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        texts = [" ".join(str(super(LinesField, self).to_python(line)).split()) for line in lines]
        return list(dict.fromkeys(text for text in texts if text))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.to_python(initial) != self.to_python(data)


def _lines(label: Any) -> django_filters.Filter:
    return _asked(LinesField, label, help_text=_("One a line."))


def _number(label: Any, **limits: Any) -> django_filters.Filter:
    return _asked(forms.IntegerField, label, **{"min_value": 0, **limits})


def _yes_or_no(label: Any) -> django_filters.Filter:
    answers = [("", "–"), ("True", _("Yes")), ("False", _("No"))]
    return _asked(
        forms.TypedChoiceField,
        label,
        choices=answers,
        coerce=lambda answer: answer == "True",
        empty_value=None,
    )


def _asked(field_class: type[forms.Field], label: Any, **extra: Any) -> django_filters.Filter:
    found = django_filters.Filter(label=label, **extra)
    found.field_class = field_class
    return found


def source_names() -> list[tuple[str, str]]:
    """Every source as rules name it, with its label."""
    return [(source.name, str(source)) for source in Source.objects.all()]


def attribute_names() -> list[tuple[str, str]]:
    """Every declared attribute that can equal a value, with its label; days hardly ever do."""
    declared = AttributeDefinition.objects.exclude(type=AttributeDefinition.Type.DATE)
    return [("", "–"), *((definition.name, str(definition)) for definition in declared)]


class SegmentForm(StyledForm):
    """The filters of a segment, checked as a whole; `query` is what a segment stores."""

    query: dict[str, Any]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            self.query = query_of(cleaned)
        return cleaned


def query_of(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that ask something, as plain JSON. Raises ValidationError: none does, or two of
    them cannot both hold, or an attribute and its value do not fit."""
    query = {
        name: cleaned[name]
        for name in SegmentFilter.base_filters
        if cleaned.get(name) not in (None, "", [])
    }
    if ATTRIBUTE in query and ATTRIBUTE_VALUE in query:
        query[ATTRIBUTE_VALUE] = _typed(query[ATTRIBUTE], query[ATTRIBUTE_VALUE])
    for what in ("employees", "revenue"):
        least, most = query.get(f"{what}_min"), query.get(f"{what}_max")
        if least is not None and most is not None and least > most:
            raise forms.ValidationError({f"{what}_max": _("Below the lowest number.")})
    try:
        segment_condition(query)
    except ModelInvalid as error:
        raise forms.ValidationError(str(error)) from None
    return query


def _typed(name: str, text: str) -> str | int | float | bool:
    """The value of an attribute as its declared type."""
    try:
        return read_value(AttributeDefinition.objects.get(name=name).type, text)
    except (PayloadInvalid, AttributeDefinition.DoesNotExist) as error:
        raise forms.ValidationError({ATTRIBUTE_VALUE: str(error)}) from None


class SegmentFilter(django_filters.FilterSet):
    """What a segment may ask of leads and their accounts. Its data is what a segment stores; what
    it finds is found by the expression that scores: nothing else decides who is a member."""

    country = _lines(_("Country of the person"))
    city = _lines(_("City of the person"))
    seniority = _lines(_("Seniority"))
    department = _lines(_("Department"))
    title = _asked(forms.CharField, _("Title contains"), max_length=100)
    topic = _asked(forms.CharField, _("Topic contains"), max_length=100)
    source = _asked(forms.MultipleChoiceField, _("Source"), choices=source_names)
    channel = _lines(_("Channel"))
    campaign = _lines(_("Campaign"))
    email_kind = _asked(forms.MultipleChoiceField, _("Mail address"), choices=EmailKind.choices)
    opted_out = _yes_or_no(_("Opted out"))
    received_within = _number(_("Received in the last days"), max_value=MAX_DAYS)
    market = _lines(_("Country of the company, else of the person"))
    industry = _lines(_("Industry"))
    account_country = _lines(_("Country of the company"))
    employees_min = _number(_("Employees, at least"))
    employees_max = _number(_("Employees, at most"))
    revenue_min = _number(_("Revenue, at least"))
    revenue_max = _number(_("Revenue, at most"))
    is_target = _yes_or_no(_("Target account"))
    is_competitor = _yes_or_no(_("Competitor"))
    attribute = _asked(forms.ChoiceField, _("Attribute"), choices=attribute_names)
    attribute_value = _asked(forms.CharField, _("Value of the attribute"), max_length=200)

    class Meta:
        model = Lead
        form = SegmentForm
        fields: tuple[str, ...] = ()

    @property
    def query(self) -> dict[str, Any]:
        """What a segment stores; only of a valid filter."""
        query: dict[str, Any] = self.form.query
        return query

    def filter_queryset(self, queryset: QuerySet[Lead]) -> QuerySet[Lead]:
        """The members among these leads; nobody while the filters are not usable."""
        if not self.form.is_valid():
            return queryset.none()
        return members_of(self.query, among=queryset)


def members_of(query: Mapping[str, Any], *, among: QuerySet[Lead]) -> QuerySet[Lead]:
    """The leads in a segment among those given."""
    condition = segment_condition(query)
    now = timezone.now()
    return among.filter(IsAmongMembers(F("pk"), condition=condition, as_of=now))
