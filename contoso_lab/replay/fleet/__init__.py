"""Thousands of replays: planned, spread over tasks, processes or machines, and gone on with after a kill.

| module | knows |
|---|---|
| `plan` | which units of work there are, and in which order |
| `work` | how one unit is done, wherever it is done |
| `journal` | what is done already; the only writer |
| `limits` | how many at a time, how many a minute, and how much money |
| `executors` | this process, several processes, a Dask cluster |
| `beginning`, `worker` | how a process begins, and what it has loaded by then |
| `run` | puts them together |
"""

from __future__ import annotations

from contoso_lab.replay.fleet.limits import Forecast, Limits, SpendLimit
from contoso_lab.replay.fleet.plan import Plan, Unit, Variant, plan
from contoso_lab.replay.fleet.run import FleetRun, forecast, run_fleet

__all__ = ["FleetRun", "Forecast", "Limits", "Plan", "SpendLimit", "Unit", "Variant", "forecast", "plan", "run_fleet"]
