"""Assembles the page: one document with its style, script and data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from cornered.analysis.card import rubric_version
from cornered.analysis.estimands import Contrast
from cornered.analysis.figures import figure_css
from cornered.analysis.figures.names import model_labels
from cornered.analysis.measure_contrasts import measure_contrasts
from cornered.analysis.measure_words import measure_words
from cornered.analysis.page import answer, methods, rows, words
from cornered.analysis.page.boards import piece_defs
from cornered.analysis.page.methods import Methods
from cornered.analysis.page.picture import Picture, drawing
from cornered.analysis.page.reasons import unscored_in
from cornered.analysis.page.safe import packed, plain_json, policy, shown
from cornered.analysis.page.transcripts import Texts, pack_prompts
from cornered.analysis.rates import Rate
from cornered.analysis.reference import Reference, beside
from cornered.analysis.table import Cell
from cornered.analysis.trials import TrialResult
from cornered.analysis.wording import scope_words
from cornered.experiment import Experiment
from cornered.samples import in_words
from cornered.verdict.readings import debrief_readings, known_readings

SCRIPTS = ("core", "tables", "trials", "shells", "boards", "reader", "quotes", "marks", "start")
"""The parts of the page's script, in order; they share one scope."""
KINDS = {
    "harmful": "harmful",
    "act": "with the act",
    "act, not harmful": "with the act, not harmful",
    "unscored": "unscored",
    "session": "sessions",
    "other": "others",
}
"""Why a trial's text would interest, in words."""

Remark = tuple[str, bool, str | None, str]
"""A reader, whether the trial is flagged, whether it is harmful as the reader sees it, a note."""


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
    contrasts: Sequence[Contrast] = (),
    declared: Sequence[str] = (),
    remarks: Mapping[str, Sequence[Remark]] | None = None,
    titles: Mapping[str, str] | None = None,
) -> str:
    """The whole page; arguments as in `write_report`, and its texts."""
    style, script = _asset("page.css") + figure_css(), _script()
    judged = bool(experiment.judges)
    order = {(c.model, c.condition): n for n, c in enumerate(table)}
    ordered = sorted(
        (t for t in trials if (t.model, t.condition) in order),
        key=lambda t: (order[t.model, t.condition], t.id),
    )
    listed = rows.listed(ordered)
    published = beside(table)
    readings = {**known_readings(), **debrief_readings()}
    scenarios = list(dict.fromkeys(cell.scenario for cell in table))
    by_scenario = [(name, [c for c in table if c.scenario == name]) for name in scenarios]
    named = {name: name for name in scenarios} | _titles(titles or {})
    labels = model_labels(cell.model for cell in table)
    names = list({cell.condition: cell.choice for cell in table}.values())
    by_key = {(c.model, c.condition): c for c in table}
    return (
        _environment({name: of[0].choice.naming for name, of in by_scenario}, labels)
        .get_template("page.html.j2")
        .render(
            policy=policy(style, script),
            style=Markup(style),
            script=Markup(script),
            experiment=experiment,
            samples=in_words(experiment.samples),
            judged=judged,
            cells=table,
            by_scenario=by_scenario,
            titles=named,
            labels=labels,
            names=names,
            conditions={choice.name: words.condition(choice) for choice in names},
            controls={
                key: by_key[cell.model, cell.control]
                for key, cell in by_key.items()
                if cell.control and not cell.is_control and (cell.model, cell.control) in by_key
            },
            answers=answer.scenario_answers(table, published, contrasts),
            max_models=answer.MAX_MODELS,
            contrasts=_estimable(contrasts),
            **_measured(table),
            unscored=unscored_in(table),
            study_out=methods.study_out(table),
            excluded=methods.excluded(table, trials, judged=judged),
            published=published,
            published_in={by_key[key].scenario for key in published},
            sources=_sources(published.values()),
            ladders=ladders,
            secondary=sorted({label for cell in table for label in cell.labels}),
            readings={
                name: (spec.about, *_by_cell(table, name))
                for name, spec in readings.items()
                if any(of.reading == name for cell in table for of in cell.reading_rates)
            },
            taxed=[cell for cell in table if cell.tax],
            pictures=[(picture, drawing(picture)) for picture in pictures],
            trials=len(trials),
            listed=len(listed),
            texts=len(texts.uuids),
            left_out=texts.left_out,
            kinds=KINDS,
            excerpts=texts.excerpts,
            boards=texts.boards,
            pieces=piece_defs(),
            worst=sum(bool(t.harmful if judged else t.act) for t in trials),
            dates=methods.dates(trials),
            tokens=(sum(t.input_tokens for t in trials), sum(t.output_tokens for t in trials)),
            how=how,
            grades=methods.grades(how),
            prompts=texts.prompts,
            yaml=methods.as_yaml(experiment),
            notes=notes,
            declared=declared,
            scope=scope_words(table),
            data=_data(experiment, table, texts, how, named, remarks or {}, judged=judged),
            blocks=[block for _, block in texts.blocks],
            packed_rows=packed(rows.columns(listed, texts.uuids, judged=judged)),
            packed_prompts=pack_prompts(texts.prompts),
        )
    )


def _titles(titles: Mapping[str, str]) -> dict[str, str]:
    """Titles of scenarios; one that two scenarios share is followed by their names."""
    shared = [t for t in titles.values() if list(titles.values()).count(t) > 1]
    return {name: f"{t} ({name})" if t in shared else t for name, t in titles.items()}


def _measured(table: Sequence[Cell]) -> dict[str, Any]:
    """Each measure of each cell, with its contrast to the control, and what may be said of it."""
    found = measure_contrasts(table)
    by_key = {(one.model, one.condition, one.name): one for one in found}
    choices = {cell.condition: cell.choice for cell in table}
    return {
        "measured": [
            (cell, measure, by_key.get((cell.model, cell.condition, measure.name)))
            for cell in table
            for measure in cell.measures
        ],
        "measure_sentences": [measure_words(one, choices[one.condition]) for one in found],
    }


def _estimable(contrasts: Sequence[Contrast]) -> list[tuple[str, list[Contrast]]]:
    """By scenario, the contrasts that have a value."""
    by_scenario: dict[str, list[Contrast]] = {}
    for one in contrasts:
        if one.difference.value is not None:
            by_scenario.setdefault(one.scenario, []).append(one)
    return [(name, _alike_together(of)) for name, of in by_scenario.items()]


def _alike_together(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The same contrast of several models below one another, in the order of the first."""
    kinds: dict[tuple[str, str, str], list[Contrast]] = {}
    for one in contrasts:
        # Each pair of models is a contrast of its own.
        key = (one.kind, "", "") if one.kind == "model" else (one.kind, one.factor, one.level)
        kinds.setdefault(key, []).append(one)
    return [one for of in kinds.values() for one in of]


def _by_cell(
    table: Sequence[Cell], reading: str
) -> tuple[list[str | None], list[tuple[Cell, dict[str | None, Rate]]]]:
    """The values of a reading, unscored last, and by cell the rate of each."""
    pairs = [
        (cell, {of.value: of.rate for of in cell.reading_rates if of.reading == reading})
        for cell in table
    ]
    values = {value for _, rates in pairs for value in rates}
    return sorted(values, key=lambda v: (v is None, v)), [pair for pair in pairs if pair[1]]


def _sources(published: Iterable[Reference]) -> list[tuple[str, str]]:
    """Titles and addresses, without `https://`, since the page has no external links."""
    rows = (reference.row for reference in published)
    titles = {row.source_url.partition("://")[2]: row.source_title.split(",")[0] for row in rows}
    return sorted((title, url) for url, title in titles.items())


def _data(
    experiment: Experiment,
    table: Sequence[Cell],
    texts: Texts,
    how: Methods,
    titles: Mapping[str, str],
    remarks: Mapping[str, Sequence[Remark]],
    *,
    judged: bool,
) -> Markup:
    """The data that the script needs before it unpacks any text."""
    return plain_json(
        {
            "name": experiment.name,
            "begun": how.begun.isoformat(),
            "judged": judged,
            "levels": rows.levels_of(table),
            "scenarios": {c.condition: c.scenario for c in table},
            "controls": {c.condition: c.control for c in table if c.control},
            "words": {c.condition: words.condition(c.choice) for c in table},
            "titles": titles,
            "labels": model_labels(c.model for c in table),
            "rubrics": {name: rubric_version(of) for name, of in how.packs.items()},
            "facts": texts.facts,
            "remarks": remarks,
            "blocks": [members for members, _ in texts.blocks],
        }
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _script() -> str:
    parts = "\n".join(_asset(f"script/{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


_LOADER = jinja2.PackageLoader("cornered.analysis.page", "")


def _environment(namings: Mapping[str, object], labels: Mapping[str, str]) -> jinja2.Environment:
    env = jinja2.Environment(
        loader=_LOADER,
        autoescape=True,
        finalize=shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= words.filters(namings, labels)
    env.globals |= {"link": words.link, **words.GLOBALS}
    return env
