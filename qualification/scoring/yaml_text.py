"""Decides how YAML text is read: safely, no key twice, mistakes on one line.
Pure. Called by the document."""

from __future__ import annotations

from typing import Any

import yaml

from qualification.exceptions import ModelInvalid


class _OneKeyLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice instead of taking the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key}' stands there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> object:
    """The plain value of a YAML text. Raises ModelInvalid with line and reason."""
    try:
        return yaml.load(text, Loader=_OneKeyLoader)  # noqa: S506  # nosec B506: a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise ModelInvalid(f"not YAML: {place}{flat(error.problem or 'unreadable')}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ModelInvalid(f"not YAML: {flat(str(error))}") from None
    except RecursionError:
        raise ModelInvalid("not YAML: nested too deeply") from None


def flat(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())
