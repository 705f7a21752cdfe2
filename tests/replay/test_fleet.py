"""The fleet: the same result however the work is spread out and however often it is killed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recording
from contoso_lab.replay.fleet import Limits, Plan, SpendLimit, Variant, forecast, plan, run_fleet
from contoso_lab.replay.fleet.journal import Finished
from contoso_lab.replay.fleet.limits import Gate
from contoso_lab.replay.fleet.plan import derived_seed
from contoso_lab.replay.fleet.run import FleetRun
from contoso_lab.replay.fleet.work import spent_usd

PLAIN = "tests.replay.conftest:plain_engine"
HOME = Path(__file__).parents[2]
EXPECTED_SEED = int(hashlib.sha256(b"0\x1fcall_0\x1fbrief\x1f1").hexdigest()[:12], 16)
SCORERS = ("price_truth_said",)
VARIANTS = {
    "as_is": Variant(),
    "brief": Variant(mode="fast", persona="voice_brief"),
    "poorer": Variant(mode="fast", without=("TEN-02",)),
}


@pytest.fixture
def sessions(short_call: Recording, tmp_path: Path) -> list[Path]:
    return copies(short_call, tmp_path, 3)


def copies(call: Recording, place: Path, count: int) -> list[Path]:
    """So many recordings that differ by their names."""
    return [Path(shutil.copytree(call.path, place / "calls" / f"call_{number}")) for number in range(count)]


def made(run: Path, sessions: list[Path], **more: Any) -> Plan:
    more = {"variants": VARIANTS, "scorers": SCORERS, "engine": PLAIN, **more}
    return plan(run, sessions, **more)


def outcome(folder: Path) -> dict[str, bytes]:
    """Everything in a run that its result consists of, but for the number of the process that wrote a recording."""
    kept = {"results": (folder / "results.jsonl").read_bytes()}
    for place in sorted((folder / "recordings").glob("*/manifest.json")):
        page = json.loads(place.read_bytes())
        del page["recorder"]["pid"]
        kept[str(place.relative_to(folder))] = json.dumps(page).encode()
    for place in sorted((folder / "recordings").glob("*/*.jsonl")):
        kept[str(place.relative_to(folder))] = place.read_bytes()
    for place in sorted((folder / "recordings").glob("*/audio/*")):
        kept[str(place.relative_to(folder))] = place.read_bytes()
    return kept


def test_the_order_is_interleaved_and_the_seeds_follow_from_the_names(sessions: list[Path], tmp_path: Path) -> None:
    laid = made(tmp_path / "run", sessions, epochs=2)
    assert [unit.variant for unit in laid.units[:6]] == ["as_is", "brief", "poorer"] * 2
    assert len({unit.key for unit in laid.units}) == len({unit.seed for unit in laid.units}) == 18
    assert laid.units[10].seed == derived_seed(0, "call_0", "brief", 1) == EXPECTED_SEED
    assert laid.sha256 == made(tmp_path / "elsewhere", sessions, epochs=2).sha256
    assert laid.sha256 != made(tmp_path / "run", sessions, epochs=2, seed=1).sha256


async def test_a_run_gives_rows_and_recordings(sessions: list[Path], tmp_path: Path) -> None:
    told: list[tuple[int, int, float]] = []
    done = await run_fleet(made(tmp_path / "run", sessions), progress=lambda *what: told.append(what))
    assert (len(done.units), done.failed, done.usd) == (9, [], 0.0)
    assert [unit["variant"] for unit in done.units] == ["as_is", "brief", "poorer"] * 3
    assert told[0] == (0, 9, 0.0)
    assert told[-1] == (9, 9, 0.0)
    frame = done.table()
    assert set(frame["metric"]) == set(SCORERS)
    assert set(frame["variant"]) == set(VARIANTS)
    [first, *_] = done.recordings("poorer")
    assert not any("Meadow Four" in turn.text for turn in first.conversation.turns if turn.role == "assistant")
    again = await run_fleet(made(tmp_path / "run", sessions), progress=lambda *what: told.append(what))
    assert told[-1] == (9, 9, 0.0), "nothing is done twice"
    assert again.results.read_bytes() == done.results.read_bytes()


async def test_processes_give_the_same_bytes(sessions: list[Path], tmp_path: Path) -> None:
    variants = {"as_is": Variant(), "brief": VARIANTS["brief"]}
    await run_fleet(made(tmp_path / "alone", sessions[:1], variants=variants))
    await run_fleet(made(tmp_path / "spread", sessions[:1], variants=variants), workers=2)
    assert outcome(tmp_path / "spread") == outcome(tmp_path / "alone")


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bytes(sessions: list[Path], tmp_path: Path) -> None:
    program = (
        "import sys; from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:\n"
        "        print(cluster.scheduler_address, flush=True); sys.stdin.read()\n"
    )
    script = tmp_path / "cluster.py"
    script.write_text(program)
    command, environment = [sys.executable, str(script)], {"PYTHONPATH": str(HOME), "PATH": ""}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HOME, env=environment
    ) as cluster:
        assert cluster.stdout is not None
        address = cluster.stdout.readline().strip()
        asyncio.run(run_fleet(made(tmp_path / "dask", sessions), dask_address=address))
        assert cluster.stdin is not None
        cluster.stdin.close()  # that ends the cluster
        cluster.wait(60)
    asyncio.run(run_fleet(made(tmp_path / "alone", sessions)))
    assert outcome(tmp_path / "dask") == outcome(tmp_path / "alone")


def _run_to_its_end(told: str, workers: int) -> None:
    asyncio.run(run_fleet(Plan.model_validate_json(told), workers=workers, limits=Limits(at_once=2)))


def _kill_twice(run: Path, told: Plan, *, workers: int, at: tuple[int, int]) -> None:
    """Start the run as a process, kill it with SIGKILL when so many units are done, twice, and let it end."""
    context = multiprocessing.get_context("forkserver")  # the packages are loaded once for all three
    context.set_forkserver_preload(["contoso_lab.replay.fleet.worker", "tests.replay.conftest"])
    journal = run / "journal.jsonl"
    for most in (*at, None):
        process = context.Process(target=_run_to_its_end, args=(told.model_dump_json(), workers))
        process.start()
        while most is not None and process.is_alive():
            if journal.exists() and journal.read_bytes().count(b"\n") >= most:
                process.kill()
            time.sleep(0.002)
        process.join(280)
        assert process.exitcode == (0 if most is None else -signal.SIGKILL)
    entries = [json.loads(line)["key"] for line in journal.read_bytes().splitlines()]
    assert len(entries) == len(set(entries)) == len(told.units), "what was finished was not done again"


KILLED = {"brief": VARIANTS["brief"], "tape": Variant(mode="cassette"), "as_is": Variant()}


def test_killed_twice_it_ends_as_if_undisturbed(short_call: Recording, tmp_path: Path) -> None:
    sessions = copies(short_call, tmp_path, 8)
    _kill_twice(tmp_path / "killed", made(tmp_path / "killed", sessions, variants=KILLED), workers=0, at=(5, 16))
    asyncio.run(run_fleet(made(tmp_path / "calm", sessions, variants=KILLED)))
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "calm")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("workers", [0, 2])
def test_two_hundred_sessions_killed_twice(short_call: Recording, tmp_path: Path, workers: int) -> None:
    sessions = copies(short_call, tmp_path, 200)
    killed = made(tmp_path / "killed", sessions, variants={"brief": VARIANTS["brief"]})
    _kill_twice(tmp_path / "killed", killed, workers=workers, at=(40, 120))
    asyncio.run(run_fleet(made(tmp_path / "calm", sessions, variants={"brief": VARIANTS["brief"]})))
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "calm")


async def test_a_line_that_was_cut_counts_for_nothing(sessions: list[Path], tmp_path: Path) -> None:
    told = made(tmp_path / "run", sessions[:1])
    first = await run_fleet(told)
    whole = first.results.read_bytes()
    journal = tmp_path / "run/journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    assert forecast(told).to_do == 1
    again = await run_fleet(told)
    assert again.results.read_bytes() == whole
    assert journal.read_bytes().count(b"\n") == 3


def test_a_result_is_one_line_whatever_its_words_hold(sessions: list[Path], tmp_path: Path) -> None:
    place = tmp_path / "results.jsonl"
    reason = 'cut here\u2028and here\x85, "status":"failed"'
    place.write_bytes(Finished.of({"usd": 0.5, "status": "done", "reason": reason}).text + b"\n")
    done = FleetRun(made(tmp_path / "run", sessions[:1], variants={"as_is": Variant()}), place, 0.5)
    assert [unit["reason"] for unit in done.units] == [reason]
    assert repr(done).endswith("1 units, 0 failed, $0.50>")


async def test_what_fails_is_a_result(sessions: list[Path], tmp_path: Path) -> None:
    (sessions[1] / "manifest.json").write_text("{")
    done = await run_fleet(made(tmp_path / "run", sessions[:2], variants={"as_is": Variant()}))
    assert [unit["status"] for unit in done.units] == ["done", "failed"]
    assert "manifest.json is damaged" in done.failed[0]
    assert repr(done).endswith("2 units, 1 failed, $0.00>")


async def test_a_cancelled_run_goes_on(sessions: list[Path], tmp_path: Path) -> None:
    told = made(tmp_path / "run", sessions)
    task = asyncio.create_task(
        run_fleet(told, limits=Limits(at_once=1), progress=lambda d, n, u: d == 2 and task.cancel())
    )
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 2 <= len((tmp_path / "run/journal.jsonl").read_bytes().splitlines()) < 9
    assert len((await run_fleet(told)).units) == 9


async def test_one_process_and_one_plan_per_folder(sessions: list[Path], tmp_path: Path) -> None:
    from contoso_lab.replay.fleet.journal import Journal

    told = made(tmp_path / "run", sessions[:1], variants={"as_is": Variant()})
    with Journal(told):
        with pytest.raises(ReplayError, match="another process runs the fleet"):
            await run_fleet(told)
    other = made(tmp_path / "run", sessions[:2], variants={"as_is": Variant()})
    with pytest.raises(ReplayError, match="belongs to a run with another plan"):
        await run_fleet(other)


# -- money and rates -----------------------------------------------------------------------------------

OPENAI = {"kind": "openai", "base_url": "https://api.openai.com/v1", "model": "gpt-realtime"}


def test_a_forecast_is_told_before_anybody_is_asked(sessions: list[Path], tmp_path: Path) -> None:
    told = made(tmp_path / "run", sessions, variants={"a": Variant(mode="paced"), "b": Variant()}, target=OPENAI)
    each = spent_usd(Recording.open(sessions[0]), "gpt-realtime")
    assert each > 0.01
    ahead = forecast(told, Limits(at_once=2, per_minute=1))
    assert (ahead.units, ahead.to_do, ahead.asking) == (6, 6, 3)
    assert ahead.usd == pytest.approx(3 * each)
    assert ahead.least_minutes == 6
    assert str(ahead).startswith("6 of 6 units to do; 3 ask a target, for about $")
    assert forecast(told).least_minutes == pytest.approx(3 * Recording.open(sessions[0]).duration_ms / 60_000 / 4)
    free = forecast(made(tmp_path / "free", sessions))
    assert (free.usd, str(free).split("; ")[1]) == (0.0, "6 ask a target, for about $0.00")


async def test_the_money_is_a_hard_stop(sessions: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    each = spent_usd(Recording.open(sessions[0]), "gpt-realtime")
    asked: list[str] = []

    async def do(plan: Plan, unit: Any) -> Finished:
        asked.append(unit.key)
        return Finished.of({"usd": each, "rows": [], "status": "done"})

    monkeypatch.setattr("contoso_lab.replay.fleet.executors.do", do)
    told = made(tmp_path / "run", sessions, variants={"a": Variant(mode="fast")}, target=OPENAI)
    with pytest.raises(SpendLimit, match="raise the limit and start it again to go on") as stopped:
        await run_fleet(told, limits=Limits(max_usd=2.5 * each))
    assert (len(asked), stopped.value.left) == (2, 1)
    done = await run_fleet(told, limits=Limits(max_usd=3 * each))
    assert len(asked) == len(set(asked)) == 3
    assert done.usd == pytest.approx(3 * each)


async def test_a_limit_that_cannot_be_watched_is_refused(sessions: list[Path], tmp_path: Path) -> None:
    unknown = made(tmp_path / "run", sessions, target={**OPENAI, "model": "my-deployment"})
    with pytest.raises(ReplayError, match="price of the target's model is not known"):
        await run_fleet(unknown, limits=Limits(max_usd=1))


def test_no_more_begin_in_a_minute_than_may() -> None:
    from contoso_lab.engine.virtual_time import VirtualLoop

    async def begin() -> list[float]:
        gate, times = Gate(Limits(per_minute=2)), []
        for _ in range(5):
            await gate.turn()
            times.append(asyncio.get_running_loop().time())
        return times

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(begin()) == [0, 0, 60, 60, 120]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"variants": {}}, "at least one recording"),
        ({"epochs": 0}, "at least one recording"),
        ({"variants": {"a/b": Variant()}}, "'a/b' cannot be one"),
    ],
)
def test_plans_that_cannot_be(sessions: list[Path], tmp_path: Path, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReplayError, match=sentence):
        made(tmp_path / "run", sessions, **given)
    with pytest.raises(ReplayError, match="two recordings have the name call_0"):
        made(tmp_path / "run", [sessions[0], sessions[0]])
