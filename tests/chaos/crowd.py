"""Some customers as a process of their own, so that they can be killed: `python -m tests.chaos.crowd --help`."""

# ruff: noqa: TID252 - the tests are no package

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from .books import Book
from .customer import Customer, Manners


async def crowd(url: str, name: str, count: int, *, seed: int, books: Path, manners: Manners) -> None:
    """Let `count` customers call until this process is told to end (SIGTERM); their last calls end properly."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    print("READY", flush=True)  # whoever started us waits for it
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            who = f"{name}-{number}"
            customer = Customer(url, who, seed=seed, book=Book(books / f"{who}.jsonl"), manners=manners)
            tasks.create_task(customer.run(over))


def main() -> None:
    """Read what is asked for, and call."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--name", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--longest", type=float, default=60.0, help="seconds of a call")
    parser.add_argument("--lively", type=float, default=1.0, help="how much more is said than usually")
    asked = parser.parse_args()
    usual = Manners()
    manners = Manners(
        call_s=(asked.longest / 3, asked.longest), speaks=asked.lively * usual.speaks,
        writes=asked.lively * usual.writes, marks=asked.lively * usual.marks, cuts=asked.lively * usual.cuts,
    )  # fmt: skip
    asyncio.run(
        crowd(
            asked.url,
            asked.name,
            asked.count,
            seed=asked.seed,
            books=asked.books,
            manners=manners,
        )  # fmt: skip
    )


if __name__ == "__main__":
    main()
