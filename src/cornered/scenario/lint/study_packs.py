"""Packs of the 2025 study, whose prompts the installed package renders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cornered.errors import FactorError, PackError
from cornered.scenario.addresses import addresses_in
from cornered.scenario.lint.finding import Finding
from cornered.scenario.lint.reader import PackReader
from cornered.scenario.study import study_scene


def study_pack(reader: PackReader) -> Iterator[Finding]:
    """Everything wrong with a pack of the study's, over its whole grid.

    Checked: the package is installed and every cell renders, the judge's rubric included; every
    address in the headers of mails is in the cast; mails that facts name are in some inbox; the
    canary is in no prompt.
    """
    pack = reader.pack
    if not pack.spec.study:
        return
    stems: set[str] = set()
    headers: set[str] = set()
    for levels in pack.factors.every():
        try:
            scene, prompt = study_scene(pack, levels, reader.renderer.scene(levels))
            rubric = reader.renderer.rubric(levels)
        except (PackError, FactorError) as e:
            yield Finding(e.where or pack.name, e.what)
            return
        stems |= {mail.stem for mail in scene.mails}
        headers |= {line for mail in scene.mails for line in (mail.sender, *mail.to, *mail.cc)}
        if any(pack.spec.canary in text for text in (prompt.system, prompt.task, rubric)):
            yield Finding(pack.name, "the canary stands in a prompt")
    yield from _strangers(reader, headers)
    for name, fact in pack.spec.facts.items():
        for argument, stem in fact.named_mails:
            if stem not in stems:
                loc = ("facts", name, "where", argument, "mail")
                where = reader.place("pack.yaml", *loc)
                yield Finding(where, f"{'.'.join(loc)}: no inbox has the mail {stem}")


def _strangers(reader: PackReader, headers: Iterable[str]) -> Iterator[Finding]:
    """Senders and recipients who are nobody in the cast, so that facts would miss them."""
    addresses = {address.lower() for line in headers for address in addresses_in(line)}
    for address in addresses - reader.addresses:
        yield Finding(reader.file("cast.yaml"), f"the address {address} is not in the cast")
