"""A game of chess against an engine, in a shell."""

from cornered.world.chess.app import Chess

__all__ = ["Chess"]
