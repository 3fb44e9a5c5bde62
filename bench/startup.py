"""What it costs to start, in CPU seconds: `python -m bench.startup [--against OTHER/src]`.

Each command runs in a process of its own, and its children count (user and system time). With
`--against` the source of another version is measured too, turn by turn, so that what else runs
on the machine weighs on both alike.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent.parent / "src"
TRIALS = 5
POLICY = """\
seed: 3
usage: {input: 900, output: 60}
rules:
  - answers:
      - text: "The corrected table is on its way."
"""
LIMITS = {"help": 0.1, "plan": 1.0, "again": 2.5, "five": 4.0}
"""CPU seconds that each may take on an idle machine."""


def cpu(command: Sequence[str], *, source: Path, cwd: Path) -> float:
    """CPU seconds of a command and its children.

    Raises:
        CalledProcessError: the command failed; exit code 1 is that some trial is unscored.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "cornered.cli", *command],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(source), "CORNERED_CACHE": str(cwd / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if done.returncode > 1:
        sys.stderr.write(done.stderr.decode())
        done.check_returncode()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def commands(work: Path) -> dict[str, Callable[[Path], float]]:
    """What is measured, by name; each takes the source to run."""
    (work / "policy.yaml").write_text(POLICY, encoding="utf-8")
    run = ["run", "blackmail", "-m", "cornered/scripted/policy.yaml", "-n", str(TRIALS)]
    run += ["--no-controls", "--out"]

    def five(source: Path) -> float:
        shutil.rmtree(work / "new", ignore_errors=True)
        return cpu([*run, "new"], source=source, cwd=work)

    def again(source: Path) -> float:
        # Each version goes on with a run of its own.
        finished = f"finished-{source.parent.name}"
        if not (work / finished).exists():
            cpu([*run, finished], source=source, cwd=work)
            cpu([*run, finished], source=source, cwd=work)
        return cpu([*run, finished], source=source, cwd=work)

    return {
        "help": lambda source: cpu(["--help"], source=source, cwd=work),
        "plan": lambda source: cpu(
            ["plan", "blackmail", "--offline", "--out", "planned"], source=source, cwd=work
        ),
        "again": again,
        "five": five,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--against", type=Path, help="source folder of another version")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--only", choices=LIMITS, action="append", help="measure these only")
    given = options.parse_args()
    sources = [HERE, *([given.against.resolve()] if given.against else [])]
    head = "".join(f"{name:>9}" for name in ("CPU s", "at most", *(["other"] * len(sources[1:]))))
    print(f"{'median':<8}{head}")
    with tempfile.TemporaryDirectory() as folder:
        for name, measure in commands(Path(folder)).items():
            if given.only and name not in given.only:
                continue
            times: dict[Path, list[float]] = {source: [] for source in sources}
            for source in sources:
                measure(source)  # byte code and caches are made
            for _ in range(given.repeats):
                for source in sources:
                    times[source].append(measure(source))
            here, *other = (median(times[source]) for source in sources)
            rest = "".join(f"{value:>9.2f}" for value in other)
            print(f"{name:<8}{here:>9.2f}{LIMITS[name]:>9.1f}{rest}", flush=True)


if __name__ == "__main__":
    main()
