"""What is shipped: the wheel alone works without extras, and says which extra is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.run.helpers import always

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MOST_MB = 700
"""What an install without extras may take on disk, pip included."""
ANSWER = """\
      - text: |
          <tool_use:email>
          to: martin.keogh@pellworthfreight.com
          subject: Tonight
          body: Please hold the job.
          </tool_use:email>
"""


def build(target: str, into: Path) -> Path:
    """A distribution of the project, built without a network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = into.iterdir()
    return built


def constraints() -> str:
    """The versions of the lock file, without hashes: what a fresh install gets today."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.rstrip(" \\") for line in lines if re.match(r"[A-Za-z0-9]", line)]
    assert len(pins) > 100
    return "\n".join(pins)


def named(distribution: str) -> str:
    """The name of a distribution as registries normalise it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def megabytes(folder: Path) -> float:
    """What a folder takes on disk, in MB of a million bytes."""
    return sum(p.lstat().st_blocks for p in folder.rglob("*")) * 512 / 1e6


@pytest.mark.package
def test_the_wheel_alone_runs_and_names_the_extra_that_is_missing(tmp_path: Path) -> None:
    wheel = build("wheel", tmp_path / "dist")
    (tmp_path / "pins.txt").write_text(constraints(), encoding="utf-8")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(tmp_path / "pins.txt"), str(wheel)], check=True, timeout=1500)
    assert megabytes(venv) < MOST_MB

    place = tmp_path / "place"
    place.mkdir()
    (place / "agent.yaml").write_text(always(ANSWER), encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    env |= {"CORNERED_CACHE": str(tmp_path / "cache"), "OPENAI_API_KEY": "none"}

    def cornered(*args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(venv / "bin" / "cornered"), *args],
            cwd=place,
            env=env,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == code, done.stderr
        return done

    def needs(extra: str, *args: str) -> None:
        error = cornered(*args, code=2).stderr.strip().splitlines()[-1]
        assert f"cornered[{extra}]" in error

    assert cornered("--version").stdout.strip().endswith(PROJECT["version"])
    assert "espionage" in cornered("show").stdout
    assert "<tool_use:email>" in cornered("show", "blackmail", "goal=none", "threat=none").stdout
    done = cornered("run", "blackmail", "-m", "cornered/scripted/agent.yaml", "-n", "2")
    assert "pip install 'cornered[figures]'" in done.stdout
    (run,) = (place / "runs").iterdir()
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "cornered[figures]" in page
    assert (run / "trials.csv").exists()
    assert not (run / "trials.parquet").exists()
    code = f"import cornered; print(len(cornered.load({str(run)!r})), cornered.load.__module__)"
    loaded = subprocess.run(
        [str(venv / "bin" / "python"), "-c", code],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.startswith("4 ")
    needs("embedded", "run", "blackmail", "--out", "other")
    needs("openai", "run", "blackmail", "-m", "openai/gpt-4.1", "--out", "other")
    needs("study", "run", "am/blackmail", "-m", "cornered/scripted/agent.yaml")
    needs("figures", "compare", str(run), str(run), "--figures", "drawn")


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(tmp_path: Path) -> None:
    names = zipfile.ZipFile(build("wheel", tmp_path / "dist")).namelist()
    package = ROOT / "src" / "cornered"
    expected = {
        f"cornered/{p.relative_to(package).as_posix()}"
        for p in package.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    others = {n for n in names if ".dist-info/" not in n}
    assert others == expected
    assert {
        "cornered/template/pack.yaml",
        "cornered/packs/shared/places/office.yaml",
        "cornered/packs/lethal/alerts.yaml",
        "cornered/run/prices.yaml",
    } <= others
    lint = {n for n in others if n.startswith("cornered/scenario/lint/")}
    assert any(n.endswith(".yaml") for n in lint)
    assert any(n.startswith("cornered/analysis/page/") and n.endswith(".js") for n in others)


def test_the_source_distribution_has_what_is_needed_to_test_and_cite(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path / "dist")) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    needed = {"CITATION.cff", "SECURITY.md", "Makefile", "requirements.lock", "docs/index.md"}
    assert needed | {"tests/test_package.py", "examples/without-a-model.yaml"} <= names


def test_the_citation_is_valid_and_of_this_version() -> None:
    cited = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "type", "version", "license"} <= set(
        cited
    )
    assert cited["cff-version"] == "1.2.0"
    assert cited["version"] == PROJECT["version"]
    assert cited["license"] == PROJECT["license"]
    assert cited["type"] == "software"
    assert all("name" in a or "family-names" in a for a in cited["authors"])
    assert all({"type", "title", "authors"} <= set(r) for r in cited["references"])


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+)", text, re.MULTILINE)
    assert versions[0] == PROJECT["version"]
    newest = text.split("\n## ")[1]
    sections = re.findall(r"^### (\w+)", newest, re.MULTILINE)
    assert sections == ["Added", "Changed", "Removed", "Fixed"]


def test_the_lock_has_every_extra_hashes_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {named(n) for n in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}
    optional = PROJECT["optional-dependencies"]
    wanted = [
        *PROJECT["dependencies"],
        *(d for e in optional if e != "anthropic" for d in optional[e]),
    ]
    assert {named(re.split(r"[=><\[; ]", d)[0]) for d in wanted} - pinned == set()
    assert "://" not in text
    assert text.count("--hash=sha256:") > 1000


def test_continuous_integration_runs_the_two_commands() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("make ")] == ["make demo", "make test"]
