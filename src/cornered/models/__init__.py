"""The models of our own: the embedded one and the scripted one, as Inspect providers."""

DEFAULT_MAX_TOKENS = 1024
"""The longest answer of the embedded model where the experiment sets none, in tokens: the study's
answers are shorter."""
