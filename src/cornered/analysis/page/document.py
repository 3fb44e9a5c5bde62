"""Assembles the page: one document with its style, script and data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup, escape

from cornered.analysis.figures import figure_css
from cornered.analysis.page import answer, methods, rows
from cornered.analysis.page.methods import Methods
from cornered.analysis.page.picture import Picture, drawing, rate_plot
from cornered.analysis.page.safe import packed, plain_json, policy, shown
from cornered.analysis.page.transcripts import Texts, pack_prompts
from cornered.analysis.reference import Reference, beside
from cornered.analysis.stats import percent
from cornered.analysis.table import Cell, ReadingRate
from cornered.analysis.trials import TrialResult
from cornered.experiment import Experiment
from cornered.samples import in_words
from cornered.text import visible
from cornered.verdict.readings import debrief_readings, known_readings


def build_page(
    experiment: Experiment,
    table: Sequence[Cell],
    trials: Sequence[TrialResult],
    texts: Texts,
    how: Methods,
    ladders: Mapping[str, Sequence[str]],
    *,
    notes: Sequence[str] = (),
    pictures: Sequence[Picture] = (),
) -> str:
    """The whole page; arguments as in `write_report`, and its texts."""
    style, script = _asset("page.css") + figure_css(), _asset("page.js")
    judged = bool(experiment.judges)
    order = {(c.model, c.condition): n for n, c in enumerate(table)}
    ordered = sorted(
        (t for t in trials if (t.model, t.condition) in order),
        key=lambda t: (order[t.model, t.condition], t.id),
    )
    listed = rows.listed(ordered)
    published = beside(table)
    readings = {**known_readings(), **debrief_readings()}
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            policy=policy(style, script),
            style=Markup(style),
            script=Markup(script),
            experiment=experiment,
            samples=in_words(experiment.samples),
            judged=judged,
            cells=table,
            answers=answer.scenario_answers(table),
            screened=answer.screened_out(table),
            unknown=methods.unknown(table),
            unexposed=sum(cell.unexposed for cell in table),
            excluded=methods.excluded(table, trials, judged=judged),
            published=published,
            sources=_sources(published.values()),
            ladders=ladders,
            labels=sorted({label for cell in table for label in cell.labels}),
            readings={
                name: (spec.about, _by_cell(table, name))
                for name, spec in readings.items()
                if any(of.reading == name for cell in table for of in cell.reading_rates)
            },
            taxed=[cell for cell in table if cell.tax],
            pictures=[(picture, drawing(picture)) for picture in pictures],
            trials=len(trials),
            listed=len(listed),
            texts=len(texts.uuids),
            dates=methods.dates(trials),
            tokens=(sum(t.input_tokens for t in trials), sum(t.output_tokens for t in trials)),
            how=how,
            grades=methods.grades(how),
            prompts=texts.prompts,
            yaml=methods.as_yaml(experiment),
            notes=notes,
            data=_data(experiment, table, texts, judged=judged),
            blocks=[block for _, block in texts.blocks],
            packed_rows=packed(rows.columns(listed, texts.uuids, judged=judged)),
            packed_prompts=pack_prompts(texts.prompts),
        )
    )


def _by_cell(table: Sequence[Cell], reading: str) -> list[tuple[Cell, list[ReadingRate]]]:
    pairs = [(c, [of for of in c.reading_rates if of.reading == reading]) for c in table]
    return [(cell, rates) for cell, rates in pairs if rates]


def _sources(published: Iterable[Reference]) -> list[tuple[str, str]]:
    """Titles and addresses, without `https://`, since the page has no external links."""
    rows = (reference.row for reference in published)
    titles = {row.source_url.partition("://")[2]: row.source_title.split(",")[0] for row in rows}
    return sorted((title, url) for url, title in titles.items())


def _data(experiment: Experiment, table: Sequence[Cell], texts: Texts, *, judged: bool) -> Markup:
    """The data that the script needs before it unpacks any text."""
    return plain_json(
        {
            "name": experiment.name,
            "judged": judged,
            "levels": rows.levels_of(table),
            "facts": texts.facts,
            "blocks": [members for members, _ in texts.blocks],
        }
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("cornered.analysis.page", ""),
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "percent": lambda value: percent(value).replace(" %", "\u202f%"),
        "breakable": _breakable,
        "code": _code,
        "points": lambda value: f"{100 * value:+.0f}".replace("-", "−"),
        "words": lambda name: name.replace("_", " "),
        "by_model": lambda cells: [
            (model, list(of_model)) for model, of_model in groupby(cells, key=lambda c: c.model)
        ],
    }
    env.globals |= {
        "link": _link,
        "plot": lambda cell: rate_plot(cell.primary, hatched=cell.screened_out),
    }
    return env


def _breakable(name: str) -> Markup:
    """A name with line breaks allowed after slashes and before a plus."""
    safe = str(escape(visible(name)))
    return Markup(safe.replace("/", "/<wbr>").replace("+", "<wbr>+"))


def _code(text: str) -> Markup:
    """A sentence whose words between backticks are code."""
    safe = str(escape(visible(text)))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", safe))


def _link(cell: Cell, **chosen: str | Sequence[str] | None) -> str:
    """The link, within the page, to the trials of a cell; `chosen` filters further columns."""
    query = {"model": cell.model, "condition": cell.condition} | chosen
    return "#trials?" + urlencode(query, doseq=True, quote_via=quote, errors="replace")
