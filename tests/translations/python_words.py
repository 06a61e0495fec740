"""Words of our Python code that no translation reaches: what pages say about a verb, a refusal, a
form, a kind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# Refusals about a file or a message of a machine, for whoever runs the commands: English, as their
# logs are, and compared by scripts.
DIAGNOSTICS = {
    *("BusinessTimeInvalid", "FactsInvalid", "FileInvalid", "MappingInvalid", "ModelInvalid"),
    *("NothingRecorded", "PayloadInvalid", "SignatureInvalid"),
}
# Parts of fields that somebody reads.
READ = {"empty_label", "help_text", "label", "verbose_name"}
CHOICES = {"TextChoices", "IntegerChoices"}
MESSAGES = {"debug", "error", "info", "success", "warning"}
_WORD = re.compile(r"[^\W\d_]{2,}")


def refusals_in(*modules: Path) -> set[str]:
    """Names of exceptions whose text people read."""
    trees = [ast.parse(module.read_text()) for module in modules]
    names = {node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}
    return names - DIAGNOSTICS


def untranslated_words(source: str, refusals: set[str]) -> list[tuple[int, str]]:
    """(line, words) of what is shown as it stands in the code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            found += [(node.lineno, text) for text in map(_text, _shown(node, refusals)) if text]
        if isinstance(node, ast.ClassDef) and CHOICES & {_name(base) for base in node.bases}:
            found += list(_kinds(node))
    return [(line, text) for line, text in found if _WORD.search(text)]


def _shown(call: ast.Call, refusals: set[str]) -> Iterator[ast.expr]:
    name, of = _name(call.func), _name(getattr(call.func, "value", None))
    if name in refusals or name == "ValidationError" or (of == "messages" and name in MESSAGES):
        yield from call.args
    if name == "add_error":
        yield from call.args[1:]
    yield from (word.value for word in call.keywords if word.arg in READ)


def _kinds(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    """Kinds with a plain label; one without any is for machines."""
    for line in node.body:
        value = line.value if isinstance(line, ast.Assign) else None
        if isinstance(value, ast.Tuple):
            yield line.lineno, _text(value.elts[-1])


def _name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr) -> str:
    """What a literal says; nothing where it is made by a call, as every translation is."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return " ".join(map(_text, node.values))
    return _text(node.left) if isinstance(node, ast.BinOp) else ""
