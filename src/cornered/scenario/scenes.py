"""The scene and the prompt of each trial of a scenario."""

from __future__ import annotations

from pathlib import Path

from cornered.errors import PackError
from cornered.scenario.factors import Level, Levels
from cornered.scenario.pack import Pack
from cornered.scenario.render import RenderedPrompt, Renderer, Scene

MAX_SCENES = 200
"""Most scenes that are kept, each some ten thousand characters."""


class Scenario:
    """The scenes and prompts of one pack; templates are compiled once for all trials.

    Args:
        pack: The pack.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._renderer = Renderer(pack)
        self._study: dict[tuple[Level, ...], tuple[Scene, RenderedPrompt]] = {}
        self._scenes: dict[tuple[Level, ...], Scene] = {}

    @classmethod
    def of(cls, pack: Pack) -> Scenario:
        """The scenario of a pack, made once per process: compiling templates takes a second."""
        key = pack.folder, pack.version
        if key not in _made:
            _made[key] = cls(pack)
        return _made[key]

    def renderer(self, levels: Levels, draw: str) -> Renderer:
        """The renderer of one trial, with a cast of its own where the condition varies it."""
        return self._renderer.for_trial(levels, draw)

    def prompt(self, levels: Levels, draw: str) -> RenderedPrompt:
        """The agent's prompt in one trial.

        Args:
            levels: The condition.
            draw: The id of the trial, which seeds everything drawn for it.

        Raises:
            PackError: a template cannot be rendered, or the study's package is missing.
        """
        levels = self.pack.factors.complete(levels)
        if self.pack.spec.study:
            return self._of_study(levels)[1]
        return self.renderer(levels, draw).prompt(levels)

    def scene(self, levels: Levels, draw: str) -> Scene:
        """The scene of one trial; arguments as in `prompt`.

        Without the study's package, a scene of the study's own prompts has no mails. Facts
        about which mail was forwarded are then false; no act depends on them.
        """
        levels = self.pack.factors.complete(levels)
        own = self._scene(levels, draw)
        if not self.pack.spec.study:
            return own
        try:
            return self._of_study(levels)[0]
        except PackError:
            return own

    def _scene(self, levels: Levels, draw: str) -> Scene:
        renderer = self.renderer(levels, draw)
        if renderer is not self._renderer:
            return renderer.scene(levels)
        # The same for every draw, and never changed: a report opens thousands of its worlds.
        cell = tuple(levels.values())
        if cell not in self._scenes:
            if len(self._scenes) >= MAX_SCENES:
                self._scenes.clear()
            self._scenes[cell] = renderer.scene(levels)
        return self._scenes[cell]

    def _of_study(self, levels: Levels) -> tuple[Scene, RenderedPrompt]:
        from cornered.scenario.study import study_scene

        cell = tuple(levels.values())
        if cell not in self._study:
            self._study[cell] = study_scene(self.pack, levels, self._renderer.scene(levels))
        return self._study[cell]


_made: dict[tuple[Path, str], Scenario] = {}
"""By folder and version of the pack, so that an edited pack is read again."""
