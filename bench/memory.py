"""How long the memory takes to keep a message and to tell the history, in threads of 10, 100 and 1000 messages.

    python bench/memory.py [address …]

Without an address: SQLite in RAM and in a file. Writes the table to standard output.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from contoso_lab.memory import Memory, Message, open_memory

SIZES = (10, 100, 1000)
ROUNDS = 30
TEXT = "It weighs two kilos and keeps three thousand millimetres of water out, so a wet week is no trouble. " * 2


def main() -> None:
    """Measure every store and print a table."""
    print("| store | messages | append ms | history ms | history µs a message |\n|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for url in sys.argv[1:] or ["sqlite://", f"sqlite:///{Path(folder, 'memory.sqlite3')}"]:
            with open_memory(url) as memory:
                name = memory.where.removeprefix("the memory ").replace(folder, "…")
                for size in SIZES:
                    append_ms, history_ms = measure(memory, size)
                    each_us = 1000 * history_ms / size
                    print(f"| {name} | {size} | {append_ms:.2f} | {history_ms:.2f} | {each_us:.0f} |")
                memory.forget("bench")


def measure(memory: Memory, size: int) -> tuple[float, float]:
    """Median milliseconds of one more message and of the history, in a thread of about this size."""
    id_ = memory.create(customer="bench", persona="voice").id
    names = [f"m{number}" for number in range(size)]
    memory.append(id_, *(message(name, before) for name, before in zip(names, [None, *names], strict=False)))
    history_ms = _median_ms(lambda number: memory.history(id_))
    append_ms = _median_ms(lambda number: memory.append(id_, message(f"more {number}", names[-1])))
    return append_ms, history_ms


def message(id_: str, after: str | None) -> Message:
    """A turn of a usual length."""
    return Message(
        source="call", role="assistant", text=TEXT, id=id_, after=after, call_id="call_1", meta={"tokens": 40}
    )


def _median_ms(work: Callable[[int], object]) -> float:
    times = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        work(number)
        times.append(1000 * (time.perf_counter() - began))
    return median(times)


if __name__ == "__main__":
    main()
