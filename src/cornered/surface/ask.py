"""Asking a model for one answer in a schema; an invalid answer is reported, never guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    ResponseSchema,
    model_roles,
)
from inspect_ai.util import json_schema
from pydantic import BaseModel, ValidationError

from cornered.errors import ModelError
from cornered.surface.output import output_ending

MAX_TOKENS = 4096
"""Limit of an answer, in tokens; set on each call, or the subjects' limit would apply."""
TIMEOUT = 900
"""Seconds after which a call is abandoned, its retries included."""
FENCE = re.compile(r"\A(`{3,}|~{3,})[ \t]*(?:json5?)?\s*(.*?)\s*\1\Z", re.DOTALL | re.IGNORECASE)
THINKING = re.compile(
    r"\A\s*<(think|thinking|reasoning)>.*?</\1>(?=\s*(?:`{3}|~{3}|\{))", re.DOTALL | re.IGNORECASE
)
"""Reasoning that some models write into their answer, before its JSON."""
END_TOKENS = re.compile(r"(?:\s*(?:<\|[\w ]{1,30}\|>|</s>|<eos>))+\s*\Z")
NO_SCHEMA = re.compile(r"response_?format|json_?schema|output_config|structured output", re.I)
"""Matches the error of a provider or model without structured output."""
LONGEST_PROBLEM = 500
"""Most characters of a failure in words."""

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class StructuredAnswer(Generic[A]):
    """A model's answer in a schema, or the reason why there is none."""

    answer: A | None
    """None where the model gave no answer in the schema."""
    unscored: str | None
    """Why there is no answer: grader_failed, invalid_response_format, judge_cut_off, refusal."""
    problem: str
    """The failure in words, at most 500 characters; empty where there is an answer."""
    model: str
    attempts: int
    """Number of calls: one, or two where the first answer was malformed."""


def role_model(role: str, need: str) -> Model:
    """The model of a role, of several the first.

    Args:
        role: The role; an experiment names its model by the same word.
        need: What needs it, as an error says.

    Raises:
        ModelError: the run has none.
    """
    models = model_roles().get(role)
    model = next(iter(models), None) if isinstance(models, list) else models
    if model is None:
        raise ModelError(
            need,
            where=role,
            fix=f"name one: `{role}: MODEL` in the experiment, or --model-role {role}=MODEL",
        )
    return model


def parse_answer(text: str, schema: type[A]) -> A:
    """Parses a model's answer: one JSON object of the schema, bare or in a code fence.

    Small faults of form are read: a raw line break in a string, a fence closed on its line,
    end tokens, reasoning in tags before it.

    Raises:
        ValueError: the answer is anything else, or gives a key twice.
    """
    text = END_TOKENS.sub("", THINKING.sub("", text.strip("\ufeff\u200b \t\r\n"))).strip()
    if fenced := FENCE.match(text):
        text = fenced[2]
    try:
        return schema.model_validate(json.loads(text, strict=False, object_pairs_hook=_once))
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise ValueError(f"{key}: {first['msg']}" if key else first["msg"]) from None
    except (json.JSONDecodeError, RecursionError) as e:
        raise ValueError(str(e)) from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs.

    Raises:
        ValueError: a key is given twice, so that the answer may contradict itself.
    """
    answer = dict(pairs)
    if len(answer) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice} is given twice")
    return answer


async def ask(
    model: Model,
    prompt: str,
    schema: type[A],
    *,
    system: str = "",
    max_tokens: int = MAX_TOKENS,
    limit_name: str = "judge_max_tokens",
    temperature: float = 0.0,
    timeout: int = TIMEOUT,
    read: Callable[[str, type[A]], A] = parse_answer,
) -> StructuredAnswer[A]:
    """Asks for one answer, and once more if the first is malformed.

    The provider enforces the schema where it supports that. Failures of the model or its
    provider never raise: they give a `StructuredAnswer` without an answer, which is counted. An
    answer that the limit cuts off is not asked for again, since the limit would cut it off again.

    Args:
        model: The model to ask.
        prompt: The whole prompt.
        schema: The schema of the answer.
        system: A system message before the prompt; none if empty.
        max_tokens: Limit of the answer, in tokens, reasoning included.
        limit_name: The setting that this limit comes from, for the failure in words.
        temperature: Of the answer.
        timeout: Seconds after which a call is abandoned, its retries included.
        read: Reads the text of an answer; raises ValueError where it is malformed.
    """
    messages: list[ChatMessage] = [ChatMessageUser(content=prompt)]
    if system:
        messages.insert(0, ChatMessageSystem(content=system))
    form: ResponseSchema | None = ResponseSchema(
        name="answer", json_schema=json_schema(schema), strict=True
    )

    def none(unscored: str, problem: str, attempts: int) -> StructuredAnswer[A]:
        return StructuredAnswer(None, unscored, _bounded(problem), str(model), attempts)

    problem, attempt = "", 1
    while attempt <= 2:
        config = GenerateConfig(
            temperature=temperature, max_tokens=max_tokens, timeout=timeout, response_schema=form
        )
        try:
            output = await model.generate([*messages], config=config)
        except Exception as e:
            # Only what the provider says: the whole error has the request, schema included.
            if form and NO_SCHEMA.search(_provider_message(e)):
                form = None
                continue
            return none("grader_failed", f"{_kind(e)}: {_provider_message(e)}", attempt)
        ending = output_ending(output) if output.choices else None
        if ending in ("refusal", "content_filter"):
            return none("refusal", output.completion, attempt)
        try:
            answer = read(output.completion, schema)
        except ValueError as e:
            if ending == "cut_off":
                return none("judge_cut_off", _cut_off(output, max_tokens, limit_name), attempt)
            problem = f"{e}: {output.completion[:300]!r}"
            attempt += 1
            continue
        return StructuredAnswer(answer, None, "", str(model), attempt)
    return none("invalid_response_format", problem, 2)


def _cut_off(output: ModelOutput, limit: int, name: str) -> str:
    written = output.usage.output_tokens if output.usage else 0
    return f"cut off at {written or limit} tokens; its limit is {limit} ({name})"


def _kind(error: Exception) -> str:
    """The provider's own error, not the one that Inspect wraps it in."""
    return type(error.__cause__ or error).__name__


def _provider_message(error: Exception) -> str:
    """What a provider says, without the request, which Inspect puts before it."""
    return str(getattr(error, "provider_message", None) or error)


def _bounded(problem: str) -> str:
    """A failure in words; of a long one the beginning and the end, where its cause may stand."""
    if len(problem) <= LONGEST_PROBLEM:
        return problem
    half = LONGEST_PROBLEM // 2
    return f"{problem[: half - 1]} … {problem[-half + 2 :]}"
