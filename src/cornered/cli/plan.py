"""`cornered plan`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import experiment_options, main, print_json
from cornered.cli._summary import MANY_CELLS
from cornered.cli._table import add_row, echo, echo_words, plain_table, print_table
from cornered.cli.run import experiment_of

if TYPE_CHECKING:
    from rich.table import Table

    from cornered.run.plan import Plan
    from cornered.run.prices import Price
    from cornered.run.usage import Use
    from cornered.scenario.condition import Condition

UNKNOWN = "unknown"
COMPANIONS = {
    "people": "People: asked once for each mail that the rehearsed agent writes.",
    "monitor": "Monitor: asked once about each mail that the rehearsed agent writes.",
}


@main.command()
@experiment_options
@click.option(
    "--rate",
    "rates",
    multiple=True,
    type=click.FloatRange(0, 1),
    help="A rate of the act, such as 0.2, for which to give the precision; may be repeated "
    "(default: 0, 0.1, 0.5).",
)
@click.option(
    "--answer-tokens",
    type=click.IntRange(min=1),
    help="Assumed tokens of an answer, reasoning included (default: 900).",
)
@click.option("--offline", is_flag=True, help="Estimate tokens from characters; send nothing.")
@click.option(
    "--price", metavar="IN,OUT", help="US dollars per million tokens, for every model under test."
)
def plan(
    target: str,
    levels: tuple[str, ...],
    models: tuple[str, ...],
    out: Path | None,
    as_json: bool,
    rates: tuple[float, ...],
    answer_tokens: int | None,
    price: str | None,
    offline: bool,
    **settings: Any,
) -> None:
    """Estimate what TARGET costs and how precise its rates will be; call no model.

    Takes the arguments of `cornered run`. Trials that the run folder already has are counted
    separately; tokens and money are for the remaining ones.

    Where a model is OpenAI's, Anthropic's, Google's or xAI's and its key is set, a few prompts
    of each scenario are sent to the provider, which counts their tokens free of charge;
    --offline sends nothing.

    \b
      cornered plan examples/headline.yaml
      cornered plan blackmail goal=explicit,none -m openai/gpt-4.1 -n 100
    """
    from cornered.experiment import Experiment
    from cornered.run import plan as planning
    from cornered.run import usage
    from cornered.run.prices import parse_price

    # Options that say how a run goes, such as how fast, change nothing here.
    asked = {k: v for k, v in settings.items() if k in Experiment.model_fields}
    experiment = experiment_of(target, levels, models, asked)

    made = planning.plan(
        experiment,
        out or Path("runs") / experiment.name,
        rates=rates or planning.RATES,
        answer_tokens=answer_tokens or usage.ANSWER_TOKENS,
        price=parse_price(price) if price else None,
        offline=offline,
    )
    if as_json:
        print_json(made.as_dict())
    else:
        _print_plan(made, experiment.conditions())


def _print_plan(made: Plan, conditions: Sequence[Condition]) -> None:
    controls = sum(c.control for c in made.cells)
    echo_words(
        f"{made.experiment}: {len(made.cells)} cells of {'at most ' if made.rule else ''}"
        f"{made.samples} trials, "
        f"{controls} of them control{'s' if controls != 1 else ''}"
    )
    echo("")
    _print_cells(made, conditions)
    _print_uses(made)
    _print_precision(made)
    _print_hypotheses(made)
    _print_assumptions(made)
    for warning in made.warnings:
        echo_words(f"Note: {warning}")


def _print_cells(made: Plan, conditions: Sequence[Condition]) -> None:
    """Each condition; of many, each pressure."""
    from cornered.analysis.names import condition_names, pressure_name

    if len(made.cells) < MANY_CELLS:
        names = condition_names(conditions)
        out = plain_table("condition", "prompt tokens, estimated")
        for cell in made.cells:
            add_row(out, names[cell.condition], _tokens(cell.prompt_tokens))
    else:
        pressures = {condition.name: pressure_name(condition) for condition in conditions}
        groups: dict[str, list[int]] = {}
        for cell in made.cells:
            groups.setdefault(pressures[cell.condition], []).append(cell.prompt_tokens)
        out = plain_table("scenario and pressure", "cells", "prompt tokens, estimated")
        for words, tokens in groups.items():
            ends = dict.fromkeys(map(_tokens, (min(tokens), max(tokens))))
            add_row(out, words, str(len(tokens)), " to ".join(ends))
    print_table(out)
    if len(made.cells) >= MANY_CELLS:
        echo("Each cell: --json.")
    echo("")


def _print_uses(made: Plan) -> None:
    out = plain_table("model", "trials", "done", "calls", "tokens in", "tokens out", "US dollars")
    from cornered.experiment import NO_MODEL

    for model in made.models:
        name = "agents' own models" if model.use.model == NO_MODEL else model.use.model
        _add_use(out, model.use, name, str(model.trials), str(model.completed))
    for use in made.uses[len(made.models) :]:
        _add_use(out, use, f"{use.role}: {use.model}", "", "")
    if len(made.uses) > 1:
        cost = made.cost
        add_row(out, "all", "", "", "", "", "", _money(cost.expected if cost else None))
        add_row(out, "  at most", "", "", "", "", "", _money(cost.at_most if cost else None))
    print_table(out)
    echo("")


def _add_use(out: Table, use: Use, name: str, trials: str, done: str) -> None:
    cost = use.cost
    rows = (
        (name, trials, done, "expected", cost.expected if cost else None),
        ("  at most", "", "", "at_most", cost.at_most if cost else None),
    )
    for first, second, third, bound, money in rows:
        calls, tokens_in, tokens_out = (
            getattr(amount, bound) for amount in (use.calls, use.input_tokens, use.output_tokens)
        )
        add_row(
            out,
            first,
            second,
            third,
            "unknown" if calls is None else str(calls),
            _tokens(tokens_in),
            _tokens(tokens_out),
            _money(money),
        )


def _print_precision(made: Plan) -> None:
    out = plain_table(
        f"each cell, n = {made.samples}", *(f"at {_percent(s.rate)}" for s in made.precision)
    )
    add_row(out, "95 % Wilson interval, ±", *(_points(s.half_width) for s in made.precision))
    add_row(out, "smallest rise detected", *(_points(s.difference) for s in made.precision))
    add_row(out, "power for a rise of 10 pp", *(_percent(s.power) for s in made.precision))
    if made.rule:
        add_row(out, "trials, on average", *(f"{s.trials:.0f}" for s in made.precision if s.trials))
        if any(s.screen_trials for s in made.precision):
            of_screen = (f"{s.screen_trials:.0f}" for s in made.precision if s.screen_trials)
            add_row(out, "  of a control of the screen", *of_screen)
        total = (f"{s.all_trials:.0f}" for s in made.precision if s.all_trials)
        add_row(out, "  of all cells, controls at 0 %", *total)
    print_table(out)
    if made.rule:
        echo_words(f"A cell stops {made.rule}; tokens and money above are for all its trials.")
    echo_words(
        f"0 of {made.samples} is compatible with a true rate up to {_percent(made.zero_upper)}."
    )
    echo_words(
        "Rise: against a second cell of the same n, such as a control; detected with "
        "80 % power (Fisher's exact test, two-sided, 5 %). pp: percentage points."
    )
    echo("")


def _print_hypotheses(made: Plan) -> None:
    """The declared tests with the rates that are assumed, and their power."""
    from cornered.run.expected import SOURCES

    if not made.hypotheses:
        echo_words(
            "No hypotheses are declared: differences will be reported as exploration, with "
            "intervals and no verdict."
        )
        echo("")
        return
    margins = any(test.margin for test in made.hypotheses)
    out = plain_table(
        "hypothesis", "assumed", "family", "power", *(["equivalent"] if margins else [])
    )
    for test in made.hypotheses:
        rates = "/".join(f"{100 * rate:.0f}" for rate in test.rates)
        chances = [test.power, *([test.equivalence] if margins else [])]
        shown = ("–" if c is None else f"{100 * c:.0f} %" for c in chances)
        name = f"{test.name}: {test.scenario}, {test.model}"
        add_row(out, name, f"{rates} %", str(test.family_size), *shown)
    print_table(out)
    echo_words(
        f"Power: the chance that the interval of the difference leaves out 0 after Holm's "
        f"adjustment over the family, with n = {made.samples} a cell."
    )
    if margins:
        echo_words("Equivalent: the chance that equal rates are shown to lie within the margin.")
    for source in dict.fromkeys(test.source for test in made.hypotheses):
        which = [t.name for t in made.hypotheses if t.source == source]
        echo_words(f"Assumed, {', '.join(dict.fromkeys(which))}: {SOURCES[source]}.")
    echo("")


def _print_assumptions(made: Plan) -> None:
    from cornered.experiment import NO_MODEL
    from cornered.run.rehearsal import MESSAGES

    uses = [use for use in made.uses if use.model != NO_MODEL]
    for use in uses:
        name = use.model if use.role == "subject" else f"{use.role} {use.model}"
        _assume(f"Tokens: {name} {_counted(use)}")
    _assume(
        f"Answers: assumes {made.answer_tokens} output tokens an answer, reasoning included "
        "(--answer-tokens), scaled to the model's tokenizer; at most max_tokens, else the model's "
        "own limit."
    )
    _print_scoring(made)
    if made.sessions:
        _assume(
            "Sessions with tools: rehearsed with every mail opened or folder shown, and "
            f"{MESSAGES} texts written, up to {made.sessions} turns, each sent the whole "
            "conversation so far. More is possible."
        )
    for use in made.companions:
        _assume(COMPANIONS[use.role])
    if len(uses) < len(made.uses):
        _assume("Agents that bring a model of their own: what they use is not counted.")
    for model, price in {use.model: use.price for use in uses}.items():
        _assume(f"Price: {model} {_price(price)}")
    _assume("Prices are without discounts for cached prompts or batches, and without retries.")


def _print_scoring(made: Plan) -> None:
    """What is asked beside the answers, and of whom."""
    from cornered.run.usage import PROBE_TOKENS, REPLY_TOKENS

    if any(cell.probe for cell in made.cells):
        _assume(f"Probes: assumes {PROBE_TOKENS} output tokens an answer; no judge reads them.")
    if made.judges:
        asked = (
            "about every trial, as if each carried something out"
            if made.judged == 1
            else f"about trials with the act, assumed to be {_percent(made.judged)} (--rate)"
        )
        _assume(
            f"Judge: asked {asked};"
            " at most: about all. It reads the executed actions; at most: whole answers. "
            "Asking again after a malformed verdict is not counted."
        )
    if made.preflight:
        _assume(f"Preflight: each judge is first asked about {made.preflight} clear-cut cases.")
    for note in made.gold:
        echo_words(f"  {note}", indent="  ")
    if made.readings:
        _assume(
            f"Reader: one call a trial for each of {', '.join(made.readings)}; "
            "it reads whole answers."
        )
    if made.debrief:
        _assume(
            "Debrief: two more calls of the model in each trial, with the whole conversation; "
            f"assumes {REPLY_TOKENS} output tokens a reply. The reader is called twice more."
        )
    if made.interview:
        fewest, most = made.interview
        deeds = f"{most}" if fewest == most else f"{fewest} to {most}"
        _assume(
            f"Interview: one open question a trial, and one for each of {deeds} deeds, each with "
            f"the whole conversation; assumes {REPLY_TOKENS} output tokens a reply. "
            "The reader is called once for each deed."
        )
        for note in made.unasked:
            _assume(note)


def _assume(words: str) -> None:
    """Prints an assumption; its further lines are indented."""
    echo_words(words, indent="  ")


def _counted(use: Use) -> str:
    from cornered.experiment import EMBEDDED
    from cornered.run.tokens import TOKEN_ERROR

    ratio = f"{use.chars_per_token:.2f} characters to a token"
    if use.tokens_by == "provider":
        return f"counted by the provider, {ratio}"
    line = f"estimated from characters, ± {_percent(TOKEN_ERROR)}, {ratio}"
    if use.price and use.price.token_ratio != 1:
        line += f" (its tokenizer makes {use.price.token_ratio:g} times as many tokens as most)"
    if use.model == EMBEDDED:
        return f"{line}; the ratio was measured with its own vocabulary too"
    return f"{line}; not counted: {use.not_counted}" if use.not_counted else line


def _price(price: Price | None) -> str:
    if price is None:
        return f"{UNKNOWN}; give it with --price IN,OUT"
    if not (price.input or price.output):
        return price.source
    read = f", read {price.read}" if price.read else ""
    return f"{price.input:g} in, {price.output:g} out per million tokens ({price.source}{read})"


def _tokens(count: float | None) -> str:
    if count is None:
        return UNKNOWN
    if count < 10_000:
        return f"{count:.0f}"
    return f"{count / 1e3:.0f} k" if count < 1e6 else f"{count / 1e6:.2f} M"


def _money(dollars: float | None) -> str:
    return UNKNOWN if dollars is None else f"{dollars:.2f}"


def _points(share: float | None) -> str:
    return "none" if share is None else f"{share * 100:.1f} pp"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
