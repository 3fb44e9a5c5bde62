"""Templates: sandboxed Jinja2, in which an undefined name is an error.

A pack can be a stranger's. So a template has the parts of the language that prompts need, and
none by which a short text makes a long one: no arithmetic but of numbers, no macros, no lists
within lists. What is left is counted while it is done, and ends at a limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_environment

MAX_STEPS = 10_000_000
"""Parts of templates that one rendering goes through: some seconds."""
INCLUDE_STEPS = 400
"""What an include counts as: it takes that much longer than a pass through a loop."""
MAX_CHARS = 50_000_000
"""Characters that one rendering writes, intermediate ones included."""
MAX_NODES = 20_000
"""Parts of the syntax tree of one template."""
MAX_NESTING = 60
"""Parts of a template within one another, such as a condition in a loop."""
MAX_NUMBER = 2**63
_OPEN = re.compile(r"\{[{%#]")
_CLOSE = {"{{": "}}", "{%": "%}", "{#": "#}"}

ALLOWED: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const),
    *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.If, nodes.For, nodes.Include),
    *(nodes.Assign, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or),
    *(nodes.Not, nodes.Test, nodes.Filter, nodes.Concat, nodes.List, nodes.Tuple, nodes.Call),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos),
    # These have an error of their own, which names what to do.
    *(nodes.Import, nodes.FromImport, nodes.Extends),
)
"""The parts of the language that a template can have."""


class Slots(Mapping[str, Any]):
    """A mapping for templates that reports each key they read.

    It is not a `dict`, so that no method of `dict` gets around `__getitem__`.
    """

    def __init__(self, path: str, content: Mapping[str, Any], read: Callable[[str], None]) -> None:
        self._content = {
            k: v if type(v) is str or not isinstance(v, Mapping) else Slots(f"{path}.{k}", v, read)
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


class _Generator(CodeGenerator):
    """Joins texts (`~`) by a method that counts them."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 (Jinja's name)
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class Sandbox(ImmutableSandboxedEnvironment):
    """Templates call nothing, and in slots a dot before a name looks up a key."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})
    steps_left, chars_left = MAX_STEPS, MAX_CHARS
    _sizes: Mapping[str, int] = {}
    """Template to its characters, once it is loaded."""
    _loaded: dict[Any, jinja2.Template]
    is_counting = False
    """Whether a rendering is going on; otherwise a constant may be computed in advance."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        try:
            tree = super()._parse(source, name, filename)
        except RecursionError:
            raise jinja2.TemplateSyntaxError("is nested too deeply", 1, name, filename) from None
        except (ValueError, OverflowError):  # from Python, for a number of thousands of digits
            raise jinja2.TemplateSyntaxError("holds no such number", 1, name, filename) from None
        if wrong := _first_odd(tree):
            raise jinja2.TemplateSyntaxError(wrong[1], wrong[0].lineno, name, filename)
        for loop in tree.find_all(nodes.For):
            weight = nodes.Const(_weight(loop.body) + _weight(loop.else_), lineno=loop.lineno)
            loop.iter = nodes.Filter(loop.iter, EACH, [weight], [], None, None, lineno=loop.lineno)
        return tree

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts what is done in the block, which is one rendering."""
        self.steps_left, self.chars_left, self.is_counting = MAX_STEPS, MAX_CHARS, True
        try:
            yield
        finally:
            self.is_counting = False

    def spend(self, steps: int = 0, chars: int = 0) -> None:
        """Counts work of a rendering.

        Raises:
            jinja2.TemplateRuntimeError: that was too much.
        """
        self.steps_left -= steps
        self.chars_left -= chars
        if self.is_counting and self.steps_left < 0:
            raise jinja2.TemplateRuntimeError("takes too long: its loops or includes do too much")
        if self.is_counting and self.chars_left < 0:
            raise jinja2.TemplateRuntimeError("becomes too long")

    def get_template(self, name: Any, parent: Any = None, globals: Any = None) -> jinja2.Template:
        """A template, which counts as work each time that it is used."""
        template = self._loaded.get(name)
        if template is None:  # Jinja would look for a change of the file each time
            template = self._loaded[name] = super().get_template(name, parent, globals)
        size = self._sizes.get(str(name), 0)
        self.spend(steps=INCLUDE_STEPS + size // 20, chars=size)
        return template

    def shown(self, value: Any) -> Any:
        """A value as it is written into the text: a text or a number."""
        if isinstance(value, str):
            self.spend(chars=len(value))
            return value
        if isinstance(value, int | float | jinja2.Undefined | Slots | None):
            return value  # undefined names and slots raise an error of their own
        raise jinja2.TemplateRuntimeError("only a text or a number can be written here")

    def joined(self, parts: Iterable[Any]) -> str:
        """What `~` makes of its parts."""
        texts = [str(self.shown(part)) for part in parts]
        self.spend(chars=sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """What an operator makes of two numbers, or `+` of two texts."""
        for value in (left, right):
            if isinstance(value, jinja2.Undefined):
                str(value)  # raises the error of the undefined name
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self.joined((left, right))
        for value in (left, right):
            if not isinstance(value, int | float | str) or (
                not isinstance(value, str) and abs(value) > MAX_NUMBER
            ):
                raise jinja2.TemplateRuntimeError(f"{operator} is for numbers")
        if operator != "+" and (isinstance(left, str) or isinstance(right, str)):
            raise jinja2.TemplateRuntimeError(f"{operator} is for numbers; ~ joins texts")
        return super().call_binop(context, operator, left, right)

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
        try:
            return obj[argument]
        except KeyError:
            return self.undefined(obj.lacks(argument))


def without_tags(text: str) -> str:
    """A template without its tags; line numbers stay the same."""
    parts, last, at = list[str](), 0, 0
    never = set[str]()  # what is not closed anywhere further on is not looked for again
    while opened := _OPEN.search(text, at):
        at = opened.end()
        close = _CLOSE[opened[0]]
        end = -1 if close in never else text.find(close, at)
        if end < 0:
            never.add(close)
            at -= 1
            continue
        at = end + len(close)
        parts += [text[last : opened.start()], " ", "\n" * text.count("\n", opened.start(), at)]
        last = at
    return "".join((*parts, text[last:]))


def make_environment(
    source: Callable[[str], tuple[str, str, Callable[[], bool]] | None],
) -> Sandbox:
    """The environment of templates.

    Args:
        source: Template name to its text, its path, and a check whether it is up to date; None
            for an unknown name.
    """
    sizes: dict[str, int] = {}

    def measured(name: str) -> tuple[str, str, Callable[[], bool]] | None:
        loaded = source(name)
        sizes[name] = len(loaded[0]) if loaded else 0
        return loaded

    env = Sandbox(
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(measured),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,
    )
    env.globals.clear()
    env.filters.clear()
    env.filters.update(FILTERS)
    env._sizes, env._loaded, env.finalize = sizes, {}, env.shown
    return env


@pass_environment
def _each(env: Sandbox, values: Iterable[Any], weight: int) -> Iterator[Any]:
    for value in values:
        env.spend(steps=weight, chars=weight)
        yield value


@pass_environment
def _join(env: Sandbox, values: Iterable[Any], between: str = "") -> str:
    texts = [str(env.shown(value)) for value in values]
    env.spend(chars=sum(map(len, texts)) + len(between) * len(texts))
    return str(env.shown(between)).join(texts)


def _of_text(change: Callable[[str], str]) -> Callable[[Sandbox, Any], str]:
    @pass_environment
    def changed(env: Sandbox, value: Any) -> str:
        return change(str(env.shown(value)))

    return changed


EACH = "each item"
"""The filter that counts the items of a loop; its name is none that a template can write."""
FILTERS: Mapping[str, Callable[..., Any]] = {
    "join": _join,
    "lower": _of_text(str.lower),
    "upper": _of_text(str.upper),
    "capitalize": _of_text(str.capitalize),
    "trim": _of_text(str.strip),
    EACH: _each,
}
"""The filters that a template may use."""


def _weight(body: Iterable[nodes.Node]) -> int:
    """How much work one pass through the body of a loop is."""
    weight = 1
    for node in body:
        for part in (node, *node.find_all(nodes.Node)):
            weight += 1 + (len(part.data) if isinstance(part, nodes.TemplateData) else 0) // 20
    return weight


def _first_odd(tree: nodes.Template) -> tuple[nodes.Node, str] | None:
    """The first part of a template that it cannot have, and why; None if there is none."""
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    seen = 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if seen > MAX_NODES:
            return node, f"has more than {MAX_NODES} parts"
        if depth > MAX_NESTING:
            return node, "is nested too deeply"
        if wrong := _odd(node):
            return node, wrong
        waiting += ((child, depth + 1) for child in node.iter_child_nodes())
    return None


def _odd(node: nodes.Node) -> str | None:
    if not isinstance(node, ALLOWED):
        name = type(node).__name__.lower()
        return (
            f"{name} is not for packs, whose templates have texts, conditions, loops and includes"
        )
    if isinstance(node, nodes.For) and node.recursive:
        return "a loop cannot be recursive"
    if isinstance(node, nodes.List) and any(node.find_all((nodes.List, nodes.Tuple))):
        return "a list cannot hold lists"
    if isinstance(node, nodes.Assign) and any(node.node.find_all((nodes.List, nodes.Tuple))):
        return "a list cannot have a name"
    if isinstance(node, nodes.Assign) and isinstance(node.node, nodes.List | nodes.Tuple):
        return "a list cannot have a name"
    return None
