"""What a segment may ask of leads and their accounts: its form, its query, its members.

Called by the admin and by whoever lists a segment. Membership is decided by the expression that
scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_filters
from django import forms
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.exceptions import PayloadInvalid
from crm.intake.attributes import read_value
from crm.models import AttributeDefinition, Lead, Source
from crm.models.lead import EmailKind
from qualification.exceptions import ModelInvalid
from qualification.forms import StyledForm
from qualification.scoring.compile import IsAmongMembers
from qualification.scoring.conditions import MAX_DAYS
from qualification.scoring.segments import ATTRIBUTE, ATTRIBUTE_VALUE, segment_condition


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
