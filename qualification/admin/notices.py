"""Chat tools that are told: an address, a secret that is typed once and never shown again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qualification.admin.addresses import WithAddress
from qualification.admin.base import EditableAdmin
from qualification.admin.fields import SecretField
from qualification.channels.webhook import post_trial
from qualification.models import WebhookTarget
from qualification.outbox.addresses import refuse_url


class TargetForm(WithAddress):
    """An empty secret keeps the one there is."""

    secret = SecretField(
        help_text=_(
            "Signs every message (HMAC-SHA256 over “<X-Timestamp>.<body>” in X-Signature). Never"
            " shown again; leave empty to keep it."
        )
    )

    class Meta:
        model = WebhookTarget
        fields = ["name", "url", "secret", "team", "is_active"]
        labels = {"url": _("Address")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.pop("secret", None)

    def clean_secret(self) -> str:
        """The typed secret, or the one there is."""
        typed: str = self.cleaned_data["secret"]
        if not typed and not self.instance.secret:
            raise ValidationError(_("A new chat tool needs a secret."))
        return typed or self.instance.secret


@admin.register(WebhookTarget)
class WebhookTargetAdmin(EditableAdmin):
    form = TargetForm
    list_display = ["name", "host", "team", "is_active"]
    list_filter = ["is_active", "team"]
    search_fields = ["name"]
    list_select_related = ["team"]
    actions = ["try_out"]

    @admin.display(description=_("host"))
    def host(self, target: WebhookTarget) -> str:
        """The path of such an address is a secret of its own."""
        return refuse_url(target.url).hostname or ""

    @admin.action(description=_("Send a test message"))
    def try_out(self, request: HttpRequest, queryset: QuerySet[WebhookTarget]) -> None:
        posted = post_trial(queryset, now=timezone.now())
        text = _("%d on the way; outbox messages show how it went.") % posted
        self.message_user(request, text, messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: WebhookTarget, form: Any, change: Any) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)
