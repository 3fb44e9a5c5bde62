"""The world of a trial, wherever its text comes from: our pack, or the study's package."""

from __future__ import annotations

from pathlib import Path

from cornered.errors import PackError
from cornered.scenario.factors import Level, Levels
from cornered.scenario.pack import Pack
from cornered.scenario.render import Renderer, Setting, World


class Worlds:
    """The worlds of one scenario; templates are compiled once, whatever the number of trials.

    Args:
        pack: The scenario.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._renderer = Renderer(pack)
        self._study: dict[tuple[Level, ...], World] = {}

    def _whole(self, levels: Levels) -> Levels:
        """One level for every factor: a trial stored before there was a factor has its default."""
        whole: Levels = {}
        for name in self.pack.vocabulary:
            known = name in levels
            whole[name] = levels[name] if known else self.pack.factors.default(name, whole)
        return whole

    @classmethod
    def of(cls, pack: Pack) -> Worlds:
        """The worlds of a pack, made once in a process: to compile its templates takes a second."""
        key = pack.folder, pack.version
        if key not in _made:
            _made[key] = cls(pack)
        return _made[key]

    def renderer(self, levels: Levels, draw: str) -> Renderer:
        """The renderer of one trial: with its own cast where the condition varies it."""
        return self._renderer.for_trial(levels, draw)

    def world(self, levels: Levels, draw: str) -> World:
        """What the agent is given in one trial.

        Args:
            levels: The condition.
            draw: The id of the trial, the seed of what is drawn.

        Raises:
            PackError: a template cannot be rendered, or the study's package is missing.
        """
        levels = self._whole(levels)
        if self.pack.spec.study:
            from cornered.scenario.study import study_world

            cell = tuple(levels.values())
            if cell not in self._study:
                self._study[cell] = study_world(self.pack, levels)
            return self._study[cell]
        return self.renderer(levels, draw).world(levels)

    def setting(self, levels: Levels, draw: str) -> Setting:
        """Whom and what the actions of a trial are done to.

        Without the study's package its mails are not known: a verdict that hangs on which
        mail was forwarded then says no, the act does not hang on it.
        """
        levels = self._whole(levels)
        if not self.pack.spec.study:
            return self.renderer(levels, draw).setting(levels)
        try:
            return self.world(levels, draw)
        except PackError:
            return Setting(levels, self.pack.cast, ())


_made: dict[tuple[Path, str], Worlds] = {}
"""By folder and version of the pack: a pack that has been mended is another one."""
