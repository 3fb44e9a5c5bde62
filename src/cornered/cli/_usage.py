"""Errors of a command line that click raises, in one line with the usage of the command."""

from __future__ import annotations

import click

from cornered.nearest import nearest

PROGRAM = "cornered"


def usage_error(error: click.ClickException, asked: click.Context | None = None) -> str:
    """What is wrong, what may be meant, and how the command is used; without `error:`.

    Args:
        error: The error.
        asked: The command of the line, where the error does not name it.
    """
    what = _what(error)
    ctx = getattr(error, "ctx", None) or asked
    if ctx is None:
        return what
    words = [PROGRAM, *_names(ctx)]
    needed = [
        f"{_name(p)} {p.make_metavar(ctx)}"
        for p in ctx.command.params
        if isinstance(p, click.Option) and p.required
    ]
    first, *others = ctx.command.collect_usage_pieces(ctx)
    pieces = [*needed, first, *others]
    return f"{what}; usage: {' '.join([*words, *pieces])}; see `{' '.join(words)} --help`"


def _what(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):
        return _no_option(error)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        kind = "argument" if isinstance(error.param, click.Argument) else "option"
        return f"the {kind} {_name(error.param)} is missing"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_name(error.param)}: {_wrong_value(error, error.param)}"
    # Click's own sentence, which ends with a full stop where it has nothing to add.
    return " ".join(error.format_message().split()).rstrip(".")


def _no_option(error: click.NoSuchOption) -> str:
    what = f"No such option {error.option_name}"
    if error.ctx is None:
        return what
    known = [name for p in error.ctx.command.params for name in (*p.opts, *p.secondary_opts)]
    near = nearest(error.option_name, [name for name in known if name.startswith("--")])
    if near:
        return f"{what}; did you mean {near}?"
    root = error.ctx.find_root().command
    for name, command in getattr(root, "commands", {}).items():
        if any(error.option_name in p.opts for p in command.params):
            return f"{what}; it is one of `{PROGRAM} {name}`"
    return what


def _wrong_value(error: click.BadParameter, param: click.Parameter) -> str:
    message = " ".join(error.message.split()).rstrip(".")
    kind = param.type
    given = message.split("'")[1] if message.startswith("'") and message.count("'") > 1 else ""
    if isinstance(kind, click.Choice):
        choices = [str(choice) for choice in kind.choices]
        near = nearest(given, choices)
        listed = ", ".join(choices)
        return f"{given} is none of {listed}" + (f"; did you mean {near}?" if near else "")
    if isinstance(kind, click.types.IntParamType) and "not a valid" in message:
        return f"{given} is no whole number"
    if isinstance(kind, click.types.FloatParamType) and "not a valid" in message:
        return f"{given} is no number"
    return message


def _name(param: click.Parameter) -> str:
    """An option as it is typed, in its long form; an argument by the word of the usage."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return param.make_metavar(click.Context(click.Command(PROGRAM))).strip("[]. …")


def _names(ctx: click.Context) -> list[str]:
    """The names of the commands below the program."""
    names: list[str] = []
    while ctx.parent is not None:
        names.insert(0, ctx.info_name or "")
        ctx = ctx.parent
    return names
