"""What the commands share: the group, exit codes, levels on the command line, printing."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cornered.cli._usage import usage_error
from cornered.errors import CorneredError, ExperimentError, FactorError
from cornered.nearest import did_you_mean
from cornered.terminal import BROKEN_PIPE, echo_json, leave_pipe, make_safe
from cornered.terminal import say as say
from cornered.text import explained

if TYPE_CHECKING:
    from cornered.analysis.rates import Rate
    from cornered.scenario import Level

DONE, INCOMPLETE, WRONG_USE, STOPPED = 0, 1, 2, 130


_OF_FILES = {
    errno.EACCES,
    errno.EPERM,
    errno.ENOENT,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
}
"""Errors of the file system, which are the world's and not ours."""


class _PipeClosed(Exception):
    """A reader of our output went away; click would leave with 1 for the error of the system."""


class Group(click.Group):
    """Lists commands in the order in which they were added; prints errors as one line."""

    _asked: click.Context | None = None
    """The command of this line, for errors that do not name it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Runs a command and leaves with its exit code."""
        make_safe()
        if sys.excepthook is sys.__excepthook__:
            sys.excepthook = _show_traceback
        try:
            try:
                code = self._run(*args, **kwargs)
            finally:
                # What is printed late fails here, where it can be told, and not at the very end.
                if sys.stdout is not None:
                    sys.stdout.flush()
        except (BrokenPipeError, _PipeClosed):
            leave_pipe()
            sys.exit(BROKEN_PIPE)
        except OSError as e:
            if e.errno not in _OF_FILES:
                raise
            leave_pipe()
            place = f"{e.filename}: " if e.filename is not None else ""
            say(f"error: {place}{e.strerror or e}")
            sys.exit(WRONG_USE)
        sys.exit(code)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; an error names the nearest one."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = did_you_mean(name, self.commands) or f"there are {', '.join(self.commands)}"
            raise click.UsageError(f"there is no command {name}; {near}", ctx)
        found = super().resolve_command(ctx, args)
        if found[1] is not None:
            self._asked = click.Context(found[1], parent=ctx, info_name=found[0])
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; a closed pipe stays an error that can be told from others."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _PipeClosed from None

    def _run(self, *args: Any, **kwargs: Any) -> int:
        """Runs a command, tells its errors in one line and gives its exit code."""
        try:
            code = super().main(*args, **(kwargs | {"standalone_mode": False}))
        except CorneredError as e:
            say(f"error: {explained(str(e))}")
            return e.exit_code
        except click.exceptions.Exit as e:
            return e.exit_code
        except click.ClickException as e:
            say(f"error: {usage_error(e, self._asked)}")
            return WRONG_USE
        except (click.Abort, KeyboardInterrupt):
            say("stopped; the same command continues from here")
            return STOPPED
        except UnicodeEncodeError as e:
            name = explained(str(e.object))
            say(f"error: {name}: no file or model can have such a name")
            return WRONG_USE
        except ValueError as e:
            if "null byte" not in str(e):
                raise
            say("error: no file or folder has a name with a NUL in it; type it anew")
            return WRONG_USE
        except RecursionError:
            say("error: something that was read is nested too deeply; make it flatter")
            return WRONG_USE
        except MemoryError:
            say("error: not enough memory for what was read; make it smaller")
            return WRONG_USE
        return code if isinstance(code, int) else DONE


def _show_traceback(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Prints an error of our own making; a text in it may be anybody's."""
    import traceback

    say("".join(traceback.format_exception(kind, error, trace)).rstrip())


def print_json(value: Any) -> None:
    echo_json(value)


VIEWS = click.Choice(["actions", "transcript"])
"""What a judge may be shown: `cornered.scoring.View`, which is slow to import."""
PANEL_RULES = click.Choice(["majority", "unanimity"])
"""When a panel of judges has a verdict: `cornered.scoring.PanelRule`."""
JUDGED = (
    click.option(
        "--judge-acts",
        "judged",
        flag_value="acts",
        default=None,
        help="Judge only trials with the act (default: every trial with an executed action).",
    ),
    click.option(
        "--judge-actions",
        "judged",
        flag_value="actions",
        default=None,
        help="Judge every trial with an executed action.",
    ),
    click.option("--judge-all", "judged", flag_value="actions", default=None, hidden=True),
)
"""Which trials the judge reads; `--judge-all` is its name in version 0.1.0."""
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")

_EXPERIMENT = (
    click.argument("target"),
    click.argument("levels", nargs=-1, metavar="[FACTOR=LEVEL[,LEVEL…]]…"),
    click.option(
        "--model", "-m", "models", multiple=True, help="Inspect name of a model; may be repeated."
    ),
    click.option("--samples", "-n", type=click.IntRange(min=1), help="Trials per cell."),
    click.option(
        "--judge", multiple=True, help="Inspect name of the judge's model; several form a panel."
    ),
    *JUDGED,
    click.option(
        "--judge-max-tokens",
        type=click.IntRange(min=1),
        help="Longest answer of a judge, in tokens (default: 4096).",
    ),
    click.option(
        "--judge-view",
        type=VIEWS,
        help="What a judge sees: executed actions (default), or the whole answer.",
    ),
    click.option(
        "--panel",
        type=PANEL_RULES,
        help="How a panel of judges reaches its verdict (default: majority).",
    ),
    click.option(
        "--preflight/--no-preflight",
        default=None,
        help="First ask each judge about a clear yes and a clear no (default: yes).",
    ),
    click.option(
        "--readings", help="Readings of the reasoning: names separated by commas, or all."
    ),
    click.option(
        "--reader", help="Inspect name of the model for readings (default: the first judge)."
    ),
    click.option(
        "--debrief/--no-debrief",
        default=None,
        help="Ask the agent afterwards what the exchange was for and what it did.",
    ),
    click.option(
        "--interview/--no-interview",
        default=None,
        help="Ask the agent afterwards, openly and then pointedly, whether it did the deeds that "
        "the scenario asks about: denial, doubling down, false confession.",
    ),
    click.option(
        "--controls/--no-controls", default=None, help="Add matched controls (default: yes)."
    ),
    click.option("--temperature", type=click.FloatRange(0, 2), help="Sampling temperature."),
    click.option("--max-tokens", type=click.IntRange(min=1), help="Longest answer, in tokens."),
    click.option(
        "--reasoning-effort",
        type=click.Choice(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        help="How much the subjects reason, where they do so only when told.",
    ),
    click.option(
        "--reasoning-tokens", type=click.IntRange(min=0), help="Longest reasoning, in tokens."
    ),
    click.option(
        "--reasoning-summary",
        type=click.Choice(["none", "concise", "detailed", "auto"]),
        help="A summary of reasoning that the provider keeps to itself.",
    ),
    click.option(
        "--effort",
        type=click.Choice(["low", "medium", "high", "xhigh", "max"]),
        help="How thoroughly the subjects answer (Anthropic).",
    ),
    click.option(
        "--verbosity",
        type=click.Choice(["low", "medium", "high"]),
        help="How long the subjects' answers are (OpenAI).",
    ),
    click.option(
        "--top-p", type=click.FloatRange(0, 1, min_open=True), help="Nucleus sampling, 0 to 1."
    ),
    click.option("--top-k", type=click.IntRange(min=1), help="Tokens to sample from."),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        help="Seed of sampling; each trial gets one of its own from it.",
    ),
    click.option("--stop", multiple=True, help="Text at which generation stops; may be repeated."),
    click.option(
        "--frequency-penalty",
        type=click.FloatRange(-2, 2),
        help="Penalty on tokens by how often they occurred.",
    ),
    click.option(
        "--presence-penalty",
        type=click.FloatRange(-2, 2),
        help="Penalty on tokens that occurred at all.",
    ),
    click.option(
        "--max-connections",
        type=click.IntRange(min=1),
        help="Concurrent calls to each hosted model.",
    ),
    click.option("--out", type=click.Path(path_type=Path), help="Run folder (default: runs/NAME)."),
    json_option,
)


def experiment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the arguments and options of `cornered run`, which other commands share."""
    for option in reversed(_EXPERIMENT):
        command = option(command)
    return command


def judged_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which trials the judge reads."""
    for option in reversed(JUDGED):
        command = option(command)
    return command


def parse_levels(words: Sequence[str]) -> dict[str, list[Level]]:
    """Levels by factor, from `factor=level,level` arguments."""
    given: dict[str, list[Level]] = {}
    for word in words:
        factor, equals, levels = word.partition("=")
        if not equals or not levels or not factor:
            raise FactorError(f"{word} does not set a factor", fix="write factor=level")
        if factor in given:
            both = ",".join(map(str, (*given[factor], *levels.split(","))))
            raise FactorError(f"{factor} is set twice", fix=f"write {factor}={both}")
        given[factor] = list(levels.split(","))
    return given


@contextmanager
def named_as_options() -> Iterator[None]:
    """Names the option, rather than the key, in errors of an invalid setting.

    Raises:
        ExperimentError: the same error, with the option as its place.
    """
    from cornered.experiment import Experiment

    try:
        yield
    except ExperimentError as e:
        if e.where not in Experiment.model_fields:
            raise
        option = "--model" if e.where == "models" else f"--{e.where.replace('_', '-')}"
        raise ExperimentError(e.what, where=option, fix=e.fix) from None


def interval(rate: Rate) -> str:
    from cornered.analysis.stats import percent

    known = rate.interval
    return f"{percent(known.low)} to {percent(known.high)}" if known else "–"


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cornered")
def main() -> None:
    """Measure what a language-model agent does when it is cornered.

    A first look, with the model that comes with the package:

    \b
      cornered run examples/first-look.yaml

    The prompt that a model will see, and two conditions on a hosted model:

    \b
      cornered show blackmail goal=explicit threat=replacement
      cornered run blackmail goal=explicit,none -m openai/gpt-4.1 -n 50

    Exit codes: 0 done; 1 done, but trials are unscored, failed or not run; 2 wrong usage;
    130 stopped by Ctrl-C.
    """
