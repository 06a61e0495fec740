"""The rule editor: one page a rule, checked while somebody writes; published ones are read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.views import ChangeList

from qualification.admin.base import EditableAdmin, is_admin
from qualification.admin.scoring import live, reviews
from qualification.admin.scoring.filters import ReviewFilter, VersionFilter
from qualification.admin.scoring.forms import RuleForm
from qualification.admin.scoring.pages import editor_in, is_draft, route, tabs_of
from qualification.admin.scoring.words import added_words, edited_words, sentence_or_error
from qualification.choices import ModelStatus
from qualification.models import ScoringModel, ScoringRule
from qualification.scoring import drafts
from qualification.scoring.export import condition_yaml
from qualification.scoring.reviews import reviews_of
from qualification.scoring.subjects import Catalogue


class RuleChangeList(ChangeList):
    """Puts the sentence and the review of each rule beside it, with one read each."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        catalogue = Catalogue.load()
        found = reviews_of([rule.key for rule in self.result_list])
        for rule in self.result_list:
            rule.sentence = sentence_or_error(rule, catalogue)
            rule.review = found.get(rule.key)


@admin.register(ScoringRule)
class ScoringRuleAdmin(EditableAdmin):
    form = RuleForm
    list_display = ["name", "sentence", "of_version", "review_due"]
    list_filter = [VersionFilter, ReviewFilter, "dimension"]
    list_select_related = ["model"]
    search_fields = ["name", "key"]
    ordering = ["-model__version", "position", "pk"]
    actions = None
    change_form_template = "admin/leadqual/rule_form.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("name", "model"),
                    ("dimension", "points"),
                    "condition",
                    ("group", "segment"),
                    ("disqualifies", "position"),
                ]
            },
        ),
    ]

    class Media:
        css = {"all": ["admin/leadqual/scoring.css"]}

    # --- who may -------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request) and open_drafts().exists()

    def has_change_permission(self, request: HttpRequest, obj: ScoringRule | None = None) -> bool:
        return is_admin(request) and (obj is None or is_draft(obj.model))

    def has_delete_permission(self, request: HttpRequest, obj: ScoringRule | None = None) -> bool:
        return is_admin(request) and obj is not None and is_draft(obj.model)

    # --- what is shown -------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RuleChangeList

    @admin.display(description=_("what it does"))
    def sentence(self, rule: ScoringRule) -> str:
        return format_html('<span class="lq-sentence">{}</span>', rule.sentence)  # type: ignore[attr-defined]

    @admin.display(description=_("version"), ordering="model__version")
    def of_version(self, rule: ScoringRule) -> str:
        return f"v{rule.model.version} {rule.model.get_status_display()}"

    @admin.display(description=_("review due"))
    def review_due(self, rule: ScoringRule) -> str:
        return reviews.due_badge(rule.review)  # type: ignore[attr-defined]

    @admin.display(description=_("when"))
    def condition_text(self, rule: ScoringRule) -> str:
        return format_html('<pre class="lq-yaml">{}</pre>', condition_yaml(rule.condition))

    def get_fieldsets(self, request: HttpRequest, obj: ScoringRule | None = None) -> Any:
        if self.has_change_permission(request, obj):
            return self.fieldsets
        read = [("name", "points"), ("dimension", "group"), "condition_text", "model"]
        read += ["segment"] if obj and obj.segment else []
        return [(None, {"fields": read + (["disqualifies"] if obj and obj.disqualifies else [])})]

    def get_readonly_fields(self, request: HttpRequest, obj: ScoringRule | None = None) -> Any:
        return [] if self.has_change_permission(request, obj) else ["condition_text"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        chosen = request.GET.get("model", "")
        drafts_there = open_drafts().order_by("-version")
        draft = drafts_there.filter(pk=int(chosen)).first() if chosen.isdecimal() else None
        draft = draft or drafts_there.first()
        last = draft.rules.aggregate(last=Max("position"))["last"] if draft else 0
        return {"model": draft, "position": (last or 0) + 1}

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        *args: Any,
        obj: ScoringRule | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        context |= reviews.review_context(obj) if obj else {}
        if obj:
            catalogue = Catalogue.load()
            context |= {
                "version": obj.model,
                "tabs": tabs_of(obj.model),
                "is_draft": is_draft(obj.model),
                "sentence": sentence_or_error(obj, catalogue),
            }
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        own = [
            route("check/", live.check_rule, "scoring_rule_check"),
            route("condition/check/", live.check_condition, "condition_check"),
            route("<int:pk>/review/", reviews.rule_review, "scoring_rule_review"),
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    # --- what is written -----------------------------------------------------------------------

    def save_model(
        self, request: HttpRequest, obj: ScoringRule, form: RuleForm, change: Any
    ) -> None:
        catalogue = Catalogue.load()
        before = ScoringRule.objects.filter(pk=obj.pk).first()
        if before is None:
            drafts.give_keys(obj.model, [obj])
        text = edited_words(before, obj, catalogue) if before else added_words(obj, catalogue)
        super().save_model(request, obj, form, change)
        if text:
            note(request, obj.model, text)

    def delete_model(self, request: HttpRequest, obj: ScoringRule) -> None:
        super().delete_model(request, obj)
        note(request, obj.model, _("Deleted: %(rule)s") % {"rule": obj.name})

    def response_post_save_add(self, request: HttpRequest, obj: ScoringRule) -> HttpResponse:
        return self.to_version(obj)

    def response_post_save_change(self, request: HttpRequest, obj: ScoringRule) -> HttpResponse:
        return self.to_version(obj)

    def to_version(self, rule: ScoringRule) -> HttpResponse:
        """Back to the rules of the draft."""
        url = reverse("admin:qualification_scoringmodel_change", args=[rule.model_id])
        return HttpResponseRedirect(url)


def open_drafts() -> QuerySet[ScoringModel]:
    """Versions that may be edited."""
    return ScoringModel.objects.filter(status=ModelStatus.DRAFT)


def note(request: HttpRequest, draft: ScoringModel, text: Any) -> None:
    """Record what this person changed; checks the version as a whole once more, under its lock."""
    drafts.note_edit(draft=draft, by=editor_in(request), text=str(text), now=timezone.now())
