"""Draws of one prompt share a request, each is its own answer, and nothing is counted twice."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
    ModelCall,
    ModelUsage,
    ResponseSchema,
    get_model,
)
from inspect_ai.tool import ToolInfo
from inspect_ai.util import JSONSchema

from cornered.errors import ModelError
from cornered.models import embedded
from cornered.models.embedded import Draw, DrawRequest, EmbeddedAPI, Gatherer, _split

KEY = "a-secret-key"
ASK: list[ChatMessage] = [ChatMessageSystem(content="Be Alex."), ChatMessageUser(content="Act.")]


# --- gathering, with an upstream that is a coroutine -------------------------------------


def a_prompt(text: str = "a", seed: int | None = None) -> DrawRequest:
    return DrawRequest((("user", text),), "{}", 10, seed)


class Recorder:
    """Answers every group at once, or once it `may`; at most `most` draws at once."""

    def __init__(self, error: Exception | None = None, most: int = 8, *, waits: bool = False):
        self.error, self.most = error, most
        self.begun, self.may = asyncio.Event(), asyncio.Event()
        if not waits:
            self.may.set()
        self.groups: list[tuple[DrawRequest, list[str]]] = []
        self.cancelled = 0
        self.running = 0

    async def answer(self, prompt: DrawRequest, names: Sequence[str]) -> list[Draw]:
        self.groups.append((prompt, list(names)))
        self.running += 1
        assert self.running == 1, "one request at a time"
        self.begun.set()
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        if self.error:
            raise self.error
        call = ModelCall.create({}, {})
        return [Draw(name, "stop", ModelUsage(), 1, call) for name in names][: self.most]

    @property
    def sizes(self) -> list[int]:
        return [len(names) for _, names in self.groups]


def test_24_draws_of_one_prompt_are_three_requests_of_eight() -> None:
    upstream = Recorder()

    async def main() -> list[Draw]:
        gatherer = Gatherer(upstream, window=0.01)
        return await asyncio.gather(*(gatherer.draw(a_prompt()) for _ in range(24)))

    draws = asyncio.run(main())

    assert upstream.sizes == [8, 8, 8]
    assert len({draw.text for draw in draws}) == 24


def test_draws_that_arrive_while_a_request_runs_wait_and_gather() -> None:
    upstream = Recorder(waits=True)

    async def main() -> None:
        gatherer = Gatherer(upstream, window=0.01)
        draws = [asyncio.create_task(gatherer.draw(a_prompt())) for _ in range(8)]
        await upstream.begun.wait()
        for _ in range(5):
            draws.append(asyncio.create_task(gatherer.draw(a_prompt())))
            await asyncio.sleep(0.02)  # longer than the window
        upstream.may.set()
        await asyncio.gather(*draws)

    asyncio.run(main())

    assert upstream.sizes == [8, 5]


def test_different_prompts_never_share_and_the_prompt_still_held_goes_first() -> None:
    upstream = Recorder()
    prompts = [a_prompt("a")] * 10 + [a_prompt("b")] * 9

    async def main() -> None:
        gatherer = Gatherer(upstream, window=0.01)
        await asyncio.gather(*(gatherer.draw(prompt) for prompt in prompts))

    asyncio.run(main())

    asked = [(prompt.messages[0][1], len(names)) for prompt, names in upstream.groups]
    assert asked == [("a", 8), ("a", 2), ("b", 8), ("b", 1)]


def test_what_does_not_fit_into_one_request_goes_into_the_next() -> None:
    upstream = Recorder(most=3)

    async def main() -> list[Draw]:
        gatherer = Gatherer(upstream, window=0.01)
        return await asyncio.gather(*(gatherer.draw(a_prompt()) for _ in range(8)))

    draws = asyncio.run(main())

    assert upstream.sizes == [8, 5, 2]
    assert len({draw.text for draw in draws}) == 8


def test_a_cancelled_draw_leaves_its_group_alone() -> None:
    upstream = Recorder(waits=True)

    async def main() -> list[Any]:
        gatherer = Gatherer(upstream, window=0.01)
        tasks = [asyncio.create_task(gatherer.draw(a_prompt())) for _ in range(4)]
        await upstream.begun.wait()
        tasks[0].cancel()
        await asyncio.sleep(0.01)
        upstream.may.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(main())

    assert [type(result).__name__ for result in results] == ["CancelledError"] + ["Draw"] * 3
    assert (upstream.sizes, upstream.cancelled) == ([4], 0)


def test_a_draw_cancelled_before_its_request_is_not_asked_for() -> None:
    upstream = Recorder()

    async def main() -> None:
        gatherer = Gatherer(upstream, window=0.05)
        tasks = [asyncio.create_task(gatherer.draw(a_prompt())) for _ in range(4)]
        await asyncio.sleep(0)  # they have asked, and the window is open
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())

    assert upstream.sizes == [3]


def test_the_request_is_cancelled_when_nobody_waits_and_the_next_one_works() -> None:
    upstream = Recorder(waits=True)

    async def main() -> Draw:
        gatherer = Gatherer(upstream, window=0.01)
        tasks = [asyncio.create_task(gatherer.draw(a_prompt())) for _ in range(4)]
        await upstream.begun.wait()
        for task in tasks:
            task.cancel()
        asyncio.get_running_loop().call_later(0.05, upstream.may.set)
        return await gatherer.draw(a_prompt("b"))

    draw = asyncio.run(main())

    assert draw.stop_reason == "stop"
    assert (upstream.sizes, upstream.cancelled) == ([4, 1], 1)


def test_a_failure_reaches_every_draw_of_its_group_only() -> None:
    upstream = Recorder(error=httpx.ReadError("gone"))

    async def main() -> list[Any]:
        gatherer = Gatherer(upstream, window=0.01)
        bad = [gatherer.draw(a_prompt()) for _ in range(4)]
        results = await asyncio.gather(*bad, return_exceptions=True)
        upstream.error = None
        return [*results, await gatherer.draw(a_prompt())]

    results = asyncio.run(main())

    assert [type(result).__name__ for result in results] == ["ReadError"] * 4 + ["Draw"]


@given(st.integers(0, 10**6), st.integers(1, 8))
def test_a_split_loses_nothing(total: int, n: int) -> None:
    parts = _split(total, n)

    assert sum(parts) == total
    assert len(parts) == n
    assert parts == sorted(parts, reverse=True)


@given(st.integers(0, 2**31), st.lists(st.text(), min_size=1, max_size=8))
def test_a_seed_repeats_for_the_same_trials_only(seed: int, names: list[str]) -> None:
    prompt = a_prompt(seed=seed)

    assert prompt.seed_for(names) == prompt.seed_for(names)
    assert abs(prompt.seed_for(names) - prompt.seed_for([*names, "more"])) not in range(1, 8)
    # The engine counts up from the seed, so the seeds of a request are 8 in a row.
    assert prompt.seed_for(names) % 8 == 0
    assert 0 <= prompt.seed_for(names) < 2**31


def test_without_a_seed_no_two_requests_are_alike() -> None:
    assert len({a_prompt().seed_for(["a"]) for _ in range(50)}) == 50


# --- the provider, over HTTP to a stand-in for the engine --------------------------------


class FakeEngine:
    """What of llama.cpp's server the provider uses; counts words as tokens."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.keys: set[str | None] = set()
        self.refuse: str | None = None
        self.drop = False
        self.stop_type = "eos"
        self.content: str | None = None
        self.cached = 0
        self.alive = True
        self.context, self.cells = 20_000, 20_000
        self.model, self.headers = "fake", {"Authorization": f"Bearer {KEY}"}
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                engine.requests.append((self.path, body))
                engine.keys.add(self.headers["Authorization"])
                if engine.drop and self.path == "/completion":
                    self.connection.close()
                    return
                answer = engine.answer(self.path, body)
                self.send_response(200 if engine.refuse is None else 500)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if self.refuse is not None:
            return {"error": self.refuse}
        if path == "/apply-template":
            return {"prompt": " ".join(m["content"] for m in body["messages"])}
        if path == "/tokenize":
            return {"tokens": list(range(len(body["content"].split())))}
        prompt_n = len(body["prompt"]) - self.cached
        choices = [
            {
                "index": index,
                "content": self.content or f"answer {index} of seed {body['seed']}",
                "tokens_predicted": 10 + index,
                "tokens_evaluated": len(body["prompt"]),
                "stop_type": self.stop_type,
                "timings": {"prompt_n": prompt_n, "cache_n": self.cached},
                "prompt": "the whole prompt again",
            }
            for index in range(body["n"])
        ]
        return choices if body["n"] > 1 else choices[0]

    def completions(self) -> list[dict[str, Any]]:
        return [body for path, body in self.requests if path == "/completion"]

    def died(self) -> ModelError:
        return ModelError("the engine of the embedded model ended: out of memory")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    engine = FakeEngine()
    monkeypatch.setattr(embedded, "shared_server", lambda: engine)
    monkeypatch.setattr(embedded, "require_engine", lambda: None)
    monkeypatch.setattr(embedded, "require_weights", lambda: None)
    yield engine
    engine.http.shutdown()
    engine.http.server_close()


def draws(n: int = 1, messages: list[ChatMessage] = ASK, **config: Any) -> list[Any]:
    """What the provider gives for `n` concurrent draws: (output, call) pairs."""

    async def main() -> list[Any]:
        api = EmbeddedAPI("embedded", GenerateConfig())
        options = GenerateConfig(**config)
        calls = (api.generate(messages, [], "auto", options) for _ in range(n))
        return await asyncio.gather(*calls)

    return asyncio.run(main())


def test_usage_is_what_was_computed(engine: FakeEngine) -> None:
    engine.cached = 101
    long = [ChatMessageUser(content="word " * 205)]

    usages = [output.usage for output, _ in draws(3, long)]

    assert [usage.input_tokens for usage in usages] == [36, 34, 34]
    assert [usage.input_tokens_cache_read for usage in usages] == [35, 33, 33]
    assert [usage.output_tokens for usage in usages] == [10, 11, 12]
    assert sum(usage.total_tokens for usage in usages) == 205 + 33


def test_the_log_shows_the_request_and_this_answer_but_not_the_key(engine: FakeEngine) -> None:
    pairs = draws(2, temperature=0.5, max_tokens=77)

    assert engine.keys == {f"Bearer {KEY}"}
    for index, (output, call) in enumerate(pairs):
        assert call.request["messages"] == [
            {"role": "system", "content": "Be Alex."},
            {"role": "user", "content": "Act."},
        ]
        assert (call.request["n"], call.request["n_predict"]) == (2, 77)
        assert call.request["temperature"] == 0.5
        assert call.response["index"] == index
        assert call.response["content"] == output.completion
        assert KEY not in call.model_dump_json()


def test_options_reach_the_engine_and_have_defaults(engine: FakeEngine) -> None:
    draws()
    draws(
        temperature=0.0,
        top_p=0.5,
        top_k=7,
        stop_seqs=["END"],
        frequency_penalty=0.25,
        presence_penalty=0.75,
        logit_bias={5: -1.5},
        max_tokens=9,
    )

    plain, full = engine.completions()
    assert {k: plain[k] for k in ("temperature", "top_p", "top_k", "n_predict", "n")} == {
        "temperature": 1.0,
        "top_p": 0.95,
        "top_k": 40,
        "n_predict": 1024,
        "n": 1,
    }
    assert (
        full.items()
        >= {
            "temperature": 0.0,
            "top_p": 0.5,
            "top_k": 7,
            "stop": ["END"],
            "frequency_penalty": 0.25,
            "presence_penalty": 0.75,
            "logit_bias": [[5, -1.5]],
            "n_predict": 9,
        }.items()
    )


def test_transport_options_do_not_split_a_group(engine: FakeEngine) -> None:
    async def main() -> None:
        api = EmbeddedAPI("embedded", GenerateConfig())
        configs = [GenerateConfig(timeout=n, max_retries=n, max_connections=n) for n in (1, 2, 3)]
        await asyncio.gather(*(api.generate(ASK, [], "auto", config) for config in configs))

    asyncio.run(main())

    assert [body["n"] for body in engine.completions()] == [3]


def test_a_seed_gives_the_same_draws_again_and_never_twice_the_same(engine: FakeEngine) -> None:
    first = [output.completion for output, _ in draws(4, seed=7)]
    again = [output.completion for output, _ in draws(4, seed=7)]
    other = [output.completion for output, _ in draws(4, seed=8)]

    assert first == again
    assert len(set(first) | set(other)) == 8


def test_a_resumed_run_with_a_seed_does_not_repeat_earlier_trials(engine: FakeEngine) -> None:
    def answers(ids: list[str]) -> set[str]:
        task = Task(dataset=[Sample(id=name, input="Act.") for name in ids], name="cell")
        [log] = inspect_eval(
            task,
            model=get_model("cornered/embedded"),
            seed=7,
            max_connections=8,
            display="none",
            log_format="json",
            log_dir="memory://embedded",
        )
        assert log.status == "success", log.error
        assert log.samples
        return {sample.output.completion for sample in log.samples}

    first, again = answers(["d1", "d2"]), answers(["d1", "d2"])
    added = answers(["d3", "d4"])

    assert first == again
    assert len(first) == len(added) == 2
    assert not first & added


@pytest.mark.parametrize(("stop_type", "reason"), [("eos", "stop"), ("limit", "max_tokens")])
def test_stop_reasons(engine: FakeEngine, stop_type: str, reason: str) -> None:
    engine.stop_type = stop_type

    [(output, _)] = draws(max_tokens=5)

    assert output.stop_reason == reason


def test_an_answer_cut_by_the_context_says_so(engine: FakeEngine) -> None:
    engine.stop_type, engine.context = "limit", 20

    [(output, _)] = draws(max_tokens=100)

    assert output.stop_reason == "model_length"
    assert engine.completions()[0]["n_predict"] == 17


def test_a_prompt_that_does_not_fit_is_an_empty_answer_with_its_reason(engine: FakeEngine) -> None:
    engine.context = 3

    [(output, call), _] = draws(2)

    assert (output.completion, output.stop_reason) == ("", "model_length")
    assert "3 tokens" in output.error
    assert engine.completions() == []
    assert "3 tokens" in call.response["error"]


def test_a_group_that_does_not_fit_into_memory_is_divided(engine: FakeEngine) -> None:
    engine.cells = 3 + 2 * 100

    pairs = draws(5, max_tokens=100)

    assert [body["n"] for body in engine.completions()] == [2, 2, 1]
    assert len({output.completion for output, _ in pairs}) == 5


def test_a_refusal_by_the_engine_is_told_and_not_retried(engine: FakeEngine) -> None:
    engine.refuse = "no such thing"

    with pytest.raises(ModelError, match="no such thing"):
        draws()


def test_a_dead_engine_is_told_with_its_last_words(engine: FakeEngine) -> None:
    engine.drop, engine.alive = True, False

    with pytest.raises(ModelError, match="out of memory"):
        draws(2)


def test_a_broken_connection_to_a_living_engine_is_left_to_the_retry(engine: FakeEngine) -> None:
    engine.drop = True

    with pytest.raises(httpx.TransportError):
        draws()


def test_only_a_broken_connection_is_retried(engine: FakeEngine) -> None:
    api = EmbeddedAPI("embedded", GenerateConfig())

    assert api.should_retry(httpx.ReadError("gone"))
    assert not api.should_retry(ModelError("the engine ended"))
    assert not api.should_retry(ValueError())


SEND = ToolInfo(name="send", description="Send a mail.")


def with_tools(**config: Any) -> Any:
    api = EmbeddedAPI("embedded", GenerateConfig())
    return asyncio.run(api.generate(ASK, [SEND], "auto", GenerateConfig(**config)))


def test_with_tools_an_answer_is_a_call(engine: FakeEngine) -> None:
    engine.content = '{"name": "send", "arguments": {}}'

    output, _ = with_tools()

    [request] = engine.completions()
    assert request["json_schema"]["anyOf"][0]["properties"]["name"] == {"const": "send"}
    assert list(request["json_schema"]["anyOf"][0]["properties"]) == ["name", "arguments"]
    assert "send(): Send a mail." in engine.requests[0][1]["messages"][0]["content"]
    assert [call.function for call in output.message.tool_calls] == ["send"]
    assert (output.stop_reason, output.completion) == ("tool_calls", "")


def test_a_call_that_is_cut_off_is_told_to_the_agent(engine: FakeEngine) -> None:
    engine.content, engine.stop_type = '{"name": "send", "arguments": {"to": "a', "limit"

    output, _ = with_tools(max_tokens=5)

    assert output.stop_reason == "max_tokens"
    assert output.message.tool_calls[0].parse_error


def test_tools_and_a_conversation_that_no_longer_fit_end_it(engine: FakeEngine) -> None:
    engine.context = 50  # the tools alone take more

    output, _ = with_tools()

    assert (output.stop_reason, output.message.tool_calls) == ("model_length", None)
    assert "the model takes 50" in output.error


def test_tools_and_a_response_schema_are_refused(engine: FakeEngine) -> None:
    schema = ResponseSchema(name="x", json_schema=JSONSchema(type="object"))
    with pytest.raises(ModelError, match="tools and a response_schema at once"):
        with_tools(response_schema=schema)


@pytest.mark.parametrize(
    "message",
    [
        ChatMessageUser(content=[ContentText(text="a"), ContentImage(image="x.png")]),
        ChatMessageTool(content=[ContentImage(image="x.png")]),
    ],
)
def test_what_is_not_text_is_refused(engine: FakeEngine, message: ChatMessage) -> None:
    with pytest.raises(ModelError, match="embedded model reads"):
        draws(messages=[message])


@pytest.mark.parametrize("option", [{"num_choices": 2}, {"logprobs": True}])
def test_options_that_would_be_ignored_are_refused(engine: FakeEngine, option: Any) -> None:
    with pytest.raises(ModelError, match=f"does not support {next(iter(option))}"):
        draws(**option)


def test_an_unknown_model_argument_is_refused(engine: FakeEngine) -> None:
    with pytest.raises(ModelError, match="takes no model argument device"):
        EmbeddedAPI("embedded", GenerateConfig(), device="cuda")
