"""The cache: the only folder outside a run that the package writes to."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder for weights, engine logs and passed lints.

    It is `$CORNERED_CACHE`, or the platform's user cache directory.
    """
    return Path(os.environ.get("CORNERED_CACHE") or platformdirs.user_cache_dir("cornered"))
