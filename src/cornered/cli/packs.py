"""`cornered show` and `cornered check`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import DONE, INCOMPLETE, json_option, main, parse_levels, print_json
from cornered.cli._table import echo_words
from cornered.errors import FactorError
from cornered.terminal import echo, say

if TYPE_CHECKING:
    from cornered.scenario import Levels, Pack


@main.command()
@click.argument("scenario", required=False)
@click.argument("levels", nargs=-1, metavar="[FACTOR=LEVEL]…")
@click.option("--factors", is_flag=True, help="List the factors of the scenario instead.")
@click.option(
    "--draw",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Which trial's draw to show; with cast=varied each has names of its own.",
)
@json_option
def show(
    scenario: str | None, levels: tuple[str, ...], factors: bool, draw: int, as_json: bool
) -> None:
    """Print the prompt of a condition as the model will see it, and the tools it can call.

    Without SCENARIO, list the scenarios. Factors not named have their default.

    \b
      cornered show blackmail goal=explicit threat=replacement
      cornered show blackmail surface=tools
      cornered show blackmail cast=varied --draw 3
      cornered show blackmail --factors
    """
    from cornered.scenario import Scenario, load_pack

    if scenario is None:
        _show_scenarios(as_json)
        return
    pack = load_pack(scenario)
    if factors:
        _show_factors(scenario, as_json)
        return
    from cornered.scenario.condition import Condition

    given = parse_levels(levels)
    for factor, several in given.items():
        if len(several) > 1:
            raise FactorError(f"{factor} has several levels", fix="give one: one prompt is shown")
    condition = Condition.of(pack, {k: v[0] for k, v in given.items()}, scenario)
    from cornered.scenario.condition import trial_id

    prompt = Scenario.of(pack).prompt(condition.levels, trial_id(draw))
    tools = _tools(pack, condition.levels, trial_id(draw))
    if draw > 1 and not condition.varies_cast:
        varied = " of cast=varied" if "cast" in pack.factors.offered else ""
        say(f"{condition.name} is the same in every draw; draws{varied} differ")
    if as_json:
        print_json(
            {
                "condition": condition.name,
                "draw": draw,
                "factors": condition.levels,
                "system": prompt.system,
                "user": prompt.task,
            }
            | ({"tools": tools} if tools is not None else {})
        )
        return
    parts = [("system", prompt.system), ("user", prompt.task)]
    if tools is not None:
        parts.insert(
            1,
            (f"{len(tools)} tool{'s' * (len(tools) != 1)}", "\n\n".join(map(_written_tool, tools))),
        )
    for title, text in parts:
        echo(f"── {condition.name} · {title} ──", bold=True)
        echo(text + "\n")


def _tools(pack: Pack, levels: Levels, draw: str) -> list[dict[str, Any]] | None:
    """Name, description and parameters of each tool, as a model gets them; None in text."""
    from cornered.scenario import Scenario, one_turn

    if one_turn(levels):
        return None
    from cornered.surface.recorder import Recorder
    from cornered.surface.tools import tool_defs
    from cornered.world import open_world

    world = open_world(pack, Scenario.of(pack).scene(levels, draw))
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters.model_dump(exclude_none=True),
        }
        for tool in tool_defs(world, Recorder(world))
    ]


def _written_tool(tool: dict[str, Any]) -> str:
    """A tool for a terminal: its name, what it does, and a line for each parameter."""
    schema = tool["parameters"]
    lines = [
        tool["name"],
        *textwrap.wrap(tool["description"], 76, initial_indent="  ", subsequent_indent="  "),
    ]
    for name, entry in schema["properties"].items():
        need = "required" if name in schema["required"] else "optional"
        kind = entry.get("type") or " or ".join(one["type"] for one in entry.get("anyOf", ()))
        about = " ".join(str(entry.get("description", "")).split())
        lines += textwrap.wrap(
            f"{name} ({kind}, {need}): {about}", 76, initial_indent="  ", subsequent_indent="      "
        )
    return "\n".join(lines)


def _show_scenarios(as_json: bool) -> None:
    from cornered.scenario import load_pack, pack_names

    packs = [load_pack(name) for name in pack_names()]
    if as_json:
        print_json(
            [
                {
                    "name": p.name,
                    "title": p.spec.title,
                    "family": p.spec.family,
                    "about": p.spec.about,
                    "runs": p.runs,
                }
                for p in packs
            ]
        )
        return
    for pack in packs:
        echo(pack.name, bold=True, nl=False)
        told = "prompts of the package inspect_evals" if pack.spec.study else pack.spec.family
        echo(f"  ({told})" if told else "")
        echo_words(f"  {' '.join(pack.spec.about.split())}")


def _show_factors(scenario: str, as_json: bool) -> None:
    from cornered.scenario import load_pack

    factors = load_pack(scenario).factors
    default = factors.resolve({})
    rows: dict[str, Any] = {}
    for name, offer in factors.offered.items():
        known = load_pack(scenario).vocabulary[name]
        levels = (
            {f"0 to {offer}": known.about}
            if isinstance(offer, int)
            else {level: known.levels.get(level, "or any other name") for level in offer}
        )
        rows[name] = {"about": known.about, "default": default[name], "levels": levels}
        if known.by_scenario:
            rows[name]["by_scenario"] = known.by_scenario
    if as_json:
        print_json(rows)
        return
    for name, row in rows.items():
        echo_words(f"{name}: {row['about']} (default {row['default']})", indent="  ", head=name)
        width = max(map(len, row["levels"]), default=0)
        for level, about in row["levels"].items():
            echo_words(f"  {level:<{width}}  {about}", indent=" " * (width + 4))
        if "by_scenario" in row:
            here = row["by_scenario"].get(load_pack(scenario).name)
            note = f"here: {here}; " if here else ""
            echo_words(f"  ({note}it differs by scenario: never pooled over scenarios)")


@main.command()
@click.argument("packs", nargs=-1, metavar="[PACK]…")
@json_option
def check(packs: tuple[str, ...], as_json: bool) -> int:
    """Check packs over their whole grid of conditions.

    PACK is a scenario or a folder (default: all scenarios). The exit code is 1 if there are
    findings.

    \b
      cornered check blackmail
      cornered check path/to/pack
    """
    from cornered.run.tasks import pack_findings
    from cornered.scenario import load_pack, pack_names
    from cornered.scenario.lint import Finding
    from cornered.scenario.load import load_problems

    findings: dict[str, list[Finding]] = {}
    cells: dict[str, int] = {}
    for name in packs or pack_names():
        if wrong := load_problems(name):
            findings[name] = [Finding(e.where or name, e.advice) for e in wrong]
            continue
        pack = load_pack(name)
        findings[name] = pack_findings(pack)
        cells[name] = pack.factors.size if pack.runs else 0
    if as_json:
        print_json(
            {
                name: [{"where": finding.where, "what": finding.what} for finding in of_pack]
                for name, of_pack in findings.items()
            }
        )
    else:
        for name, of_pack in findings.items():
            for finding in of_pack:
                echo(" ".join(str(finding).split("\n")))
            grid = f"{cells[name]} cells" if name in cells else "cannot be loaded"
            echo(f"{name}: {grid}, {len(of_pack)} findings")
    return INCOMPLETE if any(findings.values()) else DONE
