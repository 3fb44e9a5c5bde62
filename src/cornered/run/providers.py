"""What stands between a run and the providers of its models.

Every call of a hosted or scripted model passes a `Gate`. It shortens and redacts what a provider
says, waits as long as the provider asks, says so, abandons a request that hangs, and stops the
run when the provider refuses to serve, instead of paying for the same refusal in every trial.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import anyio
from inspect_ai._util.error import PrerequisiteError
from inspect_ai._util.http import parse_retry_after_from_exception
from inspect_ai.model import Model, ModelAPI, RetryDecision
from inspect_ai.util import LimitExceededError
from tenacity import RetryCallState, wait_exponential_jitter
from tenacity.wait import WaitBaseT

from cornered.errors import CorneredError, ModelError
from cornered.redaction import redact
from cornered.terminal import say
from cornered.text import ends

MAX_RETRIES = 20
"""Retries of one call; the time usually ends them first."""
TIMEOUT = 900
"""Seconds after which a call is not tried again; its last attempt may end later."""
LONGEST_WAIT = 120.0
"""Seconds: the longest pause between two attempts, whatever a provider asks for."""
FIRST_LIMIT = 600.0
"""Seconds after which an attempt is abandoned, while it is unknown how long a model takes."""
JUDGE_LIMIT = 180.0
"""The same for a judge or reader, whose answers are short."""
SLOWER = 6.0
"""An attempt is abandoned when it has taken so many times as long as the slowest one before."""
LEAST_LIMIT = 60.0
"""Seconds: no attempt is abandoned earlier."""
LEARNT = 3
"""Answers after which a model's own speed sets the limit of an attempt."""
SLOW = 30.0
"""Seconds without an answer of a model after which that is said."""
EQUAL_FAILURES = 3
"""Refusals of the same kind in a row, or failed connections, after which a run is stopped."""
EQUAL_ERRORS = 5
"""Equal other errors in a row from a model that has never answered, after which it is stopped."""
DEAD_SECONDS = 4.0
"""Seconds that a server which never answered must have been out of reach."""
SILENT_SECONDS = 120.0
"""Seconds of nothing but failures after which a run is stopped, if the model never answered."""
OUTAGE_SECONDS = 900.0
"""The same if the model did answer before: an outage is waited out."""
LONGEST = 600
"""Characters of a provider's words that are kept; of longer ones, both ends."""

Kind = Literal["key", "forbidden", "unknown", "quota", "client", "connection", "transient", "other"]
"""Why a call failed."""
REFUSALS = ("key", "forbidden", "unknown", "quota", "client")
"""Failures that no later attempt mends."""

_QUOTA = re.compile(
    r"insufficient[_ ](quota|balance|credit|funds)|exceeded your current quota|"
    r"credit balance is too low|billing|payment required",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"model[_ ]not[_ ]found|model .{0,80}(does not exist|not found)|"
    r"model identifier is invalid|unknown model|no such model",
    re.IGNORECASE | re.DOTALL,
)


class ProviderError(Exception):
    """A failed call, in the provider's own words, shortened and without keys.

    Args:
        words: What the provider said.
        kind: Why the call failed.
        retry: Whether another attempt may succeed, as the provider's client judges it.
        status_code: The HTTP status; None without one.
    """

    def __init__(
        self, words: str, kind: Kind, retry: RetryDecision, status_code: int | None = None
    ) -> None:
        super().__init__(words)
        self.words, self.kind, self.retry, self.status_code = words, kind, retry, status_code


class StoppedRun:
    """Whether the current run is to be stopped, and why."""

    def __init__(self) -> None:
        self.error: CorneredError | None = None
        self.on_stop: Callable[[], None] = lambda: None
        """Called once, in the event loop of the run."""
        self.announce: Callable[[str, float], None] = print_waiting
        """Shows a line and for how many seconds it holds."""
        self.gates: list[Gate] = []
        self.equal_failures = EQUAL_FAILURES
        """Refusals in a row that stop it; fewer where it has fewer trials."""

    def raise_refusals(self) -> None:
        """Raises the refusal of a model that never answered, if there is one.

        Raises:
            ModelError: what the provider said, and what to do.
        """
        for gate in self.gates:
            if gate.refusal:
                raise gate.refusal

    def stop(self, error: CorneredError) -> None:
        """Stops the run for this error; a later one changes nothing."""
        if self.error is None:
            self.error = error
            self.on_stop()


def print_waiting(line: str, seconds: float) -> None:
    """Prints a line to standard error, if there still is one."""
    del seconds
    with contextlib.suppress(OSError, ValueError):
        say(line)


_runs: list[StoppedRun] = [StoppedRun()]


def current_run() -> StoppedRun:
    """The run that is going on; outside of one, a run that nobody stops."""
    return _runs[-1]


@contextmanager
def stoppable() -> Iterator[StoppedRun]:
    """A run that its providers can stop. A refusal that stopped it is raised at the end.

    Raises:
        CorneredError: the run was stopped.
    """
    run = StoppedRun()
    run.announce = current_run().announce
    _runs.append(run)
    try:
        yield run
    except BaseException:
        if run.error:
            raise run.error from None
        raise
    finally:
        _runs.remove(run)
    if run.error:
        raise run.error


def bounded(text: str, longest: int = LONGEST) -> str:
    """The text in one line; of a longer one the beginning and the end."""
    return ends(text, longest) or ""


def provider_words(error: BaseException) -> str:
    """What a provider says of a failed call: its message, else the error's own, in one line."""
    said = _message(getattr(error, "body", None)) or str(error)
    cause, deepest = error.__cause__ or error.__context__, ""
    while cause is not None:
        deepest = str(cause) or deepest
        cause = cause.__cause__ or cause.__context__
    if deepest and _status(error) is None and deepest not in said:
        said = f"{said} {deepest}"
    status = _status(error)
    words = bounded(redact(said)) or type(error).__name__
    return words if status is None or str(status) in words[:40] else f"{status}: {words}"


def _message(body: Any) -> str:
    """The message in the body of an error, in any of the common forms."""
    for _ in range(4):
        if isinstance(body, str):
            return body
        if isinstance(body, list) and body:
            body = body[0]
        if not isinstance(body, dict):
            return ""
        body = next((body[k] for k in ("message", "error", "detail", "Message") if body.get(k)), "")
    return body if isinstance(body, str) else ""


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and 100 <= value < 600:
                return value
    return None


def failure_kind(error: BaseException, words: str, *, retried: bool) -> Kind:
    """Why a call failed.

    Args:
        error: The error of the provider's client.
        words: What the provider says, as from `provider_words`.
        retried: Whether the client holds it for passing.
    """
    status = _status(error)
    if isinstance(error, ImportError | PrerequisiteError):
        return "client"
    if status == 402 or (status in (400, 403, 429) and _QUOTA.search(words)):
        return "quota"
    if status == 401:
        return "key"
    if status == 404 or (status == 400 and _UNKNOWN.search(words)):
        return "unknown"
    if status in (403, 451):
        return "forbidden"
    if status is None and _is_connection(error):
        return "connection"
    return "transient" if retried else "other"


def _is_connection(error: BaseException | None) -> bool:
    """Whether no connection could be made, or it broke before an answer."""
    while error is not None:
        name = type(error).__name__
        if "Timeout" in name and "Connect" not in name:
            return False
        if isinstance(error, ConnectionError) or "Connect" in name or "ProtocolError" in name:
            return True
        if isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return True
        error = error.__cause__ or error.__context__
    return False


@dataclass
class _Row:
    """Equal failures in a row."""

    kind: Kind
    words: str
    first: float
    count: int = 1


class Gate:
    """The gate of one model.

    Args:
        model: The model; its calls pass the gate from now on.
        role: What it is in the run, such as `judge`.
        patient: Whether outages are waited out; a check before a run is not patient.
    """

    def __init__(self, model: Model, role: str, *, patient: bool = True) -> None:
        self.name, self.role, self.patient = str(model), role, patient
        self._api: ModelAPI = model.api
        self._generate = self._api.generate
        self._should_retry = self._api.should_retry
        self._answers = 0
        self._slowest = 0.0
        self._last_answer = time.monotonic()
        self._failing_since: float | None = None
        self._row: _Row | None = None
        self._announced: dict[str, float] = {}
        api: Any = self._api
        api.generate, api.should_retry = self.generate, self.should_retry
        wait = self._api.retry_wait() or wait_exponential_jitter(initial=2, max=60, jitter=2)
        api.retry_wait = lambda: self._waiting(wait)
        _hide_base_url(api)
        current_run().gates.append(self)

    @property
    def refusal(self) -> CorneredError | None:
        """The refusal of a model that never answered; None if it did, or just failed for now."""
        row = self._row
        if self._answers or row is None or row.kind == "transient":
            return None
        return self._error(row)

    async def generate(self, *args: Any, **kwargs: Any) -> Any:
        """One attempt of one call.

        Raises:
            ProviderError: it failed.
        """
        run = current_run()
        if run.error:
            raise ProviderError(str(run.error), "other", RetryDecision.no())
        client: Any = getattr(self._api, "client", None)
        if getattr(client, "max_retries", 0):
            # The client would wait and try again in silence; Inspect does that for all of them.
            with contextlib.suppress(AttributeError):
                client.max_retries = 0
        begun = time.monotonic()
        failure: BaseException | None
        result: Any = None
        with self._slow_call(), anyio.move_on_after(self._limit()) as limit:
            try:
                result = await self._generate(*args, **kwargs)
                failure = None
            except (CorneredError, LimitExceededError):
                raise
            except Exception as e:
                failure = e
        if limit.cancelled_caught:
            seconds = time.monotonic() - begun
            error = ProviderError(
                f"no answer in {seconds:.0f} s", "transient", RetryDecision.transient()
            )
        else:
            output = result[0] if isinstance(result, tuple) else result
            failure = output if isinstance(output, Exception) else failure
            if failure is None:
                self._answered(time.monotonic() - begun)
                return result
            error = self._provider_error(failure)
            # An error must not carry the provider's own, whose text is neither short nor redacted.
            failure = output = result = None
        self._failed(error)
        raise error

    def should_retry(self, error: Exception) -> Any:
        """Whether a failed call is tried again."""
        if isinstance(error, ProviderError):
            return RetryDecision.no() if current_run().error else error.retry
        return self._should_retry(error)

    def _limit(self) -> float | None:
        """Seconds that an attempt may take; None for our own models, which queue their calls."""
        if self.name.startswith("cornered/"):
            return None
        first = FIRST_LIMIT if self.role == "model" else JUDGE_LIMIT
        if not self.patient:
            first = LEAST_LIMIT
        if self._answers < LEARNT:
            return first
        return min(first, max(LEAST_LIMIT, SLOWER * self._slowest))

    def _provider_error(self, failure: BaseException) -> ProviderError:
        decision: Any = RetryDecision.no()
        if isinstance(failure, Exception):
            decision = self._should_retry(failure)
        if not isinstance(decision, RetryDecision):
            decision = RetryDecision.transient() if decision else RetryDecision.no()
        words = provider_words(failure)
        kind = failure_kind(failure, words, retried=decision.retry)
        if kind in REFUSALS:
            decision = RetryDecision.no()
        elif decision.retry and decision.retry_after is None:
            after = parse_retry_after_from_exception(failure)
            if after is not None:
                decision = RetryDecision(retry=True, kind=decision.kind, retry_after=after)
        return ProviderError(words, kind, decision, _status(failure))

    def _answered(self, seconds: float) -> None:
        self._answers += 1
        self._slowest = max(self._slowest, seconds)
        self._last_answer = time.monotonic()
        self._failing_since = self._row = None

    def _failed(self, error: ProviderError) -> None:
        """Records a failed attempt, and stops the run if there have been enough."""
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        row = self._row
        # Words may differ by a request's number; the kind of a refusal does not.
        same = row and row.kind == error.kind and (error.kind != "other" or row.words == str(error))
        if row and same:
            row.count, row.words = row.count + 1, str(error)
        else:
            row = self._row = _Row(error.kind, str(error), now)
        if self._is_enough(row, now):
            current_run().stop(self._error(row))

    def _is_enough(self, row: _Row, now: float) -> bool:
        if self._failing_since is None:
            return False
        lasted = now - self._failing_since
        if row.kind in REFUSALS:
            return row.count >= current_run().equal_failures
        if row.kind == "other":
            return not self._answers and row.count >= EQUAL_ERRORS
        if row.kind == "connection" and not self._answers and row.count >= EQUAL_FAILURES:
            return lasted >= DEAD_SECONDS
        if not self.patient:
            return lasted >= SLOW
        return lasted >= (OUTAGE_SECONDS if self._answers else SILENT_SECONDS)

    def _error(self, row: _Row) -> CorneredError:
        what, fix = _advice(row.kind, self._api)
        return ModelError(
            f"{what} ({bounded(row.words, 300)})",
            where=f"{self.role} {self.name}",
            fix=f"{fix}; the same command continues from here",
        )

    def _waiting(self, wait: WaitBaseT) -> Callable[[RetryCallState], float]:
        """The pause before the next attempt: as the provider asks, or longer at each attempt."""

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            retry = error.retry if isinstance(error, ProviderError) else None
            asked = retry.retry_after if retry else None
            own = float(wait(state)) if callable(wait) else 0.0
            seconds = min(LONGEST_WAIT, max(asked, 0.0) if asked is not None else own)
            if current_run().error:
                return 0.0
            if not self.patient and seconds > SLOW:
                seconds = SLOW
            self._announce(_reason(error), seconds)
            return seconds

        return pause

    def _announce(self, why: str, seconds: float) -> None:
        now = time.monotonic()
        if seconds < 1 or now < self._announced.get(why, 0.0):
            return
        # Many calls wait at once: one line says it for all of them.
        self._announced[why] = now + min(seconds, 10.0)
        line = f"waiting for {self.name}: {why}, next try in {seconds:.0f} s"
        current_run().announce(line, seconds)

    @contextmanager
    def _slow_call(self) -> Iterator[None]:
        """Says so while a call takes long and the model answers no other one."""
        limit = self._limit()
        begun = time.monotonic()

        def tell() -> None:
            now = time.monotonic()
            silent = now - max(begun, self._last_answer)
            if silent >= SLOW and now >= self._announced.get("silence", 0.0):
                self._announced["silence"] = now + SLOW / 2
                until = f", given up at {limit:.0f} s" if limit else ""
                line = f"waiting for {self.name}: no answer for {silent:.0f} s{until}"
                current_run().announce(line, SLOW)
            timers[0] = loop.call_later(SLOW, tell)

        if limit is None:
            yield
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # another event loop than asyncio's
            yield
            return
        timers = [loop.call_later(SLOW, tell)]
        try:
            yield
        finally:
            timers[0].cancel()


def _reason(error: BaseException | None) -> str:
    """Why a call is tried again, in a few words."""
    if isinstance(error, ProviderError):
        if error.status_code:
            return str(error.status_code)
        return "no connection" if error.kind == "connection" else bounded(error.words, 60)
    return type(error).__name__ if error else "a failure"


def _advice(kind: Kind, api: ModelAPI) -> tuple[str, str]:
    """What is wrong, and what to do."""
    keys = getattr(api, "api_key_vars", None) or []
    key = str(keys[0]) if keys else "its key"
    url = redact(str(getattr(api, "base_url", None) or ""))
    at = f" at {url}" if url else ""
    match kind:
        case "key":
            return f"the provider refuses the key{at}", f"check {key}"
        case "forbidden":
            return (
                f"the provider refuses to serve{at}",
                f"check that {key} may use this model, and from this region",
            )
        case "unknown":
            return f"the provider does not have this model{at}", "check its name and the base URL"
        case "quota":
            return "there is no quota left", "top up the account, or choose another model"
        case "client":
            return "its client cannot be used", "install what is missing"
        case "connection":
            return f"no connection{at}", "check the network and the base URL"
        case "transient":
            return "nothing but failures", "wait, or choose another model"
        case _:
            return "every call fails", "change the setting that the provider names"


def _hide_base_url(api: Any) -> None:
    """Keeps credentials of a base URL in the client only: logs have the URL without them."""
    real = getattr(api, "base_url", None)
    if not isinstance(real, str) or redact(real) == real:
        return
    initialize = api.initialize

    def with_real_url() -> None:
        api.base_url = real
        try:
            initialize()
        finally:
            api.base_url = redact(real)

    api.initialize = with_real_url
    api.base_url = redact(real)
