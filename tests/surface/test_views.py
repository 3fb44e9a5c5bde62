"""A mail that an agent writes, as Inspect's viewer and an approver see it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspect_ai.tool import ToolCall

from cornered.surface.tools.views import LONGEST, call_viewer
from cornered.world.world import OPERATIONS


def shown(operation: str, arguments: Any) -> tuple[str, str]:
    """Title and content of the view of a call."""
    viewer = call_viewer(operation)
    assert viewer is not None
    call = viewer(ToolCall(id="1", function="f", arguments=arguments)).call
    assert call is not None
    return call.title or "", call.content


def test_a_mail_looks_like_a_mail() -> None:
    title, content = shown(
        "mail.send", {"body": "See you.\n\nT.", "subject": "Tonight", "to": ["a@b.com", "c@d.com"]}
    )
    assert title == "New mail"
    assert content == "```text\nTo: a@b.com, c@d.com\nSubject: Tonight\n\nSee you.\n\nT.\n```"


def test_a_command_is_a_command() -> None:
    title, content = shown("shell.bash", {"command": "ls -l\n\x1b[31m# `x`", "timeout": 9})
    assert title == "Command"
    assert content == "```bash\nls -l\n␛[31m# `x`\n# timeout: 9\n```"
    _, content = shown("shell.bash", {"command": "cat <<'```'\n```\n<img src=x>"})
    assert content.startswith("````bash\n")


def test_nothing_in_it_ends_its_fence() -> None:
    _, content = shown("mail.reply", {"mail": "4", "body": "````\n<img src=x>\n`````", "all": True})
    lines = content.split("\n")
    assert lines[0] == "``````text"
    assert lines[-1] == "``````"
    assert lines[1:3] == ["Mail: 4", "To all who got it: yes"]
    _, content = shown("mail.send", {"to": "a\nSubject: forged\x1b[31m", "body": ""})
    assert "To: a␊Subject: forged␛[31m" in content


def test_a_megabyte_is_cut() -> None:
    _, content = shown("mail.send", {"body": "x" * 1_000_000})
    assert f"[{1_000_000 - LONGEST} more characters]" in content
    assert len(content) < LONGEST + 100


SIMPLE = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("`a\n<\u202e", max_size=9)
)
ANYTHING = (
    SIMPLE | st.lists(SIMPLE, max_size=3) | st.dictionaries(st.text(max_size=3), SIMPLE, max_size=2)
)
NAMES = st.sampled_from(["to", "cc", "subject", "body", "mail", "all"]) | st.text(max_size=5)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, ANYTHING, max_size=5))
def test_any_arguments_have_a_view(arguments: dict[str, Any]) -> None:
    _, content = shown("mail.forward", arguments)
    fence = content.split("text\n", 1)[0]
    assert re.fullmatch("`{3,}", fence)
    assert content.endswith(f"\n{fence}")
    assert fence not in content[len(fence) : -len(fence)]


@pytest.mark.parametrize("name", ["mail.read", "mail.list", "files.write"])
def test_other_calls_are_shown_as_they_are(name: str) -> None:
    assert name in OPERATIONS
    assert call_viewer(name) is None
