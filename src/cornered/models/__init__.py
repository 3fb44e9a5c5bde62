"""Our own models, embedded and scripted, as Inspect providers."""

DEFAULT_MAX_TOKENS = 1024
"""Default limit on the embedded model's answers, in tokens; the study's answers are shorter."""
