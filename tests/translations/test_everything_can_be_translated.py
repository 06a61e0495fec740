"""No words of a page stand outside of what gettext finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.translations import python_words, template_words

ROOT = Path(__file__).parents[2]
TEMPLATES = [path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt")]
CODE = [
    path
    for room in ("crm", "qualification", "leadqual_site")
    for path in (ROOT / room).rglob("*.py")
    if not {"migrations", "commands", "demo", "embedded"} & set(path.parts)
]
REFUSALS = python_words.refusals_in(
    ROOT / "crm/exceptions.py", ROOT / "qualification/exceptions.py"
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_says_nothing_in_one_language_only(path: Path) -> None:
    assert template_words.untranslated_words(path.read_text()) == []


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_says_nothing_in_one_language_only(path: Path) -> None:
    assert python_words.untranslated_words(path.read_text(), REFUSALS) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('<p class="small">Save it</p>', ["Save it"]),
        ('<button aria-label="Close">{% icon "x" %}</button>', ["Close"]),
        ("{% if a %}Left{% else %}{{ b }}{% endif %}", ["Left"]),
        ('<p>{% translate "Save it" %} {{ n }} · <kbd>Esc</kbd></p>', []),
        ("<p>{% blocktranslate %}Save {{ n }}{% plural %}All{% endblocktranslate %}</p>", []),
        ('{% block main_class %}is-canvas{% endblock %}<script>"Words here"</script>', []),
    ],
)
def test_it_finds_words_of_templates(source: str, found: list[str]) -> None:
    assert template_words.untranslated_words(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise TooLate("It is over.")', ["It is over."]),
        ('messages.success(request, f"{name} is gone.")', ["  is gone."]),
        ('form.add_error("name", "Taken already")', ["Taken already"]),
        ('name = forms.CharField(label="Your name")', ["Your name"]),
        ('class Kind(models.TextChoices):\n    CALL = "call", "A call"', ["A call"]),
        ('raise TooLate(_("It is over.") % {"n": 1})', []),
        ('class Kind(models.TextChoices):\n    CALL = "call", _("A call")', []),
        ('logger.info("It is over now")', []),
    ],
)
def test_it_finds_words_of_code(source: str, found: list[str]) -> None:
    words = python_words.untranslated_words(source, {"TooLate"})
    assert [text for _line, text in words] == found
