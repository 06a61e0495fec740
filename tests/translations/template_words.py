"""Words of templates that no translation reaches: texts and spoken attributes outside of the tags
that translate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from django.template.base import Lexer, Token, TokenType

# Read aloud or shown; `value` of a button is one of its words too.
SPOKEN = ("alt", "aria-description", "aria-label", "aria-roledescription", "placeholder", "title")
# Tags whose content is no language.
NO_LANGUAGE = {"code", "kbd", "script", "style"}
# Names and signs that are the same in every language.
SAME_EVERYWHERE = {"LeadQual", "CSV", "YAML", "JSON", "Esc", "ms"}
# Icons by name.
ICONS = "material-symbols-outlined"
# Blocks that fill in attributes.
NO_WORDS = re.compile(r"block \w+_(class|attrs)")
_WORD = re.compile(r"[^\W\d_]{2,}")
# Stands for what a tag puts there.
_TAG = "\ue000"


def untranslated_words(source: str) -> list[str]:
    """The words of a template, in order, that are the same in every language."""
    finder = _Finder()
    finder.feed("".join(_plain(Lexer(source).tokenize())))
    finder.close()
    return finder.found


def _plain(tokens: list[Token]) -> Iterator[str]:
    """The template as HTML without what its tags say."""
    inside = ""
    for token in tokens:
        name = token.contents.partition(" ")[0] if token.token_type == TokenType.BLOCK else ""
        if inside:
            inside = "" if name == f"end{inside}" else inside
        elif name in ("blocktranslate", "comment") or NO_WORDS.match(token.contents):
            inside = name
            yield _TAG
        else:
            yield token.contents if token.token_type == TokenType.TEXT else _TAG


class _Finder(HTMLParser):
    """Collects words; knows in which tags it is."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in NO_LANGUAGE or ICONS in (dict(attrs).get("class") or ""):
            self.inside.append(tag)
        spoken = [value or "" for name, value in attrs if name in SPOKEN]
        kinds = dict(attrs)
        if tag == "input" and kinds.get("type") in ("submit", "button", "reset"):
            spoken.append(kinds.get("value") or "")
        for value in spoken:
            self._take(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self._take(data)

    def _take(self, text: str) -> None:
        words = [
            word for word in _WORD.findall(text.replace(_TAG, " ")) if word not in SAME_EVERYWHERE
        ]
        self.found += [" ".join(words)] if words else []
