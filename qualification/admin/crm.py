"""Connections to CRMs: an address, the name of a secret, and a button that tries them out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from qualification.admin.addresses import WithAddress
from qualification.admin.base import EditableAdmin
from qualification.connectors import connections
from qualification.connectors.registry import CONNECTORS, SECRET_NAME
from qualification.models import CrmConnection
from qualification.outbox.addresses import refuse_url


class ConnectionForm(WithAddress):
    """The kinds there are connectors for; options only that the connector knows."""

    kind = forms.ChoiceField(label=_("Kind"), widget=UnfoldAdminSelectWidget)

    class Meta:
        model = CrmConnection
        fields = ["name", "kind", "url", "secret_name", "options", "team", "is_active"]
        labels = {"url": _("Address")}
        help_texts = {
            "url": _("https, without a log-in. HubSpot: https://api.hubapi.com"),
            "secret_name": _(
                "The variable of the environment that holds the secret, such as"
                " CRM_SECRET_HUBSPOT. The secret itself is never stored here."
            ),
            "options": _(
                "Differences from the defaults. HubSpot: pipeline, stage, opportunity_stage."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            choices = [(key, connector.label) for key, connector in CONNECTORS.items()]
            self.fields["kind"].choices = choices  # type: ignore[attr-defined]

    def clean_secret_name(self) -> str:
        """A name that only secrets of CRMs have."""
        name: str = self.cleaned_data["secret_name"].strip()
        if SECRET_NAME.fullmatch(name) is None:
            raise ValidationError(
                _("The name starts with CRM_SECRET_ and goes on with capitals, digits and _.")
            )
        return name

    def clean(self) -> dict[str, Any]:
        """Options the connector does not know would be a spelling mistake nobody sees."""
        cleaned = super().clean() or {}
        kind = cleaned.get("kind") or self.instance.kind
        connector = CONNECTORS.get(kind)
        options = cleaned.get("options") or {}
        if connector is None:
            return cleaned
        if not isinstance(options, dict) or not all(isinstance(v, str) for v in options.values()):
            self.add_error("options", _("Names with texts, such as {“pipeline”: “default”}."))
        elif unknown := set(options) - set(connector.defaults):
            words = ", ".join(sorted(unknown))
            self.add_error("options", _("%(names)s: not an option.") % {"names": words})
        return cleaned


@admin.register(CrmConnection)
class CrmConnectionAdmin(EditableAdmin):
    form = ConnectionForm
    list_display = ["name", "kind_name", "host", "team", "is_active", "polled_until", "poll_error"]
    list_filter = ["is_active", "kind", "team"]
    search_fields = ["name"]
    list_select_related = ["team"]
    actions = ["try_out"]

    @admin.display(description=_("Kind"), ordering="kind")
    def kind_name(self, connection: CrmConnection) -> str:
        connector = CONNECTORS.get(connection.kind)
        return str(connector.label) if connector else connection.kind

    @admin.display(description=_("host"))
    def host(self, connection: CrmConnection) -> str:
        """The path of such an address may be a secret of its own."""
        return refuse_url(connection.url).hostname or ""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["kind"] if obj else []  # what it calls our leads is of this kind

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # messages and links name it; it is switched off instead

    @admin.action(description=_("Try the connection"))
    def try_out(self, request: HttpRequest, queryset: QuerySet[CrmConnection]) -> None:
        for connection in queryset:
            tried = connections.try_out(connection)
            level = messages.SUCCESS if tried.is_fine else messages.ERROR
            self.message_user(request, f"{connection}: {tried.words}", level)

    def save_model(self, request: HttpRequest, obj: CrmConnection, form: Any, change: Any) -> None:
        if not change:
            connections.set_up(obj, now=timezone.now())
        super().save_model(request, obj, form, change)
