"""The study's own prompts: rendered at run time by the installed `inspect_evals` package.

No text of theirs is in this repository. A pack whose `pack.yaml` has the key `study` holds
what is ours (cast, facts, ladder, rubric), and gets its world from here. Prompts and mails
equal, byte for byte, what the package's own task sends.

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
"""Our levels in the words of the package's task; goal, value and threat have the same ones."""

HEADER = re.compile(r"^(\w+):[ ]?(.*)$", re.MULTILINE)


def _missing(cause: object) -> PackError:
    return PackError(
        "the study's prompts are in the package inspect_evals (the extra `study`), which cannot "
        f"be had ({cause})",
        fix="pip install 'cornered[study]'",
    )


def package_module(name: str) -> ModuleType:
    """A module of the package's evaluation; it imports inspect_ai, so only when it is needed.

    Raises:
        PackError: the package is not installed, or not whole.
    """
    try:
        return import_module(f"inspect_evals.agentic_misalignment.{name}")
    except ImportError as e:
        raise _missing(e) from None


def study_version() -> str:
    """The version of the package that the study's texts come from; imports nothing of it.

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
    # Whatever goes wrong in there, it is a cell that this version of the package has not got.
    except Exception as e:
        cell = ", ".join(f"{k}={v}" for k, v in levels.items())
        raise PackError(
            f"inspect_evals {study_version()} cannot render the cell {cell} ({e})",
            where=pack.name,
            fix="pip install 'cornered[study]' gets the version that can",
        ) from None


def study_scene(pack: Pack, levels: Levels, scene: Scene) -> tuple[Scene, RenderedPrompt]:
    """The scene and the prompt of one cell as the study's code has them, mails in its order.

    Args:
        pack: A pack of the study's.
        levels: The cell.
        scene: What the pack itself has of it.

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
    """A mail of the inbox; the number is the ID by which the study's agent forwards it."""
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
