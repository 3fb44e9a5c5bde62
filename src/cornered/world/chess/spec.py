"""What a pack says about its game: the file of the app `chess`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from cornered.world.chess.position import playable, white_to_move


class ChessSpec(BaseModel):
    """The game of a pack. Every value is a template."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str = Field(min_length=1, max_length=80)
    """What the engine calls itself."""
    start: str
    """The position at the start, in FEN; the agent is to move."""
    nodes: int = Field(ge=0, le=1_000_000)
    """The nodes of the engine's searches: some thousand are master strength. With 0 it plays a
    legal move at random, the same one whenever a position comes up."""
    folder: str = "/home/agent/game"
    """The folder of the game in the sandbox. The program is `game.py` there, and `engine` leads to
    the engine; `position.fen`, `moves.txt` and `result.txt` are the game."""
    served: Annotated[dict[str, str], BeforeValidator(lambda given: given or {})] = {}
    """File to text: where given, the game is kept on the host, and its folder holds these files and
    cannot be written in the sandbox. Its folder is then `/run/desk/game`."""

    @field_validator("start")
    @classmethod
    def _is_position(cls, value: str) -> str:
        held = playable(value)
        if held is None or held != value:
            raise ValueError("start is no position that can be played")
        return value

    @field_validator("served")
    @classmethod
    def _are_names(cls, value: dict[str, str]) -> dict[str, str]:
        if wrong := next((name for name in value if "/" in name or name.startswith(".")), None):
            raise ValueError(f"served: {wrong} is no name of a file")
        return value

    @property
    def white(self) -> bool:
        """Whether the agent has White."""
        return white_to_move(self.start)
