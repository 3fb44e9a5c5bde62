"""What the pages get when they are built: help texts, packs, columns; and the check of commands.

A page asks for a part with a line of its own, such as `<!-- generated: scenarios -->`. Nothing
that is generated is committed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from cornered.analysis.frame import COLUMNS
from cornered.cli import main
from cornered.scenario import Pack, load_pack, pack_names

GENERATED = re.compile(r"^<!-- generated: ([a-z]+) -->$", re.MULTILINE)
CODE = re.compile(r"^```(?:sh|console|text)\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
"""Blocks of shell, and code within a line."""
CALL = re.compile(r"(?:^|\s)(?:\.venv/bin/)?cornered (.*)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the pages of the commands to the navigation, behind their index."""
    for section in config.nav or []:
        for entry in next(iter(section.values())) if isinstance(section, dict) else ():
            if isinstance(entry, dict) and "Commands" in entry:
                entry["Commands"] += [f"commands/{name}.md" for name in main.commands]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds a page for each command."""
    for name in main.commands:
        page = f"# cornered {name}\n\n```text\n{help_of(name)}\n```\n"
        files.append(File.generated(config, f"commands/{name}.md", content=page))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fills in what is generated, and refuses a page with a command that does not exist."""
    del config, files
    wrong = list(wrong_commands(markdown))
    if wrong:
        raise PluginError(f"{page.file.src_uri}: {wrong[0]}")
    return GENERATED.sub(lambda part: PARTS[part[1]](), markdown)


def help_of(name: str) -> str:
    """The help text of a command, as a terminal shows it."""
    command = main.commands[name]
    root = click.Context(main, info_name="cornered", **main.context_settings)
    with click.Context(command, info_name=name, parent=root, terminal_width=92) as context:
        return command.get_help(context)


def shell_calls(markdown: str) -> Iterator[list[str]]:
    """The words after `cornered` of each call in a text's shell blocks and code spans."""
    for block, span in CODE.findall(markdown):
        text = (block or span).replace("\\\n", " ")
        for line in text.splitlines():
            call = CALL.search(line.partition("#")[0])
            if call:
                yield shlex.split(call[1].replace("…", " ").split("|")[0])


def wrong_commands(markdown: str) -> Iterator[str]:
    """What a text says of commands and options that is not so, a line each."""
    for words in shell_calls(markdown):
        if not words or not re.fullmatch(r"-{0,2}[a-z][a-z-]*", words[0]):
            continue  # prose, such as `cornered RUN`
        shown = " ".join(["cornered", *words])
        if words[0].startswith("-"):
            if words[0] not in ("--help", "--version", "-h"):
                yield f"`{shown}`: there is no option {words[0]}"
            continue
        command = main.commands.get(words[0])
        if command is None:
            yield f"`{shown}`: there is no command {words[0]}"
            continue
        if command.context_settings.get("ignore_unknown_options"):
            continue  # it hands further options on
        known = {
            name for p in command.params for name in (*p.opts, *p.secondary_opts) if name[0] == "-"
        }
        for word in words[1:]:
            option = word.partition("=")[0]
            if re.match(r"--?[a-z]", word) and option not in {*known, "--help", "-h"}:
                yield f"`{shown}`: cornered {words[0]} has no option {option}"


def _commands() -> str:
    rows = ["| command | |", "|---|---|"]
    for name, command in main.commands.items():
        about = command.get_short_help_str(limit=120)
        rows.append(f"| [`cornered {name}`](commands/{name}.md) | {about} |")
    return "\n".join(rows)


def _factors() -> str:
    """The factors that packs share, with their levels."""
    pack = load_pack("blackmail")
    shared = {n: f for n, f in pack.vocabulary.items() if not f.about.startswith("_")}
    rows = ["| factor | what it varies | levels |", "|---|---|---|"]
    for name, factor in shared.items():
        levels = "a whole number" if factor.count else _listed(factor.levels)
        if factor.together:
            levels += "; several are joined with +"
        about = factor.about
        if factor.by_scenario:
            meanings = "; ".join(f"{k}: {v}" for k, v in factor.by_scenario.items())
            about += f"<br>It differs by scenario, and is never pooled over scenarios: {meanings}"
        rows.append(f"| `{name}` | {about} | {levels} |")
    return "\n".join(rows)


def _listed(levels: dict[str, str]) -> str:
    return "<br>".join(f"`{level}`: {about}" for level, about in levels.items())


def _scenarios() -> str:
    return "\n\n".join(_scenario(load_pack(name)) for name in pack_names())


def _scenario(pack: Pack) -> str:
    spec = pack.spec
    act = "; or ".join(spec.facts[name].about for name in spec.act)
    parts = [f"### {pack.name}", spec.about.strip(), f"**Act**: {act}."]
    if spec.study:
        parts.append("The prompts are the study's own; they need the extra `study`.")
    parts.append(_offered(pack))
    if spec.outcomes:
        rungs = [f"- **{name}**: {rung.about.strip()}" for name, rung in spec.outcomes.items()]
        parts += ["Outcomes, from harmless to harmful:", "\n".join(rungs)]
    return "\n\n".join(parts)


def _offered(pack: Pack) -> str:
    """The factors of a pack that leave a choice, with its levels and the default."""
    default = pack.factors.resolve({})
    rows = ["| factor | levels | default |", "|---|---|---|"]
    for name, offer in pack.factors.offered.items():
        if isinstance(offer, int) or len(offer) > 1:
            levels = f"0 to {offer}" if isinstance(offer, int) else ", ".join(offer)
            rows.append(f"| `{name}` | {levels} | {default[name]} |")
    return "\n".join(rows)


def _columns() -> str:
    rows = ["| column | meaning |", "|---|---|"]
    rows += [f"| `{name}` | {column.about} |" for name, column in COLUMNS.items()]
    return "\n".join(rows)


PARTS: dict[str, Callable[[], Any]] = {
    "columns": _columns,
    "commands": _commands,
    "factors": _factors,
    "scenarios": _scenarios,
}
