"""Records: sources can be edited, companies corrected; leads, decisions and messages only read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from crm.clock import stamp_history
from crm.intake.inbox import take_back
from crm.matching.normalize import name_key
from crm.models import (
    Account,
    AccountDomain,
    AttributeDefinition,
    InboxMessage,
    Lead,
    Source,
)
from qualification import pipeline
from qualification.admin.base import EditableAdmin, EditableInline, ReadOnlyAdmin
from qualification.admin.fields import SecretField
from qualification.models import Decision, Heartbeat, OutboxMessage, ReviewItem
from qualification.outbox.deliver import send_again
from qualification.templatetags.figures import unsigned_tenths


class SourceForm(forms.ModelForm):  # type: ignore[type-arg]
    """The name and the kind stay: senders, leads and rules know the source by them."""

    secret = SecretField(
        help_text=_(
            "Signs JSON bodies (HMAC-SHA256). Never shown again; leave empty to keep it. A new one"
            " counts at once: messages signed with the old one are refused."
        )
    )

    class Meta:
        model = Source
        fields = ["label", "team", "is_active", "secret"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.pop("secret", None)

    def clean_secret(self) -> str:
        """The typed secret, or the one there is."""
        typed: str = self.cleaned_data["secret"]
        return typed or self.instance.secret


@admin.register(Source)
class SourceAdmin(EditableAdmin):
    form = SourceForm
    list_display = ["name", "label", "kind", "team", "is_active"]
    list_filter = ["kind", "is_active"]
    list_select_related = ["team"]
    search_fields = ["name", "label"]
    readonly_fields = ["name", "kind", "address", "created_at"]

    def get_fields(self, request: HttpRequest, obj: Source | None = None) -> list[str]:
        signs = ["secret"] if obj and obj.kind == Source.Kind.JSON else []
        return ["name", "kind", "address", "label", "team", "is_active", *signs, "created_at"]

    @admin.display(description=_("Address"))
    def address(self, source: Source) -> str:
        """Where its messages go; a file or a CRM sends none."""
        if source.kind not in {Source.Kind.JSON, Source.Kind.FORM}:
            return "–"
        return reverse("qualification:intake", args=[source.name, source.credential])

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # leads name their source; it is switched off instead

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # `manage.py add_source` makes the credential and shows the secret once


class AccountDomainInline(EditableInline):
    model = AccountDomain


@admin.register(Account)
class AccountAdmin(EditableAdmin):
    list_display = ["name", "industry", "employees", "country", "is_target"]
    list_filter = ["is_target"]
    search_fields = ["name", "domains__domain"]
    exclude = ["name_key", "created_at", "updated_at"]
    inlines = [AccountDomainInline]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # accounts come with their leads

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: Any) -> None:
        obj.updated_at = timezone.now()
        stamp_history(obj.updated_at)
        obj.name_key = name_key(obj.name)
        super().save_model(request, obj, form, change)
        leads = list(Lead.objects.filter(account=obj).values_list("pk", flat=True))
        pipeline.facts_changed(leads, now=obj.updated_at)


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(EditableAdmin):
    list_display = ["name", "label", "type"]
    search_fields = ["name", "label"]
    readonly_fields = ["name", "type"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Lead)
class LeadAdmin(ReadOnlyAdmin):
    list_display = ["id", "first_name", "last_name", "email", "stage", "team", "source"]
    list_filter = ["stage", "team"]
    search_fields = ["email", "last_name"]
    list_select_related = ["team", "source"]


@admin.register(ReviewItem)
class ReviewItemAdmin(ReadOnlyAdmin):
    list_display = ["id", "lead", "state", "entry_reason", "team", "holder", "due_at"]
    list_filter = ["state", "team"]
    list_select_related = ["lead", "team", "holder"]


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    """What was frozen with it is shown by its replay, not here as raw data."""

    list_display = ["at", "kind", "lead", "by", "reason"]
    list_filter = ["kind", "reason"]
    list_select_related = ["lead", "by", "reason"]
    exclude = ["frozen", "fired", "total_tenths"]
    readonly_fields = ["replay", "score"]

    @admin.display(description=_("As it was decided"))
    def replay(self, decision: Decision) -> str:
        url = reverse("qualification:decision-detail", args=[decision.pk])
        return format_html('<a class="lq-link" href="{}">{}</a>', url, _("Open the replay"))

    @admin.display(description=_("Score"))
    def score(self, decision: Decision) -> str:
        return unsigned_tenths(decision.total_tenths)


@admin.register(InboxMessage)
class InboxMessageAdmin(ReadOnlyAdmin):
    """Messages as they came; the body stays out of the page, it holds personal data."""

    list_display = ["received_at", "source", "event_key", "state", "attempts", "error"]
    list_filter = ["state", "source"]
    exclude = ["body"]
    actions = ["try_again"]

    @admin.action(description=_("Try again"))
    def try_again(self, request: HttpRequest, queryset: QuerySet[InboxMessage]) -> None:
        back = take_back(queryset, now=timezone.now())
        self.message_user(request, _("%d back in the inbox.") % back, messages.SUCCESS)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ["key", "kind", "lane", "state", "attempts", "due_at", "sent_at", "error"]
    list_filter = ["state", "kind", "lane"]
    exclude = ["payload"]
    actions = ["try_again"]

    @admin.action(description=_("Send again"))
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        back = send_again(queryset, now=timezone.now())
        self.message_user(request, _("%d will be sent.") % back, messages.SUCCESS)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "at"]
