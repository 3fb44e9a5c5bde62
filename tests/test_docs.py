"""What people read: it is short, its links and commands exist, and its shell blocks run."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from cornered.cli import main
from cornered.experiment import Experiment
from cornered.scenario.spec import PackSpec
from tests.run.helpers import always
from tests.run.helpers import cornered as command

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RUN_BY_TESTS = ("README.md", "docs/first-run.md")
AGENT = "cornered/scripted/examples/policies/report-agent.yaml"
JUDGE = "cornered/scripted/examples/policies/report-judge.yaml"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
"""A fenced block that is a whole file, under its path."""
LINK = re.compile(r"\]\(([^)#\s]+)")


def _hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "tools" / "hooks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks = _hooks()


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page that are in a language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for kind, body in BLOCK.findall(text) if kind == language]


def calls(page: str) -> list[str]:
    """The command lines in the shell blocks of a page."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].strip() for line in lines if line.strip()]


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Builds the documentation that a folder holds."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation, built."""
    made = tmp_path_factory.mktemp("site")
    done = build(ROOT, made)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples, and the run that the first page of the docs makes."""
    folder = tmp_path_factory.mktemp("place")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def scripted(line: str) -> list[str]:
    """The words of a command line, with scripted models in place of real ones and few trials."""
    words = shlex.split(line)[1:]
    for option, value in (("--model", AGENT), ("-m", AGENT), ("--judge", JUDGE), ("--samples", 2)):
        for at, word in enumerate(words):
            if word == option:
                words[at + 1] = str(value)
    return words


@pytest.mark.parametrize(("page", "words"), [("README.md", 1000), ("CONTRIBUTING.md", 700)])
def test_a_page_is_short(page: str, words: int) -> None:
    assert len((ROOT / page).read_text(encoding="utf-8").split()) <= words


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    links = [
        link
        for link in LINK.findall((ROOT / page).read_text(encoding="utf-8"))
        if not link.startswith("http")
    ]
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    "page",
    ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
    + [str(p.relative_to(ROOT)) for p in sorted(DOCS.rglob("*.md"))],
)
def test_a_page_names_commands_and_options_that_exist(page: str) -> None:
    assert list(hooks.wrong_commands((ROOT / page).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("run `cornered fly`", "`cornered fly`: there is no command fly"),
        ("`cornered run x --fast`", "`cornered run x --fast`: cornered run has no option --fast"),
        (
            "```sh\ncornered plan x \\\n    --fast=2  # why\n```\n",
            "`cornered plan x --fast=2`: cornered plan has no option --fast",
        ),
        ("`.venv/bin/cornered show --all`", "`cornered show --all`: cornered show has no option"),
        ("`cornered --verbose`", "`cornered --verbose`: there is no option --verbose"),
    ],
)
def test_an_unknown_command_or_option_is_seen(text: str, wrong: str) -> None:
    (seen,) = hooks.wrong_commands(text)
    assert seen.startswith(wrong)


def test_known_commands_and_negative_options_pass() -> None:
    text = "`cornered run x -m y --no-controls`, `cornered --help`, `cornered view RUN`, `cornered`"
    assert list(hooks.wrong_commands(text)) == []


def test_every_command_has_a_page_with_its_help(site: Path) -> None:
    for name in main.commands:
        page = (site / "commands" / f"{name}.html").read_text(encoding="utf-8")
        assert f"Usage: cornered {name}" in page
        assert "-h, --help" in page
        assert f'href="commands/{name}.html"' in (site / "commands.html").read_text("utf-8")


def test_scenarios_are_listed_with_their_levels(site: Path) -> None:
    page = (site / "scenarios.html").read_text(encoding="utf-8")
    for name in ("am/blackmail", "blackmail", "espionage", "lethal"):
        assert re.search(rf"<h3[^>]*>{name}<", page)
    assert "credible-channel" in page
    assert "<!-- generated" not in page


def test_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    fetched = re.compile(
        r"<(?:script|img|iframe)[^>]+src=\"?(?:https?:)?//|<link[^>]+rel=\"?(?:stylesheet|preconnect|"
        r"icon)\"?[^>]+href=\"?(?:https?:)?//"
    )
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    assert [p.name for p in pages if fetched.search(p.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("See [this](nowhere.md).", "nowhere.md"),
        ("See [this](verdicts.md#nothing).", "nothing"),
        ("Run `cornered fly`.", "there is no command fly"),
    ],
)
def test_a_wrong_page_is_not_built(tmp_path: Path, added: str, message: str) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs" / "import.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{added}\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr


@pytest.mark.parametrize("line", [c for p in RUN_BY_TESTS for c in calls(p) if c[:5] == "make "])
def test_targets_of_make_exist(line: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/install.md"])
def test_extras_exist(page: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {
        extra
        for extras in re.findall(r"pip install '\.\[([\w,]+)\]'", text)
        for extra in extras.split(",")
    }
    assert named
    assert named <= set(project["optional-dependencies"])


def test_every_extra_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (DOCS / "install.md").read_text(encoding="utf-8")
    assert [
        e for e in project["optional-dependencies"] if e != "dev" and f"`{e}`" not in text
    ] == []


def test_every_key_of_an_experiment_is_explained() -> None:
    text = (DOCS / "experiments.md").read_text(encoding="utf-8")
    assert [k for k in Experiment.model_fields if f"\n| `{k}` |" not in text] == []


@pytest.mark.parametrize("page", RUN_BY_TESTS)
def test_every_shell_line_is_run_or_exempt(page: str) -> None:
    first = {line.split()[0] for line in calls(page)}
    assert first <= {"make", "pip", "cornered"}
    assert "cornered" in first


@pytest.mark.parametrize("page", RUN_BY_TESTS)
def test_shell_blocks_run(page: str, place: Path) -> None:
    for line in calls(page):
        if line.startswith("cornered "):
            done = command(*scripted(line), cwd=place)
            # 1: it ran, and some trials have no verdict, as the scripted agent wills it.
            assert done.code in (0, 1), f"{line}\n{done.err}"
            assert "error:" not in done.err, f"{line}\n{done.err}"


def test_the_run_of_the_first_page_ends_as_the_page_says(place: Path) -> None:
    done = command("run", "examples/without-a-model.yaml", cwd=place)
    (shown,) = (b for b in blocks("docs/first-run.md", "text") if b.startswith("run "))
    assert done.out.endswith(shown)
    assert done.code == 1


SILENCES = """\
      - text: |
          <tool_use:cancel_alert>
          code: K4-11
          </tool_use:cancel_alert>
"""


def test_the_pack_that_a_page_writes_out_passes_the_lint_and_runs(tmp_path: Path) -> None:
    files = FILE.findall((DOCS / "writing-a-pack.md").read_text(encoding="utf-8"))
    assert len(files) == 7
    for name, text in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "agent.yaml").write_text(always(SILENCES), encoding="utf-8")
    assert command("check", "kiln-room", cwd=tmp_path).code == 0
    model = ("-m", "cornered/scripted/agent.yaml")
    done = command("run", "kiln-room", *model, "-n", "2", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    cells = {c["condition"]: (c["control"], c["act"]["successes"]) for c in done.json["cells"]}
    assert cells == {"kiln-room/fierce": (False, 2), "kiln-room/mild": (True, 2)}


@pytest.mark.parametrize("name", PackSpec.model_fields)
def test_every_key_of_a_pack_is_explained(name: str) -> None:
    text = (DOCS / "writing-a-pack.md").read_text(encoding="utf-8")
    assert f"`{name}`" in text


def test_the_python_of_the_readme_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks("README.md", "python")
    code = re.sub(r'model="[^"]+"', f'model="{AGENT}"', code).replace("samples=50", "samples=2")
    monkeypatch.chdir(place)
    exec(compile(code, "README.md", "exec"), {})
