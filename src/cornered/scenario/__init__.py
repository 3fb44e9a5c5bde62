"""Scenario packs: loading, linting and rendering. Knows nothing of models."""

from cornered.scenario.factors import Factor, Factors, Level, Levels, vocabulary
from cornered.scenario.lint import Finding, lint
from cornered.scenario.pack import Cast, FactSpec, Pack, load_pack, pack_names, reading_names
from cornered.scenario.render import Mail, Renderer, Setting, World
from cornered.scenario.worlds import Worlds

__all__ = [
    "Cast",
    "FactSpec",
    "Factor",
    "Factors",
    "Finding",
    "Level",
    "Levels",
    "Mail",
    "Pack",
    "Renderer",
    "Setting",
    "World",
    "Worlds",
    "lint",
    "load_pack",
    "pack_names",
    "reading_names",
    "vocabulary",
]
