"""Many live calls, and everything that they need is killed in turn: what was sent, delivered, recorded, lost?

    python -m tests.chaos.storm                              # ten minutes, 50 customers; writes bench/results/chaos.md
    python -m tests.chaos.storm --minutes 1 --calls 12       # a short one; prints only
    python -m tests.chaos.storm --only relay engine --seed 3

```
customers ─▶ proxy ─▶ relay ─▶ proxy ─▶ engine          recordings on a disk that can be full
(processes)    ╰─ weather ─╯ │  ╰─ weather ─╯
                             ╰─▶ Redis
```

All are processes of their own and are killed with SIGKILL; which faults come when, how bad the weather is and what the
customers do follows from the seed. What is promised stands in `judge`. Ends with 1 when a promise was broken.
"""

# ruff: noqa: TID252 - the tests are no package

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .disk import Disk
from .judge import Verdict, judge
from .processes import Process, engine, free_port, redis_server, relay
from .proxy import CLEAR, Proxy, Weather
from .telling import tell

RESULTS = Path(__file__).parents[2] / "bench" / "results" / "chaos.md"
CROWD = 10
"""Customers of one process: so many are killed at once."""


@dataclass
class Plan:
    """What is asked for."""

    minutes: float = 10.0
    calls: int = 50
    seed: int = 9
    only: Sequence[str] = ()
    longest_s: float = 60.0
    lively: float = 1.0
    redis: bool = True
    may_mount: bool = True


@dataclass
class Done:
    """What was done, and what came of it."""

    plan: Plan
    disk: str
    faults: list[tuple[float, str, str]] = field(default_factory=list)
    """Second, name, and what it met."""
    verdict: Verdict = field(default_factory=Verdict)
    failed: Counter[str] = field(default_factory=Counter)
    """Errors of the relay's own, by what its log says."""


class Storm:
    """Everything that runs, and the ways to break it; enter it once."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.rng = random.Random(plan.seed)
        self.runs, self.books = folder / "runs", folder / "books"
        self.done = Done(plan, "")
        self.crowds: list[Process] = []
        self.killed: list[Process] = []
        self.faults: dict[str, Callable[[float], Awaitable[str]]] = {
            "relay": self._kill_relay, "engine": self._kill_engine, "redis": self._kill_redis,
            "customers": self._kill_customers, "disk": self._fill_disk, "weather": self._weather,
            "resets": self._resets, "half-open": self._half_open,
        }  # fmt: skip
        if not plan.redis:
            del self.faults["redis"]

    async def run(self) -> Done:
        """Let it pass, and judge."""
        self.books.mkdir(parents=True)
        self.disk = Disk(self.runs, may_mount=self.plan.may_mount)
        self.done.disk = self.disk.kind
        try:
            async with AsyncExitStack() as stack:
                await self._start(stack)
                await asyncio.gather(*(self._start_crowd() for _ in range(-(-self.plan.calls // CROWD))))
                await self._break_things()
                if fallen := [crowd for crowd in self.crowds if not crowd.runs and crowd not in self.killed]:
                    raise AssertionError(f"{len(fallen)} customers fell over by themselves: see customers.log")
                async with asyncio.timeout(120):
                    await asyncio.gather(*(crowd.stop() for crowd in self.crowds))
                await self.relay.stop()
            self.done.verdict = await asyncio.to_thread(judge, self.books, self.runs)
            log = (self.folder / "relay.log").read_text(encoding="utf-8", errors="replace")
            self.done.failed = Counter(
                line.partition("error=")[2].split()[0] for line in log.splitlines() if "event=failed" in line
            )
        finally:
            self.disk.close()
        return self.done

    async def _start(self, stack: AsyncExitStack) -> None:
        ports = free_port(), free_port()
        self.engine = engine(self.folder, port=ports[0])
        self.behind = await stack.enter_async_context(Proxy(ports[0], seed=self.plan.seed + 1))
        address = None
        if self.plan.redis:
            self.redis, address = redis_server(self.folder)
            stack.push_async_callback(self.redis.kill)
            await self.redis.start()
        self.relay = relay(self.folder, port=ports[1], target_port=self.behind.port, runs=self.runs, redis=address)
        self.before = await stack.enter_async_context(Proxy(ports[1], seed=self.plan.seed + 2))
        for process in (self.engine, self.relay):
            stack.push_async_callback(process.kill)
        await asyncio.gather(self.engine.start(), self.relay.start())
        stack.push_async_callback(self._kill_crowds)

    async def _start_crowd(self) -> None:
        already = CROWD * len(self.crowds)
        count = min(CROWD, self.plan.calls - already) if already < self.plan.calls else CROWD
        crowd = Process(
            sys.executable, "-m", "tests.chaos.crowd", f"http://127.0.0.1:{self.before.port}",
            "--name", f"k{len(self.crowds)}", "--count", str(count), "--seed", str(self.plan.seed),
            "--books", str(self.books), "--longest", str(self.plan.longest_s),
            "--lively", str(self.plan.lively),
            ready="READY", log=self.folder / "customers.log",
        )  # fmt: skip
        self.crowds.append(crowd)
        await crowd.start()

    async def _calm(self, calm_s: float) -> None:
        """Let the calls go on for a while: on a slow machine they come late, and to break nothing proves nothing."""
        async with asyncio.timeout(90):
            await self.behind.until(round(min(self.plan.calls, CROWD) / 2))
        await asyncio.sleep(calm_s)

    async def _kill_crowds(self) -> None:
        for crowd in self.crowds:
            await crowd.kill()

    async def _break_things(self) -> None:
        names = list(self.plan.only or self.faults)
        loop = asyncio.get_running_loop()
        rounds = max(1, round(60 * self.plan.minutes / (30 * len(names))))
        order = [name for _ in range(rounds) for name in self.rng.sample(names, len(names))]
        slot_s = 60 * self.plan.minutes / (len(order) + 1)
        calm_s = min(5.0, slot_s / 2)
        await self._calm(0)
        began_s = loop.time()
        for number, name in enumerate(order):
            at_s = (number + self.rng.uniform(0, 0.3)) * slot_s
            await asyncio.sleep(max(0.0, began_s + at_s - loop.time()))
            await self._calm(calm_s)
            broken_s = loop.time() - began_s
            met = await self.faults[name](0.6 * slot_s)
            self.done.faults.append((broken_s, name, met))
        await asyncio.sleep(max(0.0, began_s + 60 * self.plan.minutes - loop.time()))
        await self._calm(calm_s)

    # The ways to break it. Each has so many seconds, and leaves everything as it was.

    async def _kill_relay(self, for_s: float) -> str:
        met, began_s = self.before.connections, asyncio.get_running_loop().time()
        await self.relay.kill()
        await self.relay.start()
        return f"{met} connections, there again after {asyncio.get_running_loop().time() - began_s:.1f} s"

    async def _kill_engine(self, for_s: float) -> str:
        met, began_s = self.behind.connections, asyncio.get_running_loop().time()
        await self.engine.kill()
        # Twice in three it is there again in time for the relay's three tries, once it is not.
        away_s = self.rng.choice((0.0, 0.2, 6.0))
        await asyncio.sleep(min(for_s / 2, away_s))
        await self.engine.start()
        return f"{met} connections, there again after {asyncio.get_running_loop().time() - began_s:.1f} s"

    async def _kill_redis(self, for_s: float) -> str:
        await self.redis.kill()
        await asyncio.sleep(for_s / 2)
        await self.redis.start()
        return f"away for {for_s / 2:.0f} s, everything in it forgotten"

    async def _kill_customers(self, for_s: float) -> str:
        victim = self.rng.choice([crowd for crowd in self.crowds if crowd.runs])
        self.killed.append(victim)
        await victim.kill()
        await self._start_crowd()
        return f"a process of {min(CROWD, self.plan.calls)} customers"

    async def _fill_disk(self, for_s: float) -> str:
        await asyncio.to_thread(self.disk.fill, self.relay.pid)
        await asyncio.sleep(for_s / 2)
        await asyncio.to_thread(self.disk.free)
        return f"full for {for_s / 2:.0f} s"

    async def _weather(self, for_s: float) -> str:
        bad = Weather(
            latency_ms=self.rng.uniform(20, 150), jitter_ms=self.rng.uniform(5, 100), loss=self.rng.uniform(0.005, 0.03)
        )
        self.before.weather = self.behind.weather = bad
        await asyncio.sleep(for_s)
        self.before.weather = self.behind.weather = CLEAR
        delay = f"{bad.latency_ms:.0f} ms and up to {bad.jitter_ms:.0f} more"
        return f"{delay}, {100 * bad.loss:.1f} % lost, for {for_s:.0f} s"

    async def _resets(self, for_s: float) -> str:
        before, behind = self.before.reset(0.5), self.behind.reset(0.3)
        return f"{before} connections of customers and {behind} of the engine"

    async def _half_open(self, for_s: float) -> str:
        before, behind = self.before.half_open(0.3), self.behind.half_open(0.1)
        return f"{before} connections of customers and {behind} of the engine"


def main() -> None:
    """Let the storm pass, print and write what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    usual = Plan()
    parser.add_argument("--minutes", type=float, default=usual.minutes)
    parser.add_argument("--calls", type=int, default=usual.calls, help="customers who call at the same time")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--only", nargs="+", default=(), help="these faults alone")
    parser.add_argument("--results", type=Path, help="where the table goes; for less than ten minutes nowhere")
    parser.add_argument("--keep", type=Path, help="leave books, logs and recordings here")
    asked = parser.parse_args()
    plan = Plan(asked.minutes, asked.calls, asked.seed, asked.only, redis=shutil.which("redis-server") is not None)
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="storm-"))
    # What is to be kept is not put on a disk that goes away with the storm.
    plan.may_mount = asked.keep is None
    try:
        done = asyncio.run(Storm(plan, folder).run())
    finally:
        if asked.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    text = tell(done)
    print(text)
    place = asked.results or (RESULTS if asked.minutes >= usual.minutes and not asked.only else None)
    if place is not None:
        place.write_text(text, encoding="utf-8")
    sys.exit(1 if done.verdict.broken else 0)


if __name__ == "__main__":
    main()
