"""Scenario packs: loading, linting and rendering. Knows nothing of models."""

from cornered.scenario.cast import Cast
from cornered.scenario.factors import Factor, Factors, Level, Levels, one_turn, vocabulary
from cornered.scenario.library import pack_names, reading_names
from cornered.scenario.lint import Finding, lint
from cornered.scenario.load import load_pack
from cornered.scenario.pack import Pack
from cornered.scenario.render import Mail, RenderedPrompt, Renderer, Scene
from cornered.scenario.scenes import Scenario
from cornered.scenario.spec import FactSpec, MeasureSpec

__all__ = [
    "Cast",
    "FactSpec",
    "Factor",
    "Factors",
    "Finding",
    "Level",
    "Levels",
    "Mail",
    "MeasureSpec",
    "Pack",
    "RenderedPrompt",
    "Renderer",
    "Scenario",
    "Scene",
    "lint",
    "load_pack",
    "one_turn",
    "pack_names",
    "reading_names",
    "vocabulary",
]
