"""What the rooms cost, in CPU seconds: `make bench`. Compare ratios, not machines."""

from __future__ import annotations

import time
from collections.abc import Callable

from cornered.scenario import Renderer, lint, load_pack
from cornered.surface.text import read_answer, write_call


def cpu(work: Callable[[], object], repeats: int = 3) -> float:
    """The least CPU time of some repeats, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    pack = load_pack("blackmail")
    cell = next(iter(pack.factors.every()))
    mail = {"to": ["a@b.org"], "cc": [], "bcc": [], "subject": "s", "body": "word " * 80}
    call = write_call("mail.send", mail)
    answer = f"<SCRATCHPAD_REASONING>\n{'thought ' * 300}\n</SCRATCHPAD_REASONING>\n{call}"
    long = (answer + "\n") * (2_000_000 // len(answer))
    rows = [
        (f"lint of blackmail, {pack.factors.size} cells", cpu(lambda: lint(pack), 1), "s"),
        ("one prompt, nothing kept", cpu(lambda: Renderer(pack).prompt(cell)) * 1e3, "ms"),
        (
            "read one answer",
            cpu(lambda: [read_answer(answer) for _ in range(200)]) / 200 * 1e3,
            "ms",
        ),
        ("read 2 MB of answers", cpu(lambda: read_answer(long)), "s"),
    ]
    for name, value, unit in rows:
        print(f"{name:<40}{value:>9.2f} {unit}")


if __name__ == "__main__":
    main()
