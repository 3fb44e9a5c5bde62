"""`cornered reference`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cornered.cli._base import json_option, main, print_json
from cornered.cli._table import as_text, echo, echo_words, plain_table, print_table

if TYPE_CHECKING:
    from cornered.analysis.reference import PublishedRate


@main.command()
@click.argument("filters", nargs=-1, metavar="[FILTER]…")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead.")
def reference(filters: tuple[str, ...], as_json: bool, as_csv: bool) -> None:
    """List published rates, each with its source and how surely it stands there.

    FILTER is KEY=VALUE[,VALUE…] with the keys scenario, model, goal, value, threat, study and
    exactness, or a word to be found in a row; all of them must hold. A value is a name or a
    part of names, with dashes for spaces; a model can be given by its Inspect name.

    \b
      cornered reference scenario=am/blackmail goal=explicit,none model=claude-opus-4
      cornered reference study=summer-2026 exactness=exact sabotage
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv do not combine")
    from cornered.analysis.reference import filtered

    rows = filtered(filters)
    if as_json:
        print_json([row.as_dict() for row in rows])
    elif as_csv:
        _print_csv(rows)
    elif rows:
        _print_table(rows)
        _print_footer(rows)
    else:
        echo_words("No published rate meets all of that.")


def _print_csv(rows: Sequence[PublishedRate]) -> None:
    from cornered.analysis.reference import published_rates
    from cornered.csvfile import write_rows

    names = list(published_rates()[0].as_dict())
    factors = (" ".join(f"{k}={v}" for k, v in row.factors.items()) for row in rows)
    texts = [row.as_dict() | {"factors": text} for row, text in zip(rows, factors, strict=True)]
    echo(write_rows(names, texts), nl=False)


def _print_table(rows: Sequence[PublishedRate]) -> None:
    from cornered.analysis.stats import percent

    sources = {row: n for n, row in enumerate(dict.fromkeys(map(_source, rows)), 1)}
    numbers = ("n", "rate", "95 % Wilson")
    out = plain_table("condition", "model", "counted", *numbers, "exactness", "source", words=3)
    for column in out.columns[-2:]:
        column.justify = "left"
    for row in rows:
        remarks = "; ".join(filter(None, (row.extra, row.note)))
        bounds = row.interval
        out.add_row(
            as_text(row.condition + (f"\n  {remarks}" if remarks else ""), multiline=True),
            as_text(row.model),
            as_text(row.metric),
            str(row.n or "–"),
            as_text(row.percent),
            f"{percent(bounds.low)} to {percent(bounds.high)}" if bounds else "–",
            as_text(row.exactness),
            as_text(f"[{sources[_source(row)]}]"),
        )
    print_table(out)
    echo()
    for (title, url), n in sources.items():
        echo_words(f"[{n}] {title}, {url}", indent="    ")


def _print_footer(rows: Sequence[PublishedRate]) -> None:
    from cornered.analysis.reference import EXACTNESS

    counts = {word: sum(row.exactness == word for row in rows) for word in EXACTNESS}
    listed = "; ".join(f"{n} {word} ({EXACTNESS[word]})" for word, n in counts.items() if n)
    echo("")
    echo_words(f"{len(rows)} published rate{'s'[: len(rows) > 1]}: {listed}.")
    echo_words("They are never pooled, neither with one another nor with trials of your own.")


def _source(row: PublishedRate) -> tuple[str, str]:
    return row.source_title, row.source_url
