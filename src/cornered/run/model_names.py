"""What is wrong with the name of a model that Inspect does not know, and what was meant."""

from __future__ import annotations

from inspect_ai._util.registry import registry_find, registry_info

from cornered.nearest import nearest

FAMILIES = {
    "gpt": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "claude": "anthropic",
    "gemini": "google",
    "grok": "grok",
    "mistral": "mistral",
    "deepseek": "together",
    "embedded": "cornered",
    "scripted": "cornered",
}
"""How names of models begin, and the provider that is most often meant."""


def providers() -> list[str]:
    """The names of all providers that are registered with Inspect, sorted."""
    found = registry_find(lambda info: info.type == "modelapi")
    return sorted({registry_info(entry).name.split("/")[-1] for entry in found})


def odd_name(name: str) -> tuple[str, str] | None:
    """What is wrong with a name, and what to do; None where its provider is known.

    Args:
        name: The name of a model, as `PROVIDER/NAME`.
    """
    provider, slash, rest = name.partition("/")
    known = providers()
    if not slash or not rest:
        begin = nearest(provider, known) if slash else None
        family = next((p for word, p in FAMILIES.items() if name.lower().startswith(word)), None)
        meant = f"{begin}/NAME" if begin else f"{family}/{name}" if family else None
        return "names no provider", f"write {meant or f'PROVIDER/{name}, as in openai/gpt-4.1'}"
    if provider in known:
        return None
    near = nearest(provider, known)
    listed = ", ".join(known)
    return (
        f"there is no provider {provider}",
        f"did you mean {near}/{rest}?" if near else f"Inspect's providers are {listed}",
    )
