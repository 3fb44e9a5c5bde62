"""The one folder outside a run where anything is kept."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Where weights, engine logs and passed lints are kept.

    `$CORNERED_CACHE`, or the user's cache directory of the platform.
    """
    return Path(os.environ.get("CORNERED_CACHE") or platformdirs.user_cache_dir("cornered"))
