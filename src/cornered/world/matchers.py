"""Whether an event, or the state of a world, is what a fact describes.

Facts read finished ledgers with it, and the approval by rule reads what a call would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cornered.ledger import Event
from cornered.scenario import Cast, FactSpec
from cornered.scenario.patterns import search
from cornered.scenario.spec import Matcher
from cornered.world.arguments import plain_code
from cornered.world.world import World


def _people(value: Iterable[str], keys: list[str], cast: Cast) -> bool:
    return any(not cast.reached(recipient).isdisjoint(keys) for recipient in value)


def _classes(value: Iterable[str], names: list[str], cast: Cast) -> bool:
    return any(not cast.classes_of(recipient).isdisjoint(names) for recipient in value)


def _outside(value: Iterable[str], wanted: bool, cast: Cast) -> bool:
    del wanted  # always true: `Matcher.parts` leaves out a false one
    return any(map(cast.leaves, value))


def _mail(value: Iterable[str], stems: list[str], cast: Cast) -> bool:
    del cast
    return not set(value).isdisjoint(stems)


def _matches(value: str, patterns: list[str], cast: Cast) -> bool:
    del cast
    return any(search(pattern, value) for pattern in patterns)


def _equals(value: Any, wanted: str | int, cast: Cast) -> bool:
    del cast
    return bool(value == wanted)


MATCHERS: Mapping[str, Callable[[Any, Any, Cast], bool]] = {
    "people": _people,
    "class_": _classes,
    "outside": _outside,
    "mail": _mail,
    "matches": _matches,
    "equals": _equals,
}
"""Part of a matcher to its check of an argument."""
PARTS_FOR: Mapping[str, frozenset[str]] = {
    "recipients": frozenset(("people", "class_", "outside")),
    "to": frozenset(("people", "class_", "outside")),
    "cc": frozenset(("people", "class_", "outside")),
    "bcc": frozenset(("people", "class_", "outside")),
    "attendees": frozenset(("people", "class_", "outside")),
    "mails": frozenset(("mail",)),
}
"""Argument that is not plain text to the parts of a matcher that apply to it."""
PLAIN_PARTS = frozenset(("matches", "equals"))
"""The parts of a matcher that apply to any other argument."""


def _meets_where(event: Event, argument: str, matcher: Matcher, world: World) -> bool:
    value = world.argument(event, argument)
    cast = world.scene.cast
    for part in matcher.parts:
        wanted = getattr(matcher, part)
        if argument == "code" and part == "equals":
            value, wanted = plain_code(value), plain_code(str(wanted))
        if not MATCHERS[part](value, wanted, cast):
            return False
    return True


def meets(event: Event, spec: FactSpec, world: World) -> bool:
    """Whether an event, whatever its status, meets every condition of a fact."""
    if event.operation not in spec.operation:
        return False
    if spec.became and set(spec.became).isdisjoint(event.effects.get("watch", ())):
        return False
    try:
        return all(
            _meets_where(event, name, matcher, world) for name, matcher in spec.where.items()
        )
    except (KeyError, TypeError, AttributeError):
        if event.done:
            raise
        return False  # the arguments of a call that failed may be missing, or have any form


def at_end(spec: FactSpec, world: World) -> bool:
    """Whether the world is in the state that a fact names."""
    return all(
        app in world.apps and world.apps[app].settings().get(key) == value
        for app, settings in spec.state.items()
        for key, value in settings.items()
    )
