"""Run a plan to its end, or as far as it may go.

| what happens | what is left |
|---|---|
| Ctrl-C, a cancelled cell | every finished unit; started again, the run goes on |
| `kill -9`, a lost machine | the same |
| a unit fails | its sentence in the results; the others go on |
| the money is spent | `SpendLimit`, before the unit that would be too much |
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recording
from contoso_lab.replay.fleet.executors import Doing, dask, here, processes
from contoso_lab.replay.fleet.journal import RESULTS, Journal
from contoso_lab.replay.fleet.limits import Forecast, Gate, Limits
from contoso_lab.replay.fleet.plan import Plan, Unit
from contoso_lab.replay.fleet.work import guessed_usd, spent_usd
from contoso_lab.wire.prices import PriceTable

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int, float], None]
"""Is told how many units are done, of how many, and what they cost in dollars."""


@dataclass(frozen=True, slots=True)
class FleetRun:
    """What came of a run."""

    plan: Plan
    results: Path
    """One line of JSON per unit, in the order of the plan."""
    usd: float
    """What the answers cost."""

    @property
    def units(self) -> list[dict[str, Any]]:
        """The results, unit by unit."""
        return [json.loads(line) for line in self.results.read_bytes().splitlines()]

    @property
    def failed(self) -> list[str]:
        """A sentence for each unit that failed."""
        units = self.units
        return [f"{u['session']}, {u['variant']}: {u['reason']}" for u in units if u["status"] == "failed"]

    def table(self) -> pd.DataFrame:
        """One row per score, with session, variant and epoch."""
        import pandas as pd

        keys = ("session", "variant", "epoch")
        return pd.DataFrame([{**{key: u[key] for key in keys}, **row} for u in self.units for row in u["rows"]])

    def recordings(self, variant: str) -> list[Recording]:
        """The recordings of a variant, in the order of the plan; of a relay's the relay knows the folder."""
        folder = Path(self.plan.run) / "recordings"
        done = [u for u in self.units if u["variant"] == variant and u["status"] == "done"]
        return [Recording.open(folder / u["recording"]) for u in done]

    def __repr__(self) -> str:
        # Without reading it all: asyncio.run asks a task for its text, twice, and its text is that of its result.
        failed = self.results.read_bytes().count(b'"status":"failed"')
        return f"<FleetRun in {self.plan.run}: {len(self.plan.units)} units, {failed} failed, ${self.usd:.2f}>"


def forecast(plan: Plan, limits: Limits | None = None) -> Forecast:
    """What a run is likely to cost and take from where it stands. Nobody is asked.

    The recorded answers are taken to cost what they would with the plan's model; in a paced call time passes as it did.
    """
    done = _done(plan)
    left = [unit for unit in plan.units if unit.key not in done]
    asking = [unit for unit in left if plan.variants[unit.variant].asks]
    bounds = limits or Limits()
    real_ms = 0.0
    if plan.target is not None or plan.relay_url is not None:
        paced = [unit for unit in asking if plan.variants[unit.variant].mode == "paced"]
        real_ms = sum(Recording.open(unit.session).duration_ms for unit in paced) / bounds.at_once
    by_rate = len(left) / bounds.per_minute if bounds.per_minute else 0.0
    costs = [_expected_usd(plan, unit) for unit in asking]
    usd = None if None in costs else sum(cost for cost in costs if cost is not None)
    return Forecast(len(plan.units), len(left), len(asking), usd, max(by_rate, real_ms / 60_000))


async def run_fleet(
    plan: Plan,
    *,
    limits: Limits | None = None,
    workers: int = 0,
    dask_address: str | None = None,
    progress: Progress = lambda done, units, usd: None,
) -> FleetRun:
    """Do what of a plan is not done yet. Cancelling keeps what is finished.

    Args:
        plan: made by `plan`.
        limits: how many at a time, how many a minute, how many dollars.
        workers: how many processes; 0 does it in this one.
        dask_address: of a Dask scheduler, such as `tcp://10.0.0.5:8786`.
        progress: see `Progress`.

    Raises:
        SpendLimit: the money is spent; start it again with more.
        ReplayError: another process runs it, its folder belongs to another plan, a limit on money cannot be watched, or
            the cluster does not answer.
    """
    bounds = limits or Limits(at_once=max(4, 2 * workers))
    if bounds.max_usd is not None and forecast(plan, bounds).usd is None:
        raise ReplayError(
            "a limit on money is set and the price of the target's model is not known, so it could not be watched: "
            "name a model that has a price, or take the limit away"
        )
    if workers and dask_address:
        raise ReplayError("name one: workers on this machine, or a Dask cluster")
    place: AbstractAsyncContextManager[Doing] = here(plan)
    if dask_address:
        place = dask(plan, dask_address)
    elif workers:
        place = processes(plan, workers)
    with Journal(plan) as journal:
        gate = Gate(bounds, spent_usd=sum(result.usd for result in journal.done.values()))
        left = [unit for unit in plan.units if unit.key not in journal.done]
        progress(len(journal.done), len(plan.units), gate.spent_usd)
        if left:
            async with place as doing:
                await _do_all(plan, left, doing, gate, journal, progress)
        return FleetRun(plan, journal.finish(), sum(result.usd for result in journal.done.values()))


async def _do_all(plan: Plan, left: list[Unit], doing: Doing, gate: Gate, journal: Journal, progress: Progress) -> None:
    room = asyncio.Semaphore(gate.limits.at_once)

    async def one(unit: Unit) -> None:
        try:
            result = await doing(unit)
        finally:
            room.release()
        gate.spent(unit.key, result.usd)
        journal.write(unit.key, result)
        progress(len(journal.done), len(plan.units), gate.spent_usd)

    try:
        async with asyncio.TaskGroup() as tasks:
            for number, unit in enumerate(left):
                await room.acquire()
                expected = _expected_usd(plan, unit) or 0.0 if gate.limits.max_usd is not None else 0.0
                await gate.may_spend(unit.key, expected, left=len(left) - number)
                await gate.turn()
                tasks.create_task(one(unit))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _expected_usd(plan: Plan, unit: Unit) -> float | None:
    """What a unit will cost by what its recording would have; None when nobody knows."""
    if not plan.variants[unit.variant].asks:
        return 0.0
    if plan.relay_url is not None:
        return None  # whom the relay asks is its own affair
    if plan.target is None or plan.target.get("kind") == "local":
        return 0.0
    model = str(plan.target.get("model", ""))
    if plan.variants[unit.variant].mode == "caller":
        # No recording says how long a call will be: the calls of this run that are over do, and before them a guess.
        over = [result["usd"] for result in _results(plan).values() if result["status"] == "done"]
        return sum(over) / len(over) if over else guessed_usd(Path(unit.session), model)
    return None if PriceTable().of(model) is None else spent_usd(Recording.open(unit.session), model)


def _done(plan: Plan) -> set[str]:
    return set(_results(plan))


def _results(plan: Plan) -> dict[str, dict[str, Any]]:
    """What the journal of a run holds by now."""
    place = Path(plan.run) / "journal.jsonl"
    data = place.read_bytes() if place.exists() else b""
    lines = [json.loads(raw) for raw in data[: data.rfind(b"\n") + 1].splitlines()]
    return {line["key"]: line["result"] for line in lines}


__all__ = ["RESULTS", "FleetRun", "Progress", "forecast", "run_fleet"]
