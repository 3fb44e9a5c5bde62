"""Agents that are commands: whatever they do, the trial stands, and none counts as safe."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mcp", reason="the extra `serve` is not installed")

from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.agent import as_solver
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import ToolDef, ToolParams
from inspect_ai.util import JSONSchema

from cornered.errors import ExperimentError
from cornered.surface.serve.command import command_agent
from cornered.surface.serve.process import KEPT
from cornered.surface.serve.record import AGENT_KEY, AgentRecord
from cornered.surface.serve.words import PLACEHOLDERS, read_command

RAW = Path(__file__).parent / "agents" / "raw.py"
OFFICIAL = Path(__file__).parent / "agents" / "official.py"
LIMITS = {"hangs": 6.0, "asleep": 1.0}
"""Seconds; other agents have ten minutes, which none of them needs."""
COMMANDS = {
    name: f"{sys.executable} {RAW} {name}"
    for name in (
        [
            "good",
            "crashes",
            "killed",
            "hangs",
            "asleep",
            "absent",
            "lists",
            "malformed",
            "forks",
            "vanishes",
        ]
    )
} | {
    "official": f'{sys.executable} {OFFICIAL} {{task_file}} note \'{{{{"text": "by the SDK"}}}}\'',
    "prints": f"{sys.executable} {RAW} prints 40",
    "many": f"{sys.executable} {RAW} many 30",
    "words": f"{sys.executable} {RAW} task {{task}} {{task_file}} 'a b' '{{{{}}}}' {{mcp_config}}",
    "apart": f"{sys.executable} {RAW} task {{task}} {{system}}",
}


@solver
def noting() -> Solver:
    """A trial with one tool, `note`, whose agent is the command that its sample names."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        notes: list[str] = []

        async def note(text: str) -> str:
            notes.append(text)
            return "noted"

        tool = ToolDef(
            note,
            name="note",
            description="Note.",
            parameters=ToolParams(
                properties={"text": JSONSchema(type="string")}, required=["text"]
            ),
        )
        agent = command_agent(
            state.metadata["command"], [tool], time_limit=LIMITS.get(str(state.sample_id), 600)
        )
        try:
            return await as_solver(agent)(state, generate)
        finally:
            state.store.set("notes", notes)

    return solve


def run(commands: dict[str, str], folder: Path, **settings: object) -> dict[str, EvalSample]:
    messages = [ChatMessageSystem(content="Be."), ChatMessageUser(content="Work {now}.")]
    samples = [
        Sample(id=name, input=messages, metadata={"command": command})
        for name, command in commands.items()
    ]
    (log,) = inspect_eval(
        Task(samples, solver=noting()),
        model="none/none",
        display="none",
        log_dir=str(folder),
        max_samples=len(samples),
        ctl_server=False,
        **settings,
    )
    assert log.status == "success", log.error
    return {str(sample.id): sample for sample in log.samples or []}


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EvalSample]:
    found = run(COMMANDS, tmp_path_factory.mktemp("logs"))
    if record(found["hangs"]).ending == "never_started":  # a busy machine needs longer to begin
        LIMITS["hangs"] = 120.0
        found |= run({"hangs": COMMANDS["hangs"]}, tmp_path_factory.mktemp("logs"))
    return found


def record(trial: EvalSample) -> AgentRecord:
    return AgentRecord.model_validate(trial.store[AGENT_KEY])


@pytest.mark.parametrize(
    ("name", "ending", "why"),
    [
        ("good", "stop", ""),
        ("crashes", "agent_failed", "exit code 3"),
        ("killed", "agent_failed", "signal 9 ended it"),
        ("hangs", "time_limit", "it was ended after {hangs:g} s"),
        ("asleep", "never_started", "it never asked for the tools; it was ended after 1 s"),
        ("absent", "never_started", "it never asked for the tools; exit code 0"),
        ("lists", "never_started", "it listed the tools and called none; exit code 0"),
        ("forks", "stop", ""),
    ],
)
def test_how_an_agent_ended_is_told(
    trials: dict[str, EvalSample], name: str, ending: str, why: str
) -> None:
    found = record(trials[name])
    assert (found.ending, found.why) == (ending, why.format(**LIMITS))


def test_every_call_is_one_turn_of_the_transcript_and_one_tool_event(
    trials: dict[str, EvalSample],
) -> None:
    trial = trials["many"]
    assert trial.store["notes"] == ["many", *map(str, range(30))]
    events = [e for e in trial.events if e.event == "tool"]
    assert [e.arguments["text"] for e in events] == trial.store["notes"]
    assert len(trial.messages) == 2 + 2 * 31


def test_the_official_client_is_an_agent(trials: dict[str, EvalSample]) -> None:
    trial = trials["official"]
    assert (record(trial).ending, record(trial).output) == ("stop", "noted\n")
    assert trial.store["notes"] == ["by the SDK"]


def test_a_call_is_carried_out_though_its_client_has_gone(trials: dict[str, EvalSample]) -> None:
    assert trials["vanishes"].store["notes"] == ["vanishes", "unanswered"]


def test_malformed_requests_are_refused_and_wrong_calls_are_errors(
    trials: dict[str, EvalSample],
) -> None:
    trial = trials["malformed"]
    assert record(trial).output.split() == ["401", "421", "400", "true", "true", "true", "false"]
    assert record(trial).refused == 3
    assert [len(note) for note in trial.store["notes"]] == [1_000_000]
    errors = [e.error.type for e in trial.events if e.event == "tool" and e.error]
    assert errors == ["parsing", "parsing"]


def test_the_end_of_the_output_is_kept_without_the_token(trials: dict[str, EvalSample]) -> None:
    output = record(trials["prints"]).output
    assert output.endswith("the end, with ***\n")
    assert len(output) <= KEPT
    assert len(output) > KEPT / 2


def test_nothing_that_it_started_outlives_a_command(trials: dict[str, EvalSample]) -> None:
    (shell,) = record(trials["forks"]).output.split()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        listed = subprocess.run(["ps", "-o", "pid=", "-g", shell], capture_output=True, text=True)
        state = subprocess.run(["ps", "-o", "stat=", "-p", shell], capture_output=True, text=True)
        if state.stdout.strip() in ("", "Z", "Zs"):
            return
        time.sleep(0.1)
    pytest.fail(f"{shell} still runs: {listed.stdout}")


def test_a_command_gets_its_words_without_a_shell(trials: dict[str, EvalSample]) -> None:
    task, task_file, spaced, braces, config = eval(record(trials["words"]).output)
    assert task == "Be.\n\nWork {now}."
    assert (spaced, braces) == ("a b", "{}")
    assert not os.path.exists(task_file)
    assert not os.path.exists(config)
    assert eval(record(trials["apart"]).output) == ["Work {now}.", "Be."]


def test_a_limit_of_the_trial_ends_the_command(tmp_path: Path) -> None:
    trial = run({"many": COMMANDS["many"]}, tmp_path, message_limit=8)["many"]
    assert trial.limit is not None
    assert trial.limit.type == "message"
    assert trial.store["notes"] == ["many", "0", "1"]
    assert record(trial).ending is None


def test_a_program_that_goes_before_the_trial_fails_the_trial(tmp_path: Path) -> None:
    program = tmp_path / "agent"
    program.write_text("#!/nowhere/interpreter\n")
    program.chmod(0o755)
    trial = run({"gone": shlex.quote(str(program))}, tmp_path / "logs")["gone"]
    assert record(trial).ending == "agent_failed"
    assert "could not be started (No such file or directory" in record(trial).why


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("", "an agent's command is empty"),
        ("no-such-program-anywhere {task}", "the program no-such-program-anywhere cannot be found"),
        ("sh -c 'unclosed", "cannot be split into words (no closing quotation)"),
        ("sh {tusk}", "there is no placeholder {tusk}"),
        ("sh {task.__class__}", "there is no placeholder {task.__class__}"),
        ("sh {task!r:>9}", "there is no placeholder {task}"),
        ("sh '{'", "there is no placeholder {}"),
        ("{task}", "the program itself is a placeholder"),
    ],
)
def test_a_wrong_command_is_refused_in_one_line(command: str, what: str) -> None:
    with pytest.raises(ExperimentError) as e:
        read_command(command)
    assert what in str(e.value)
    assert "\n" not in str(e.value)


def test_files_of_the_working_directory_are_found_from_the_folder_of_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agent {1}.py").write_text("")
    words = read_command("sh 'agent {{1}}.py' -v {task}")
    assert words[1].format(**dict.fromkeys(PLACEHOLDERS, "")) == "agent {1}.py"
    (tmp_path / "agent.py").write_text("")
    assert read_command("sh agent.py")[1] == str(tmp_path / "agent.py")
