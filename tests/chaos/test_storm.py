"""Small storms, so that the large one is known to work: `make chaos` lets that pass."""

# ruff: noqa: TID252 - the tests are no package

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .disk import Disk
from .storm import Done, Plan, Storm


def test_a_disk_can_be_full_and_have_room_again(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:  # who may not write: not this process, which has more to write
        place = tmp_path / "runs" / "written"
        disk = Disk(tmp_path / "runs", may_mount=False)
        disk.fill(os.getpid())
        try:
            place.write_bytes(b"more than there is room for")
            os._exit(1)
        except OSError:
            disk.free()
        place.write_bytes(b"again")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "runs" / "written").read_bytes() == b"again"


@pytest.mark.slow
async def test_a_small_storm_loses_nothing(tmp_path: Path) -> None:
    plan = Plan(minutes=0.1, calls=4, only=("resets", "relay", "disk"), longest_s=6, lively=4, redis=False)
    plan.may_mount = False
    done = await Storm(plan, tmp_path / "storm").run()
    assert_nothing_lost(done, faults=3)
    assert done.verdict.arrived["item"] > 0
    assert done.verdict.losses > 0


@pytest.mark.slow
async def test_a_minute_of_everything_loses_nothing(tmp_path: Path) -> None:
    plan = Plan(minutes=1, calls=12, longest_s=20, redis=shutil.which("redis-server") is not None)
    done = await Storm(plan, tmp_path / "storm").run()
    assert_nothing_lost(done, faults=8 if plan.redis else 7)
    assert done.verdict.recorded["sound"] > 0


def assert_nothing_lost(done: Done, *, faults: int) -> None:
    assert done.verdict.broken == []
    assert len(done.faults) == faults
    assert not done.failed
    assert done.verdict.opened >= done.verdict.calls - done.verdict.unrecorded
