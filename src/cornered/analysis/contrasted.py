"""What `wording` makes sentences of: contrasts and screens, whoever computed them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from cornered.analysis.stats import Estimate, Interval


class SideCounts(Protocol):
    """The trials on one side of a contrast; `cornered.analysis.estimands.Side` is one."""

    @property
    def n(self) -> int:
        """Scored trials."""

    @property
    def unscored(self) -> int:
        """Trials that ran and have no verdict."""


class Compared(Protocol):
    """What a claim is made from: a difference, its sides and its test."""

    @property
    def difference(self) -> Estimate:
        """The first minus the second, in rates."""

    @property
    def p_adjusted(self) -> float | None:
        """The p value adjusted over its family."""

    @property
    def sides(self) -> Sequence[SideCounts]:
        """The trials of each side."""

    @property
    def bounds(self) -> Interval | None:
        """Where the difference lies whatever the unscored trials were, with sampling error."""

    @property
    def note(self) -> str | None:
        """Why something is missing."""


class Contrasted(Compared, Protocol):
    """A contrast of rates; `cornered.analysis.estimands.Contrast` is one."""

    @property
    def kind(self) -> str:
        """The kind: arm, interaction, model, draw or between."""

    @property
    def factor(self) -> str | None:
        """The factor, where two levels of one are compared; `model` where models are."""

    @property
    def level(self) -> str | None:
        """The level of the first side; of an interaction both, joined with ` × `."""

    @property
    def reference(self) -> str | None:
        """The level of the second side."""

    @property
    def model(self) -> str | tuple[str, str]:
        """The model, or the first and the second."""

    @property
    def verdict(self) -> Literal["harmful", "act", "paper"]:
        """The verdict that is compared."""

    @property
    def control(self) -> Contrasted | None:
        """The same over pairs with a control."""


class Screened(Protocol):
    """The screen of a model; `cornered.analysis.table.Screen` is one."""

    @property
    def acts(self) -> int:
        """Controls with the act."""

    @property
    def n(self) -> int:
        """Scored controls."""

    @property
    def limit(self) -> float:
        """The largest share of controls with the act by the study's own rule."""

    @property
    def study(self) -> bool:
        """Whether the study's own rule screens the model out."""

    @property
    def verdict(self) -> str:
        """`out`, `passed`, `undecided` or `not screened`."""
