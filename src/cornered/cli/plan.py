"""`cornered plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cornered.cli._base import experiment_options, main, print_json
from cornered.cli._tables import make_console, make_table
from cornered.cli.run import experiment_of

if TYPE_CHECKING:
    from rich.console import Console

    from cornered.run.plan import Plan
    from cornered.run.prices import Price
    from cornered.run.usage import Use

UNKNOWN = "unknown"


@main.command()
@experiment_options
@click.option(
    "--rate",
    "rates",
    multiple=True,
    type=click.FloatRange(0, 1),
    help="A rate of the act, such as 0.2, at which to report the precision; may be repeated "
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

    # Options on the execution of a run, such as --max-connections, do not affect the plan.
    relevant = {k: v for k, v in settings.items() if k in Experiment.model_fields}
    experiment = experiment_of(target, levels, models, relevant)

    result = planning.plan(
        experiment,
        out or Path("runs") / experiment.name,
        rates=rates or planning.RATES,
        answer_tokens=answer_tokens or usage.ANSWER_TOKENS,
        price=parse_price(price) if price else None,
        offline=offline,
    )
    if as_json:
        print_json(result.as_dict())
    else:
        _print_plan(result)


def _print_plan(plan: Plan) -> None:
    console = make_console(highlight=False)
    controls = sum(c.control for c in plan.cells)
    click.echo(
        f"{plan.experiment}: {len(plan.cells)} cells of {'at most ' if plan.rule else ''}"
        f"{plan.samples} trials, "
        f"{controls} of them controls\n"
    )
    _print_cells(plan, console)
    _print_uses(plan, console)
    _print_precision(plan, console)
    _print_assumptions(plan)


def _print_cells(plan: Plan, console: Console) -> None:
    out = make_table("condition", "prompt tokens, estimated")
    for cell in plan.cells:
        words = [word for word in ("control", "probe") if getattr(cell, word)]
        name = cell.condition + (f" ({', '.join(words)})" if words else "")
        out.add_row(name, _tokens(cell.prompt_tokens))
    console.print(out, "")


def _print_uses(plan: Plan, console: Console) -> None:
    out = make_table("model", "trials", "done", "calls", "tokens in", "tokens out", "US dollars")
    for model in plan.models:
        _add_use(out, model.use, model.use.model, str(model.trials), str(model.completed))
    for use in plan.uses[len(plan.models) :]:
        _add_use(out, use, f"{use.role}: {use.model}", "", "")
    if len(plan.uses) > 1:
        cost = plan.cost
        out.add_row("all", "", "", "", "", "", _money(cost.expected if cost else None))
        out.add_row("  at most", "", "", "", "", "", _money(cost.at_most if cost else None))
    console.print(out, "")


def _add_use(out: Any, use: Use, name: str, trials: str, done: str) -> None:
    cost = use.cost
    rows = (
        (name, trials, done, "expected", cost.expected if cost else None),
        ("  at most", "", "", "at_most", cost.at_most if cost else None),
    )
    for first, second, third, bound, money in rows:
        calls, tokens_in, tokens_out = (
            getattr(amount, bound) for amount in (use.calls, use.input_tokens, use.output_tokens)
        )
        out.add_row(
            first, second, third, str(calls), _tokens(tokens_in), _tokens(tokens_out), _money(money)
        )


def _print_precision(plan: Plan, console: Console) -> None:
    out = make_table(
        f"each cell, n = {plan.samples}", *(f"at {_percent(s.rate)}" for s in plan.precision)
    )
    out.add_row("95 % Wilson interval, ±", *(_points(s.half_width) for s in plan.precision))
    out.add_row("smallest rise detected", *(_points(s.difference) for s in plan.precision))
    out.add_row("power for a rise of 10 pp", *(_percent(s.power) for s in plan.precision))
    if plan.rule:
        out.add_row("trials, on average", *(f"{s.trials:.0f}" for s in plan.precision if s.trials))
    console.print(out)
    if plan.rule:
        click.echo(f"A cell stops {plan.rule}; tokens and money above are for all its trials.")
    click.echo(
        f"0 of {plan.samples} is compatible with a true rate up to {_percent(plan.zero_upper)}.\n"
        "Rise: against a second cell of the same n, such as a control; detected with 80 % power\n"
        "(Fisher's exact test, two-sided, 5 %). pp: percentage points.\n"
    )


def _print_assumptions(plan: Plan) -> None:
    for use in plan.uses:
        name = use.model if use.role == "subject" else f"{use.role} {use.model}"
        click.echo(f"Tokens: {name} {_counted(use)}")
    click.echo(
        f"Answers: assumes {plan.answer_tokens} output tokens an answer, reasoning included "
        "(--answer-tokens),\n"
        "  scaled to the model's tokenizer; at most max_tokens, else the model's own limit."
    )
    _print_scoring(plan)
    for model, price in {use.model: use.price for use in plan.uses}.items():
        click.echo(f"Price: {model} {_price(price)}")
    click.echo("  Without discounts for cached prompts or batches, and without retries.")


def _print_scoring(plan: Plan) -> None:
    """The calls for scoring: judge, preflight, reader and debrief."""
    from cornered.run.usage import PROBE_TOKENS, REPLY_TOKENS

    if any(cell.probe for cell in plan.cells):
        click.echo(f"Probes: assumes {PROBE_TOKENS} output tokens an answer; no judge reads them.")
    if plan.judges:
        share = (
            "about every trial"
            if plan.judged == 1
            else f"about trials with the act, assumed to be {_percent(plan.judged)} (--rate)"
        )
        click.echo(
            f"Judge: asked {share}; at most: about all.\n"
            "  It reads the executed actions; at most: whole answers. Asking again after a\n"
            "  malformed verdict is not counted."
        )
    if plan.preflight:
        click.echo(f"Preflight: each judge is first asked about {plan.preflight} clear-cut cases.")
    if plan.readings:
        click.echo(
            f"Reader: one call a trial for each of {', '.join(plan.readings)};\n"
            "  it reads whole answers."
        )
    if plan.debrief:
        click.echo(
            "Debrief: two more calls of the model in each trial, with the whole conversation;\n"
            f"  assumes {REPLY_TOKENS} output tokens a reply. The reader is called twice more."
        )


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
