"""Turns of others that a model invents after its own: "Human:", `<|im_start|>user`, …"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"<\|im_start\|>[ \t]*\w+|<\|start_header_id\|>[ \t]*\w+|<start_of_turn>[ \t]*\w+"
    r"|<\|turn>[ \t]*\w+|<\|(?:user|human|system|assistant|observation)\|>"
    r"|<\|(?:USER|SYSTEM|CHATBOT|START_OF_TURN)_TOKEN\|>|<\|START_OF_TURN_TOKEN\|>"
    r"|<\|start\|>(?:user|system|developer)\b|<\|(?:user|assistant|system)_start\|>"
    r"|<\|start_of_role\|>\w+|<｜(?:User|Assistant)｜>|<\|header_start\|>\w+"
    r"|\[INST\]|\[/INST\]|<<SYS>>|<\|(?:prompter|assistant)\|>|<(?:reserved_10[67])>"
    r"|<\|begin\|>(?:user|system)\b|<\|begin_of_text\|>"
)
_END_TOKEN = re.compile(
    r"<\|im_end\|>|<\|eot_id\|>|<\|endoftext\|>|<\|end_of_text\|>|<end_of_turn>|<turn\|>|<eos>"
    r"|<\|END_OF_TURN_TOKEN\|>|<\|return\|>|<｜end▁of▁sentence｜>|<\|end_of_sentence\|>"
    r"|<\|eot\|>|<\|end_of_turn\|>|<\|assistant_end\|>|<\|eos\|>"
)
_SENTENCE_END = re.compile(r"</s>")
# A role at the beginning of a line. `Human` can be nothing else; the others need a blank line.
_ROLE = re.compile(
    r"^[ \t]{0,20}(?P<at>(?:#{1,6}[ \t]*|\*\*|__|\[)?)"
    r"(?P<role>Human(?: User)?|HUMAN|User|USER|Assistant|ASSISTANT|System|SYSTEM|AI"
    r"|Instruction|Input|Response)(?P<mark>\]?(?:\*\*|__)?[ \t]*[:：](?:\*\*|__)?)",
    re.MULTILINE,
)
_HEADED = re.compile(
    r"^[ \t]{0,20}(?P<at>#{2,4}[ \t]*+)"
    r"(?P<role>Instructions?|Human|User|Input|Response|Assistant|System)[ \t]*+[:：]?[ \t]*+$",
    re.MULTILINE,
)
_TOKENS = re.compile(r"(?:\s++|<[|｜][^<>\n]{1,40}[|｜]>|</?s>|<eos>|<pad>|<end_of_turn>|<bos>)*+")
_NEAR = 2_000
_OWN = ("assistant", "ai", "response", "model", "chatbot")


def _own(marker: str) -> bool:
    """Whether a marker begins a turn of the agent itself."""
    letters = re.sub("[^a-z]", "", marker.lower())
    return any(word in letters for word in _OWN)


def invented_turn(text: str, protected: Callable[[int], bool]) -> tuple[int, str] | None:
    """Where the agent's own turn ends and another begins, and how that is marked; or None.

    A marker of the agent's own role at the beginning of the text is no end: templates leave it
    there.

    Args:
        text: The answer.
        protected: Whether an offset is in a call's body or in closed reasoning.
    """
    ends: list[tuple[int, str]] = []
    patterns = [_TOKEN, _END_TOKEN] if "<" in text or "[" in text else []
    lead = _bare_end(text, 0)
    bare_end = 0
    for pattern in patterns:
        for m in pattern.finditer(text):
            first = min(m.start(), _NEAR) <= lead
            if protected(m.start()) or (first and (_own(m[0]) or m[0] == "[/INST]")):
                continue
            if m[0] == "<|begin_of_text|>" and first:
                continue
            if pattern is _END_TOKEN:
                # A run of tokens is read once, not again for each of them.
                bare_end = bare_end if m.end() <= bare_end else _bare_end(text, m.end())
                if bare_end >= min(m.end() + _NEAR, len(text)):
                    continue
            ends.append((m.start(), m[0]))
            break
    if (
        "<s>" not in text
        and (s := _SENTENCE_END.search(text))
        and _bare_end(text, s.end()) < min(s.end() + _NEAR, len(text))
        and not protected(s.start())
    ):
        ends.append((s.start(), s[0]))
    ends += _spoken_turns(text, protected)
    return min(ends, default=None)


def _spoken_turns(text: str, protected: Callable[[int], bool]) -> list[tuple[int, str]]:
    """The first turn that a line such as "Human:" or "### Instruction" begins."""
    roles: list[tuple[int, str, bool]] = []
    for pattern in (_ROLE, _HEADED):
        for m in pattern.finditer(text):
            at = m.start("at")
            if not protected(at):
                above = text[max(0, m.start() - 40) : m.start()]
                blank = above.endswith("\n") and not above[:-1].rpartition("\n")[2].strip()
                roles.append((at, m["role"], blank or m.start() == 0))
            if len(roles) > 200:
                break
    roles.sort()
    names = {role.lower() for _, role, _ in roles}
    if not names:
        return []
    others = {"human", "human user", "user", "instruction", "instructions"}
    dialogue = bool(names & others) and bool(names & {"assistant", "ai", "response", "system"})
    begin = len(text) - len(text.lstrip())
    for at, role, blank in roles:
        word = role.lower()
        if at <= begin and _own(role):
            continue
        if word.startswith("human") or word in ("instruction", "instructions"):
            return [(at, role)]
        if word == "user" and (blank or dialogue):
            return [(at, role)]
        if word == "assistant" and blank:
            return [(at, role)]
        if dialogue and word in ("assistant", "ai", "response", "system", "input"):
            return [(at, role)]
    return []


def _bare_end(text: str, start: int) -> int:
    """The end of the special tokens and blanks at an offset; the offset where there are none."""
    bare = _TOKENS.match(text, start)
    return bare.end() if bare else start
