"""Which factors the templates of a pack read, without rendering them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import jinja2
from jinja2 import nodes

from cornered.errors import PackError
from cornered.scenario.pack import Pack

DEPENDS_ON: Mapping[str, tuple[str, ...]] = {"agent": ("agent",), "arms": ("instructions",)}
"""Variables of every pack whose content depends on factors: variable to factors."""

Source = tuple[str, str, Callable[[], bool]]
"""The text of a template, its file, and whether it is still the same: what Jinja's loaders give."""


class TemplateFactors:
    """Which factors the templates of one pack read.

    Args:
        pack: The pack.
        env: Parses the templates.
        source: Finds the text of a template by its name; None where there is none.
    """

    def __init__(
        self, pack: Pack, env: jinja2.Environment, source: Callable[[str], Source | None]
    ) -> None:
        self.pack = pack
        self._env, self._source = env, source
        self._read_by: dict[str, tuple[str, ...]] = {}
        self._reading: list[str] = []
        self._paths: dict[str, str] = {}

    @cached_property
    def depends_on(self) -> dict[str, set[str]]:
        """Variable to the factors that its content depends on."""
        depends = {name: set(factors) for name, factors in DEPENDS_ON.items()}
        for name, variable in self.pack.spec.variables.items():
            of = variable.row.partition(".")
            others = [*variable.choose.values(), *([of[0]] if of[1] else [])]
            own = {variable.by} if variable.by else set() if of[1] else {of[0]}
            depends[name] = own.union(*(depends[other] for other in others))
        return depends

    def path(self, name: str) -> str:
        """The file of a template."""
        if name not in self._paths:
            root = self.pack.shared.parent if name.startswith("shared/") else self.pack.folder
            self._paths[name] = str(root / name)
        return self._paths[name]

    def reads(self, name: str) -> tuple[str, ...]:
        """The factors that a template reads, its includes included, sorted.

        Raises:
            PackError: no such file, a syntax error, or an include whose name is not in quotes.
        """
        if name not in self._read_by:
            self._reading.append(name)
            try:
                self._read_by[name] = tuple(sorted(self._factors_in(name)))
            finally:
                self._reading.pop()
        return self._read_by[name]

    def _factors_in(self, name: str) -> Iterator[str]:
        source = self._source(name)
        if source is None:
            raise PackError(f"there is no file {name}", where=self.path(name))
        yield from self._factors_of(source[0], source[1])

    def parts(self, name: str) -> list[frozenset[str]]:
        """The factors that a template reads together, one set for each of its parts.

        A part is a top-level node of the template; its text depends on the factors of its set
        alone. A node that sets a variable counts towards every part. Subsets of another set
        are left out.

        Raises:
            PackError: as `reads`.
        """
        self.reads(name)
        source, where, _ = self._source(name) or ("", name, None)
        tree = self._env.parse(source, filename=where)
        alone = [nodes.Template([node]) for node in tree.body]
        everywhere = set[str]().union(
            *(
                self._factors_in_tree(part, where)
                for part in alone
                if any(part.find_all((nodes.Assign, nodes.AssignBlock)))
            )
        )
        sets = {frozenset(self._factors_in_tree(part, where) | everywhere) for part in alone}
        return sorted((s for s in sets if not any(s < t for t in sets)), key=sorted)

    def reads_text(self, name: str, source: str, where: str) -> tuple[str, ...]:
        """The factors that a template without a file of its own reads, sorted; looked up once.

        Args:
            name: What it is known by.
            source: The template.
            where: The file that it stands in, for errors.

        Raises:
            PackError: as `reads`.
        """
        if name not in self._read_by:
            self._read_by[name] = tuple(sorted(self._factors_of(source, where)))
        return self._read_by[name]

    def reads_in(self, source: str, where: str) -> frozenset[str]:
        """The factors that a template from a YAML file reads.

        Args:
            source: The template.
            where: The file, for errors.

        Raises:
            PackError: as `reads`.
        """
        return frozenset(self._factors_of(source, where))

    def _factors_of(self, source: str, where: str) -> set[str]:
        """The factors that a template's text reads; nothing is rendered."""
        try:
            tree = self._env.parse(source, filename=where)
        except jinja2.TemplateSyntaxError as e:
            raise PackError(f"template: {e.message}", where=f"{where}:{e.lineno}") from None
        return self._factors_in_tree(tree, where)

    def _factors_in_tree(self, tree: nodes.Template, where: str) -> set[str]:
        factors: set[str] = set()
        named = 0
        for name in tree.find_all(nodes.Name):
            factors.update(self.depends_on.get(name.name, ()))
            named += name.name == "level"
        for dotted in tree.find_all(nodes.Getattr):
            if isinstance(dotted.node, nodes.Name) and dotted.node.name == "level":
                factors.add(dotted.attr)
                named -= 1
        for keyed in tree.find_all(nodes.Getitem):
            key = keyed.arg.value if isinstance(keyed.arg, nodes.Const) else None
            if isinstance(keyed.node, nodes.Name) and keyed.node.name == "level" and key:
                factors.add(str(key))
                named -= 1
        if named:  # `level` without a key, as in a loop, may read any factor
            factors.update(self.pack.vocabulary)
        if banned := next(tree.find_all((nodes.Import, nodes.FromImport, nodes.Extends)), None):
            place = f"{where}:{banned.lineno}"
            raise PackError(
                "a template can include another one, but not import or extend it", where=place
            )
        for include in tree.find_all(nodes.Include):
            place = f"{where}:{include.lineno}"
            if not isinstance(include.template, nodes.Const):
                raise PackError("an include must name its file in quotes", where=place)
            file = str(include.template.value)
            if self._source(file) is None:
                raise PackError(f"there is no file {file}", where=place)
            if file in self._reading:
                raise PackError(f"{file} includes itself", where=place)
            factors.update(self.reads(file))
        return factors & set(self.pack.vocabulary)
