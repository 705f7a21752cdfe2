"""Where units are done: in this process, in several, or on a Dask cluster. Each gives the result of one unit.

| where | acquired | released | when cancelled |
|---|---|---|---|
| here | nothing | nothing | a call with a target is left, one in virtual time is held to its end |
| processes | a pool, from a server that forks | with the run, or when we are killed | running units are ended with it |
| dask | a client of a cluster that exists | with the run; the cluster stays | running units are cancelled |
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager

from contoso_lab.errors import MissingExtra, ReplayError
from contoso_lab.replay.fleet.beginning import begin
from contoso_lab.replay.fleet.journal import Finished
from contoso_lab.replay.fleet.plan import Plan, Unit
from contoso_lab.replay.fleet.work import do, do_blocking

Doing = Callable[[Unit], Awaitable[Finished]]


@asynccontextmanager
async def here(plan: Plan) -> AsyncIterator[Doing]:
    """In this process, as tasks."""
    if plan.relay_url is not None or plan.target is not None:
        yield lambda unit: do(plan, unit)
        return

    async def to_its_end(unit: Unit) -> Finished:
        # Its thread cannot be stopped. If nobody waited for it, it would write into the folder of the same unit when
        # the run is gone on with.
        work = asyncio.ensure_future(do(plan, unit))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise

    yield to_its_end


@asynccontextmanager
async def processes(plan: Plan, workers: int) -> AsyncIterator[Doing]:
    """In processes of this machine.

    They are forked from a server that has loaded the packages once. What stands in our environment now, keys among it,
    is told to each through a pipe, for the server may be older.
    """
    told = _to_tell(plan)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["contoso_lab.replay.fleet.worker"])
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=begin, initargs=(dict(os.environ),))
    loop = asyncio.get_running_loop()
    try:
        yield lambda unit: loop.run_in_executor(pool, do_blocking, told, unit.model_dump_json())
    finally:
        ended = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in ended:
            process.terminate()  # idle, or in a unit that nobody waits for any more


@asynccontextmanager
async def dask(plan: Plan, address: str) -> AsyncIterator[Doing]:
    """On the workers of a Dask cluster, which see the same files and have the same packages."""
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtra("a fleet on Dask", package="distributed", extra="dask") from error
    told = _to_tell(plan)
    try:
        client = await Client(address, asynchronous=True, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError) as error:
        raise ReplayError(f"no Dask scheduler answers at {address}: start one, or correct the address") from error
    try:

        async def ask(unit: Unit) -> Finished:
            future = client.submit(do_blocking, told, unit.model_dump_json(), pure=False, retries=2)
            try:
                result: Finished = await future
            except asyncio.CancelledError:
                await client.cancel([future])
                raise
            return result

        yield ask
    finally:
        await client.close()


def _to_tell(plan: Plan) -> str:
    """What a worker has to know of a plan: all but the units, of which it is given one at a time."""
    return plan.model_copy(update={"units": ()}).model_dump_json()
