"""`cornered plan`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import experiment_options, main, print_json
from cornered.cli.run import make_experiment

if TYPE_CHECKING:
    from rich.console import Console

    from cornered.run.plan import Amount, Plan, Use
    from cornered.run.prices import Price

UNKNOWN = "unknown"


@main.command()
@experiment_options
@click.option(
    "--rate",
    "rates",
    multiple=True,
    type=click.FloatRange(0, 1),
    help="A share of trials with the act, such as 0.2, at which to tell the precision; may be "
    "repeated (default: 0, 0.1, 0.5).",
)
@click.option(
    "--answer-tokens",
    type=click.IntRange(min=1),
    help="Expected tokens of an answer, reasoning included (default: 900).",
)
@click.option("--offline", is_flag=True, help="Count tokens from characters; send nothing.")
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
    """Say what TARGET takes and what it can show; call no model.

    Takes the words of `cornered run`: put `plan` where `run` stands. Trials that the run
    folder has are counted apart, and tokens and money are for the others.

    For a model of OpenAI, Anthropic, Google or xAI whose key is set, a few prompts of each
    scenario are sent to its provider, which counts their tokens free of charge; --offline
    sends nothing.

    \b
      cornered plan examples/headline.yaml
      cornered plan blackmail goal=explicit,none -m openai/gpt-4.1 -n 100
    """
    from cornered.experiment import Experiment
    from cornered.run import plan as planning
    from cornered.run.prices import parse_price

    # Options that say how a run goes, such as how fast, change nothing here.
    asked = {k: v for k, v in settings.items() if k in Experiment.model_fields}
    experiment = make_experiment(target, levels, models, asked)

    made = planning.plan(
        experiment,
        out or Path("runs") / experiment.name,
        rates=rates or planning.RATES,
        answer_tokens=answer_tokens or planning.ANSWER_TOKENS,
        price=parse_price(price) if price else None,
        offline=offline,
    )
    if as_json:
        print_json(_as_dict(made))
    else:
        _print_plan(made)


def _as_dict(made: Plan) -> dict[str, Any]:
    from dataclasses import asdict

    def cost(amount: Amount | None) -> dict[str, Any] | None:
        return asdict(amount) if amount else None

    def use(given: Use) -> dict[str, Any]:
        row = asdict(given) | {"cost": cost(given.cost)}
        if given.price and given.price.read:
            row["price"]["read"] = given.price.read.isoformat()
        return row

    return asdict(made) | {
        "models": [{"trials": m.trials, "there": m.there} | use(m.use) for m in made.models],
        "judges": [use(judge) for judge in made.judges],
        "reader": use(made.reader) if made.reader else None,
        "cost": cost(made.cost),
    }


def _print_plan(made: Plan) -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    controls = sum(c.control for c in made.cells)
    click.echo(
        f"{made.experiment}: {len(made.cells)} cells of {'at most ' if made.rule else ''}"
        f"{made.samples} trials, "
        f"{controls} of them controls\n"
    )
    _print_cells(made, console)
    _print_uses(made, console)
    _print_sights(made, console)
    _print_assumptions(made)


def _print_cells(made: Plan, console: Console) -> None:
    out = _table("condition", "tokens of its prompt, from characters")
    for cell in made.cells:
        words = [word for word in ("control", "probe") if getattr(cell, word)]
        name = cell.condition + (f" ({', '.join(words)})" if words else "")
        out.add_row(name, _tokens(cell.prompt_tokens))
    console.print(out, "")


def _print_uses(made: Plan, console: Console) -> None:
    out = _table("model", "trials", "there", "calls", "tokens in", "tokens out", "US dollars")
    for model in made.models:
        _add_use(out, model.use, model.use.model, str(model.trials), str(model.there))
    for use in made.uses[len(made.models) :]:
        _add_use(out, use, f"{use.role}: {use.model}", "", "")
    if len(made.uses) > 1:
        cost = made.cost
        out.add_row("all", "", "", "", "", "", _money(cost.expected if cost else None))
        out.add_row("  at most", "", "", "", "", "", _money(cost.at_most if cost else None))
    console.print(out, "")


def _add_use(out: Any, use: Use, name: str, trials: str, there: str) -> None:
    cost = use.cost
    rows = (
        (name, trials, there, "expected", cost.expected if cost else None),
        ("  at most", "", "", "at_most", cost.at_most if cost else None),
    )
    for first, second, third, bound, money in rows:
        calls, tokens_in, tokens_out = (
            getattr(amount, bound) for amount in (use.calls, use.input_tokens, use.output_tokens)
        )
        out.add_row(
            first, second, third, str(calls), _tokens(tokens_in), _tokens(tokens_out), _money(money)
        )


def _print_sights(made: Plan, console: Console) -> None:
    out = _table(f"each cell, n = {made.samples}", *(f"at {_percent(s.rate)}" for s in made.sights))
    out.add_row("95 % Wilson interval, ±", *(_points(s.half_width) for s in made.sights))
    out.add_row("smallest rise that is found", *(_points(s.difference) for s in made.sights))
    out.add_row("power for a rise of 10 pp", *(_percent(s.power) for s in made.sights))
    if made.rule:
        out.add_row("trials on average", *(f"{s.trials:.0f}" for s in made.sights if s.trials))
    console.print(out)
    if made.rule:
        click.echo(f"A cell stops {made.rule}; tokens and money above are for all its trials.")
    click.echo(
        f"None in {made.samples} leaves up to {_percent(made.zero_upper)}. "
        "A rise is found against a cell of the same n, such as a control\n"
        "at 0 %, with 80 % power (Fisher's exact test, two-sided, 5 %; pp: percentage points).\n"
    )


def _print_assumptions(made: Plan) -> None:
    for use in made.uses:
        name = use.model if use.role == "subject" else f"{use.role} {use.model}"
        click.echo(f"Tokens: {name} {_counted(use)}")
    click.echo(
        f"Answers: expected to have {made.answer_tokens} tokens, reasoning included, or the limit\n"
        "  where that is lower (--answer-tokens), and more or fewer where a model makes more or\n"
        "  fewer of a prompt than most; at most max_tokens, else the model's own limit."
    )
    _print_scoring(made)
    for model, price in {use.model: use.price for use in made.uses}.items():
        click.echo(f"Price: {model} {_price(price)}")
    click.echo("  No discount for cached prompts or batches, no second tries.")


def _print_scoring(made: Plan) -> None:
    """What is asked beside the answers, and of whom."""
    from cornered.run.plan import PROBE_TOKENS, REPLY_TOKENS

    if any(cell.probe for cell in made.cells):
        click.echo(f"Probes: answers expected to have {PROBE_TOKENS} tokens; nobody judges them.")
    if made.judges:
        asked = (
            "about every trial"
            if made.judged == 1
            else "where there is an act, which is expected in "
            f"{_percent(made.judged)} of the trials (--rate)"
        )
        click.echo(
            f"Judge: asked {asked}; at most in all.\n"
            "  It reads what was done, at most whole answers. "
            "A malformed answer of its own is asked for once more."
        )
    if made.preflight:
        click.echo(f"Preflight: each judge is asked about {made.preflight} plain cases first.")
    if made.readings:
        click.echo(
            f"Reader: in each trial one call each about {', '.join(made.readings)}.\n"
            "  It reads whole answers."
        )
    if made.debrief:
        click.echo(
            "Debrief: two more calls of the model in each trial, with all that was said before;\n"
            f"  replies expected to have {REPLY_TOKENS} tokens. The reader is asked about them "
            "twice."
        )


def _counted(use: Use) -> str:
    from cornered.experiment import EMBEDDED
    from cornered.run.tokens import TOKEN_ERROR

    ratio = f"{use.chars_per_token:.2f} characters to a token"
    if use.tokens_by == "provider":
        return f"by the provider's counter, {ratio}"
    line = f"from characters, ± {_percent(TOKEN_ERROR)}, {ratio}"
    if use.price and use.price.stretch != 1:
        line += f" (its tokenizer makes {use.price.stretch:g} tokens of others' one)"
    if use.model == EMBEDDED:
        return f"{line}; measured with its own vocabulary among others"
    return f"{line}; not counted: {use.not_counted}" if use.not_counted else line


def _price(price: Price | None) -> str:
    if price is None:
        return f"{UNKNOWN}; --price IN,OUT says it"
    if not (price.input or price.output):
        return price.source
    read = f", read {price.read}" if price.read else ""
    return f"{price.input:g} in, {price.output:g} out per million tokens ({price.source}{read})"


def _table(first: str, *others: str) -> Any:
    from rich.table import Table

    out = Table(box=None, header_style="bold", pad_edge=False)
    out.add_column(first, overflow="fold")
    for name in others:
        out.add_column(name, justify="right", no_wrap=True)
    return out


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
