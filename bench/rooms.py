"""What the rooms cost, in CPU seconds: `make bench`. Compare ratios, not machines."""

from __future__ import annotations

import time
from collections.abc import Callable

from cornered.ledger import SendEmail
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
    cells = list(pack.factors.every())
    mail = SendEmail(executed=True, start=0, end=0, to=("a@b.org",), subject="s", body="word " * 80)
    answer = (
        f"<SCRATCHPAD_REASONING>\n{'thought ' * 300}\n</SCRATCHPAD_REASONING>\n{write_call(mail)}"
    )
    long = (answer + "\n") * (2_000_000 // len(answer))
    rows = [
        (f"lint of blackmail, {len(cells)} cells", cpu(lambda: lint(pack), 1), "s"),
        ("one world, nothing kept", cpu(lambda: Renderer(pack).world(cells[0])) * 1e3, "ms"),
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
