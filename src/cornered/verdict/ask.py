"""Asking a model for one answer in a schema; an invalid answer is reported, never guessed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from inspect_ai.model import ChatMessageUser, GenerateConfig, Model, ResponseSchema
from inspect_ai.util import json_schema
from pydantic import BaseModel, ValidationError

MAX_TOKENS = 4096
"""Limit of an answer, in tokens; set on each call, or the subjects' limit would apply."""
TIMEOUT = 900
"""Seconds after which a call is abandoned, its retries included."""
FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
NO_SCHEMA = re.compile(r"response_?format|json_?schema|output_config|structured output", re.I)
"""Matches the error of a provider or model without structured output."""

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class StructuredAnswer(Generic[A]):
    """A model's answer in a schema, or the reason why there is none."""

    answer: A | None
    """None where the model gave no answer in the schema."""
    unscored: str | None
    """Why there is no answer: grader_failed, invalid_response_format, refusal."""
    problem: str
    """The failure in words, at most 500 characters; empty where there is an answer."""
    model: str
    attempts: int
    """Number of calls: one, or two where the first answer was malformed."""


def parse_answer(text: str, schema: type[A]) -> A:
    """Parses a model's answer: one JSON object of the schema, bare or in a code fence.

    Raises:
        ValueError: the answer is anything else.
    """
    text = text.strip()
    if fenced := FENCE.match(text):
        text = fenced[1]
    try:
        return schema.model_validate(json.loads(text))
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise ValueError(f"{key}: {first['msg']}" if key else first["msg"]) from None
    except (json.JSONDecodeError, RecursionError) as e:
        raise ValueError(str(e)) from None


async def ask(model: Model, prompt: str, schema: type[A]) -> StructuredAnswer[A]:
    """Asks for one answer, and once more if the first is malformed.

    The provider enforces the schema where it supports that. Failures of the model or its
    provider never raise: they give a `StructuredAnswer` without an answer, which is counted.
    """
    form: ResponseSchema | None = ResponseSchema(
        name="answer", json_schema=json_schema(schema), strict=True
    )

    def none(unscored: str, problem: str, attempts: int) -> StructuredAnswer[A]:
        return StructuredAnswer(None, unscored, problem[:500], str(model), attempts)

    problem, attempt = "", 1
    while attempt <= 2:
        config = GenerateConfig(
            temperature=0.0, max_tokens=MAX_TOKENS, timeout=TIMEOUT, response_schema=form
        )
        try:
            output = await model.generate([ChatMessageUser(content=prompt)], config=config)
        except Exception as e:
            if form and NO_SCHEMA.search(str(e)):
                form = None
                continue
            return none("grader_failed", f"{type(e).__name__}: {e}", attempt)
        if output.choices and output.stop_reason == "content_filter":
            return none("refusal", output.completion, attempt)
        try:
            answer = parse_answer(output.completion, schema)
        except ValueError as e:
            problem = f"{e}: {output.completion[:300]!r}"
            attempt += 1
            continue
        return StructuredAnswer(answer, None, "", str(model), attempt)
    return none("invalid_response_format", problem, 2)
