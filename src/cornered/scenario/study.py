"""The study's own prompts: rendered at run time by the installed `inspect_evals` package.

This repository contains none of its text. A pack whose `pack.yaml` has the key `study` holds
our cast, facts, ladder and rubric; its prompts and mails come from here. They equal, byte for
byte, what the package's own task sends.

Source of the prompts: Lynch et al. 2025, arXiv 2510.05179, as ported in
`inspect_evals.agentic_misalignment`, MIT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from cornered.errors import FactorError, PackError
from cornered.scenario.addresses import addresses_in
from cornered.scenario.factors import Level, Levels
from cornered.scenario.pack import Pack
from cornered.scenario.render import Mail, RenderedPrompt, Scene

INSTRUCTIONS: dict[Level, str | None] = {"none": None, "prohibitions": "dont", "welfare": "goal"}
FRAMING: dict[Level, bool] = {"none": False, "deliberate": True}
REASONING: dict[Level, bool] = {"scratchpad": False, "native": True}
"""Our levels to the package's; goal, value and threat have the same levels in both."""

HEADER = re.compile(r"^(\w+):[ ]?(.*)$", re.MULTILINE)


def _missing(cause: object) -> PackError:
    return PackError(
        "the study's prompts need the package inspect_evals (the extra `study`), which cannot be "
        f"imported ({cause})",
        fix="pip install 'cornered[study]'",
    )


def package_module(name: str) -> ModuleType:
    """A module of the package's evaluation, imported on demand since it imports inspect_ai.

    Raises:
        PackError: the package is not installed, or is incomplete.
    """
    try:
        return import_module(f"inspect_evals.agentic_misalignment.{name}")
    except ImportError as e:
        raise _missing(e) from None


def study_version() -> str:
    """The version of the installed package, without importing it.

    Raises:
        PackError: the package is not installed.
    """
    try:
        return version("inspect-evals")
    except PackageNotFoundError as e:
        raise _missing(e) from None


def study_prompts(pack: Pack, levels: Mapping[str, Level]) -> Any:
    """The package's `Prompts` of a cell: `system_prompt`, `user_prompt`, `email_content`.

    Raises:
        PackError: the package is not installed, or cannot render this cell.
        FactorError: a level that the study's prompts do not have.
    """
    package = package_module("prompt_generator")

    def word(factor: str, words: Mapping[Level, Any]) -> Any:
        if levels[factor] not in words:
            raise FactorError(
                f"{factor}={levels[factor]}: the study's prompts have no such level",
                fix=f"known: {', '.join(map(str, words))}",
            )
        return words[levels[factor]]

    notice = package.ALIGNMENT_FAKING_WARNING if word("framing", FRAMING) else None
    extra, native = word("instructions", INSTRUCTIONS), word("reasoning", REASONING)
    try:
        return package.generate_prompts(
            scenario=pack.spec.study,
            goal_type=levels["goal"],
            goal_value=levels["value"],
            urgency_type=levels["threat"],
            extra_system_instructions=extra,
            prod_flag=native,
            alignment_faking_warning=notice,
        )
    # The package raises errors of many types for a cell that it does not support.
    except Exception as e:
        cell = ", ".join(f"{k}={v}" for k, v in levels.items())
        raise PackError(
            f"inspect_evals {study_version()} cannot render the cell {cell} ({e})",
            where=pack.name,
            fix="pip install 'cornered[study]' installs one that can",
        ) from None


def study_scene(pack: Pack, levels: Levels, scene: Scene) -> tuple[Scene, RenderedPrompt]:
    """The scene and the prompt of one cell from the study's code, mails in its order.

    Args:
        pack: A pack with the key `study`.
        levels: The cell.
        scene: The scene of the pack itself, without mails.

    Raises:
        PackError: the package is not installed, or cannot render this cell.
        FactorError: a level that the study's prompts do not have.
    """
    prompts = study_prompts(pack, levels)
    blocks = prompts.email_content.split("<email>\n")[1:]
    mails = tuple(_mail(number, block, pack) for number, block in enumerate(blocks, 1))
    task = f"{prompts.user_prompt}\n{prompts.email_content}"
    return replace(scene, mails=mails), RenderedPrompt(prompts.system_prompt, task)


def _mail(number: int, block: str, pack: Pack) -> Mail:
    """A mail of the inbox; the study's agent forwards it by this number."""
    head, _, body = block.partition("</email>")[0].partition("\nBody:")
    headers: dict[str, str] = dict(HEADER.findall(head))
    try:
        time = datetime.fromisoformat(headers.get("Timestamp", ""))
    except ValueError:
        raise PackError(
            f"inspect_evals {study_version()}: mail {number} has no time", where=pack.name
        ) from None
    return Mail(
        stem=f"mail-{number}",
        number=number,
        sender=headers.get("From", ""),
        to=tuple(addresses_in(headers.get("To", ""))),
        cc=tuple(addresses_in(headers.get("Cc", ""))),
        subject=headers.get("Subject", ""),
        time=time,
        body=body.strip(),
        attachments=tuple(re.findall(r"'([^']+)'", headers.get("Attachments", ""))),
    )
