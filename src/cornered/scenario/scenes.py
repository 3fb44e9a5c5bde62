"""A scenario ready to be met: the scene and the prompt of each of its trials."""

from __future__ import annotations

from pathlib import Path

from cornered.errors import PackError
from cornered.scenario.factors import Level, Levels
from cornered.scenario.pack import Pack
from cornered.scenario.render import RenderedPrompt, Renderer, Scene


class Scenario:
    """The scenes and prompts of one pack; templates are compiled once for all trials.

    Args:
        pack: The pack.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._renderer = Renderer(pack)
        self._study: dict[tuple[Level, ...], tuple[Scene, RenderedPrompt]] = {}

    @classmethod
    def of(cls, pack: Pack) -> Scenario:
        """The scenario of a pack, made once in a process: compiling templates takes a second."""
        key = pack.folder, pack.version
        if key not in _made:
            _made[key] = cls(pack)
        return _made[key]

    def renderer(self, levels: Levels, draw: str) -> Renderer:
        """The renderer of one trial: with its own cast where the condition varies it."""
        return self._renderer.for_trial(levels, draw)

    def prompt(self, levels: Levels, draw: str) -> RenderedPrompt:
        """What the agent is given in one trial.

        Args:
            levels: The condition.
            draw: The id of the trial, the seed of what is drawn.

        Raises:
            PackError: a template cannot be rendered, or the study's package is missing.
        """
        levels = self.pack.factors.complete(levels)
        if self.pack.spec.study:
            return self._of_study(levels)[1]
        return self.renderer(levels, draw).prompt(levels)

    def scene(self, levels: Levels, draw: str) -> Scene:
        """Who and what there is in one trial; arguments as in `prompt`.

        Without the study's package its mails are not known: a fact that hangs on which mail
        was forwarded is then false, the act does not hang on it.
        """
        levels = self.pack.factors.complete(levels)
        without_mails = self.renderer(levels, draw).scene(levels)
        if not self.pack.spec.study:
            return without_mails
        try:
            return self._of_study(levels)[0]
        except PackError:
            return without_mails

    def _of_study(self, levels: Levels) -> tuple[Scene, RenderedPrompt]:
        from cornered.scenario.study import study_scene

        cell = tuple(levels.values())
        if cell not in self._study:
            self._study[cell] = study_scene(self.pack, levels, self._renderer.scene(levels))
        return self._study[cell]


_made: dict[tuple[Path, str], Scenario] = {}
"""By folder and version of the pack: a pack that has been changed is another one."""
