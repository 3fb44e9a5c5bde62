"""Takes keys and passwords out of text that is kept or shown.

A provider may echo the key of a request in its error, and a base URL may hold a password. Known
values are found in the environment, by the names that keys are kept under.
"""

from __future__ import annotations

import json
import os
import re
from urllib.parse import quote

MARK = "***"
"""Stands in for a secret."""
SHORTEST = 8
"""Characters of the shortest value that is taken for a secret; shorter ones are words."""
SECRET_NAME = re.compile(
    r"(^|_)(KEY|APIKEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|BEARER)(_\w+)?$", re.IGNORECASE
)
"""Matches the name of an environment variable that holds a secret."""
USER_INFO = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")
"""Matches user and password in a URL."""
QUERY = re.compile(
    r"(?i)([?&](?:api[-_]?key|key|token|access[-_]token|secret|password|sig|signature)=)[^&\s'\"]+"
)
"""Matches a secret in the query of a URL."""
BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}")
"""Matches an authorization header."""


def secrets() -> list[str]:
    """The values of environment variables that look like keys, longest first."""
    values = {
        value.strip()
        for name, value in os.environ.items()
        if SECRET_NAME.search(name) and len(value.strip()) >= SHORTEST
    }
    return sorted(values, key=lambda value: (-len(value), value))


def redact(text: str) -> str:
    """The text without known keys, passwords in URLs and authorization headers."""
    for secret in secrets():
        for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}:
            text = text.replace(form, MARK)
    text = USER_INFO.sub(MARK, text)
    text = QUERY.sub(rf"\1{MARK}", text)
    return BEARER.sub(rf"\1{MARK}", text)
