"""Materials as an admin keeps them: what to show which lead."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from qualification.admin.base import EditableAdmin
from qualification.admin.scoring.forms import ConditionForm, PlainConditionField
from qualification.models import Material
from qualification.scoring.holds import words_within
from qualification.scoring.subjects import Catalogue


class MaterialForm(ConditionForm):
    condition = PlainConditionField(such_as="{subject: account.industry, op: is, value: Logistics}")

    class Meta:
        model = Material
        fields = [
            *("position", "title", "url", "shows", "stage", "segment", "condition", "is_active"),
        ]


@admin.register(Material)
class MaterialAdmin(EditableAdmin):
    """The first three by position that fit stand under “What to say” on the lead page."""

    form = MaterialForm
    list_display = ["position", "title", "shows", "stage", "says", "is_active"]
    list_display_links = ["title"]
    list_filter = ["is_active", "stage"]
    list_select_related = ["segment"]
    search_fields = ["title", "shows", "url"]

    @admin.display(description=_("For"))
    def says(self, material: Material) -> str:
        return words_within(material.segment, material.condition, Catalogue.load())
