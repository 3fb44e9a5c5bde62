"""What it costs to make the table of a run: `make bench`, or `python -m bench.table --large`.

Each figure is taken in a process of its own. CPU seconds tell machines apart less than wall time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.analysis.made import make_run

CELLS = 20
MEASURE = """
import resource, sys, time
from pathlib import Path

import cornered

began = time.perf_counter()
rows = cornered.load(sys.argv[1])
read = time.perf_counter() - began, time.process_time()
if sys.argv[2] == "write":
    from cornered.analysis.frame import write_tables

    write_tables(Path(sys.argv[1]), rows)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{len(rows):>8}{read[0]:>9.1f}{read[1]:>9.1f}{peak:>9.0f}")
"""


def measured(folder: Path, then: str) -> str:
    """Trials, wall and CPU seconds with imports, peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder), then],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.rstrip()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--large", action="store_true", help="100 000 trials too: minutes, 5 GB")
    options.add_argument("--under", type=Path, help="a folder for the runs, other than /tmp")
    given = options.parse_args()
    sizes = [(500, 6000), (500, 60_000)]
    if given.large:
        sizes += [(5000, 6000), (5000, 60_000)]
    print(f"{'cornered.load':<32}{'trials':>8}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}")
    for samples, chars in sizes:
        with tempfile.TemporaryDirectory(dir=given.under) as there:
            folder = Path(there) / "run"
            make_run(folder, samples, chars, cells=CELLS)
            text = f"{chars // 1000} kB a transcript"
            print(f"{text + ', logs':<32}{measured(folder, 'write')}", flush=True)
            print(f"{text + ', stored':<32}{measured(folder, 'nothing')}", flush=True)


if __name__ == "__main__":
    main()
