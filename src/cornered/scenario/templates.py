"""Templates: sandboxed Jinja2, in which an undefined name is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

FILTERS = ("join", "lower", "upper", "capitalize", "trim")
"""The filters that a template may use."""


class Slots(Mapping[str, Any]):
    """A mapping for templates that reports each key they read.

    It is not a `dict`, so that no method of `dict` gets around `__getitem__`.
    """

    def __init__(self, path: str, content: Mapping[str, Any], read: Callable[[str], None]) -> None:
        self._content = {
            k: Slots(f"{path}.{k}", v, read) if isinstance(v, Mapping) else v
            for k, v in content.items()
        }
        self._path, self._read = path, read

    def __getitem__(self, key: str) -> Any:
        value = self._content[key]
        self._read(f"{self._path}.{key}")
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def lacks(self, key: str) -> str:
        """The error for a key that does not exist."""
        return f"there is no {self._path}.{key}"

    def __str__(self) -> str:
        raise jinja2.TemplateRuntimeError(f"{self._path} is not a text; name one of its keys")


class Sandbox(ImmutableSandboxedEnvironment):
    """Templates call nothing, and in slots a dot before a name looks up a key."""

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a template may call this: only the `items` of a plain mapping."""
        if isinstance(obj, jinja2.Undefined):
            return True  # the call then raises the error of the undefined name
        # The judge's frame iterates over the `items()` of plain mappings.
        return getattr(obj, "__name__", "") == "items" and isinstance(
            getattr(obj, "__self__", None), dict
        )

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What a dot before a name means: in slots, the key of that name."""
        return (
            self.getitem(obj, attribute)
            if isinstance(obj, Slots)
            else super().getattr(obj, attribute)
        )

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A key of slots; a missing one is undefined, with an error of its own."""
        if not isinstance(obj, Slots):
            return super().getitem(obj, argument)
        return obj[argument] if argument in obj else self.undefined(obj.lacks(argument))


def make_environment(
    source: Callable[[str], tuple[str, str, Callable[[], bool]] | None],
) -> Sandbox:
    """The environment of templates.

    Args:
        source: Template name to its text, its path, and a check whether it is up to date; None
            for an unknown name.
    """
    env = Sandbox(
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(source),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,
    )
    env.globals.clear()
    env.filters.clear()
    env.filters.update({name: jinja2.filters.FILTERS[name] for name in FILTERS})
    return env
