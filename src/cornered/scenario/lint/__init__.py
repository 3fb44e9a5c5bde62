"""The lint: checks a pack over its whole grid, as a careful reader would."""

from cornered.scenario.lint.checks import lint
from cornered.scenario.lint.finding import Finding

__all__ = ["Finding", "lint"]
