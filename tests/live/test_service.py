"""Starting and stopping servers, with small programs in their place: no models, no ports."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from contoso_lab import live
from contoso_lab.errors import EngineError
from contoso_lab.live import Here, Service
from contoso_lab.live.kept import GIVES_WAY
from contoso_lab.relay.__main__ import choose_target
from contoso_lab.settings import Target

READY = 'print("READY http://127.0.0.1:4711")\n'
SLEEP = "import time\ntime.sleep(600)\n"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a script in the place of `python -m contoso_lab.<name>`; its arguments are those after -m."""
    python = sys.executable

    def program(source: str) -> None:
        place = tmp_path / "python"
        place.write_text(f"#!{python} -S\nimport sys, os\n{source}", encoding="utf-8")
        place.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(place))

    return program


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.subprocess.Process]:
    """Every process that is started, also one that `start` does not give back."""
    made: list[asyncio.subprocess.Process] = []
    real = asyncio.create_subprocess_exec

    async def note(*arguments: str, **options: object) -> asyncio.subprocess.Process:
        process = await real(*arguments, **options)  # type: ignore[arg-type]
        made.append(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", note)
    return made


def gone(process: asyncio.subprocess.Process) -> bool:
    """It has ended and was waited for: no zombie is left."""
    if process.returncode is None:
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


class TestStart:
    async def test_it_is_given_back_when_it_is_ready(self, program) -> None:
        program('print("… loading the ear")\nprint("a warning")\nprint(f"… {sys.argv[1:]}")\n' + READY + SLEEP)
        told: list[str] = []
        service = await Service.start("engine", "--port", "0", progress=told.append)
        assert (service.name, service.url, service.alive) == ("engine", "http://127.0.0.1:4711", True)
        assert told == ["loading the ear", "['-m', 'contoso_lab.live.kept', 'engine', '--port', '0']"]
        await service.stop()

    async def test_one_that_dies_early_says_why(self, program, started) -> None:
        program('print("… loading")\nprint("the port 80 is taken", file=sys.stderr)\nprint()\nsys.exit(2)\n')
        with pytest.raises(EngineError, match=r"^the engine could not start: the port 80 is taken$"):
            await Service.start("engine")
        assert gone(started[0])

    async def test_one_that_dies_without_a_word(self, program) -> None:
        program("sys.exit(1)\n")
        with pytest.raises(EngineError, match=r"^the relay could not start: nothing$"):
            await Service.start("relay")

    async def test_one_that_never_gets_ready_is_ended(self, program, started, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live.service, "START_TIMEOUT_S", 1.0)
        program('print("… looking for the models")\n' + SLEEP)
        with pytest.raises(EngineError, match=r"was not ready within 1 s; it said: … looking for the models$"):
            await Service.start("engine")
        assert gone(started[0])

    async def test_one_that_closes_its_output_and_stays_is_ended_too(
        self, program, started, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live.service, "START_TIMEOUT_S", 0.3)
        program("os.close(1)\nos.close(2)\n" + SLEEP)
        with pytest.raises(EngineError, match="was not ready"):
            await Service.start("engine")
        assert gone(started[0])

    async def test_who_stops_waiting_leaves_no_process(self, program, started) -> None:
        loading = asyncio.Event()
        program('print("… loading")\n' + SLEEP)
        task = asyncio.create_task(Service.start("engine", progress=lambda _: loading.set()))
        await loading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert gone(started[0])

    async def test_a_listener_that_fails_leaves_no_process(self, program, started) -> None:
        def progress(line: str) -> None:
            raise ZeroDivisionError

        program('print("… loading")\n' + SLEEP)
        with pytest.raises(ZeroDivisionError):
            await Service.start("engine", progress=progress)
        assert gone(started[0])

    async def test_what_is_no_text_and_a_long_line_do_no_harm(self, program) -> None:
        program('os.write(1, b"\\xff\\xfe\\n")\nprint("x" * 200_000)\n' + READY + SLEEP)
        service = await Service.start("engine")
        await service.stop()


class TestStop:
    async def test_politely(self, program, started) -> None:
        program(
            "import signal\n"
            'signal.signal(signal.SIGTERM, lambda *_: (print("goodbye"), sys.exit(0)))\n' + READY + SLEEP
        )  # fmt: skip
        service = await Service.start("relay")
        await service.stop()
        assert (service.process.returncode, service.alive, service.last_line) == (0, False, "goodbye")
        assert gone(started[0])

    async def test_by_force(self, program, started, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live.service, "STOP_TIMEOUT_S", 0.1)
        program("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + SLEEP)
        service = await Service.start("relay")
        await service.stop()
        assert service.process.returncode == -9
        assert gone(started[0])

    async def test_who_stops_waiting_for_the_end_ends_it_by_force(self, program, started) -> None:
        program("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + SLEEP)
        service = await Service.start("relay")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await service.stop()
        assert gone(started[0])

    async def test_what_has_ended_can_be_stopped(self, program) -> None:
        program(READY)
        service = await Service.start("relay")
        await service.process.wait()
        await service.stop()
        await service.stop()
        assert service.process.returncode == 0

    async def test_much_output_does_not_hold_it_up(self, program) -> None:
        program(READY + 'for line in range(20_000):\n    print(f"line {line}")\n')
        service = await Service.start("relay")
        async with asyncio.timeout(20):
            await service.process.wait()
        await service.stop()
        assert service.last_line == "line 19999"


class TestTheWorkbench:
    async def test_both_are_started_and_the_relay_is_told_where_the_engine_is(self, program, tmp_path: Path) -> None:
        program('print("… " + " ".join(sys.argv[3:]))\n' + READY + SLEEP)
        told: list[str] = []
        async with live.serve(runs=tmp_path / "runs", progress=told.append) as here:
            assert here.engine is not None
            assert here.target == Target.local("http://127.0.0.1:4711/v1")
            assert repr(here) == (
                f"Here(relay='http://127.0.0.1:4711', target='http://127.0.0.1:4711/v1', runs='{tmp_path / 'runs'}')"
            )
            here.check()
            services = [here.engine, here.relay]
        assert not any(service.alive for service in services)
        assert [line for line in told if " --port 0" in line] == [
            "engine --port 0",
            f"relay --target local --target-url http://127.0.0.1:4711/v1 --model local "
            f"--runs {tmp_path / 'runs'} --port 0",
        ]

    @pytest.mark.parametrize(
        ("target", "which", "variable"),
        [
            (
                Target("url", "http://there/v1", "a-model", "m"),
                "--target url --target-url http://there/v1 --model a-model --no-key",
                None,
            ),
            (
                Target("openai", "https://x/v1", "gpt-x", "m", SecretStr("sk-secret")),
                "--target openai --target-url https://x/v1 --model gpt-x",
                "OPENAI_API_KEY",
            ),
            (
                Target("azure", "https://x/openai/v1", "dep", "m", SecretStr("sk-secret")),
                "--target azure --target-url https://x/openai/v1 --model dep",
                "AZURE_OPENAI_API_KEY",
            ),
        ],
        ids=["no key", "a key", "azure"],
    )
    async def test_the_relay_gets_the_same_target_and_a_key_is_never_an_argument(
        self, program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target, which: str, variable: str | None
    ) -> None:
        for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        shown = 'print("… keys", [name for name in os.environ if os.environ[name] == "sk-secret"])\n'
        program('print("… " + " ".join(sys.argv[3:]))\n' + shown + READY + SLEEP)
        told: list[str] = []
        async with live.serve(runs=tmp_path, target=target, progress=told.append) as here:
            assert here.engine is None
            assert here.target is target
        [line] = [line for line in told if " --port 0" in line]
        assert line == f"relay {which} --runs {tmp_path} --port 0"
        assert f"keys {[variable] if variable else []}" in told

    @pytest.mark.parametrize(
        "target",
        [
            Target.local("http://127.0.0.1:1/v1"),
            Target("url", "http://there/v1", "a-model", "a-model"),
            Target("url", "http://there/v1", "a-model", "a-model", SecretStr("sk-secret")),
            Target("openai", "https://x/v1", "gpt-x", "gpt-4o-mini", SecretStr("sk-secret")),
            Target("azure", "https://x/openai/v1", "dep", "gpt-4o-mini", SecretStr("sk-secret")),
            Target("azure", "https://x/openai/v1", "dep", "gpt-4o-mini"),
        ],
    )
    def test_what_the_relay_reads_from_it_is_that_target(self, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also when the environment holds the keys of other targets."""
        monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sk-another")
        monkeypatch.setenv("CONTOSO_LAB_MODEL", "another")
        for name, value in live.workbench._keys(target).items():
            monkeypatch.setenv(name, value)
        words = live.workbench._which(target)
        given = dict(zip(words[:6:2], words[1:6:2], strict=True))
        read = choose_target(
            given["--target"], given["--target-url"], model=given["--model"], no_key="--no-key" in words
        )  # fmt: skip
        assert replace(read, chat_model=target.chat_model) == target

    async def test_a_relay_that_cannot_start_takes_the_engine_with_it(self, program, started, tmp_path: Path) -> None:
        program('if "relay" in sys.argv[3]:\n    print("the runs folder is full")\n    sys.exit(1)\n' + READY + SLEEP)
        with pytest.raises(EngineError, match="the relay could not start: the runs folder is full"):
            await live.start(runs=tmp_path)
        assert len(started) == 2
        assert all(map(gone, started))

    async def test_one_that_ended_by_itself_is_noticed(self, program, tmp_path: Path) -> None:
        program(
            'print("READY http://127.0.0.1:4711", flush=True)\n'
            'if "engine" in sys.argv[3]:\n    print("out of memory")\n    sys.exit(3)\n' + SLEEP
        )  # fmt: skip
        async with live.serve(runs=tmp_path) as here:
            assert here.engine is not None
            await here.engine.process.wait()
            await here.engine._watch
            with pytest.raises(EngineError, match="the engine has ended: .*exit code 3, and it said: out of memory"):
                here.check()

    async def test_the_engine_is_stopped_even_when_the_relay_cannot_be(
        self, program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program(READY + SLEEP)
        here: Here = await live.start(runs=tmp_path)
        real = here.relay.stop

        async def stop() -> None:
            await real()
            raise OSError("it would not")

        monkeypatch.setattr(here.relay, "stop", stop)
        with pytest.raises(OSError, match="it would not"):
            await live.stop(here)
        assert here.engine is not None
        assert not here.engine.alive


async def test_who_thinks_goes_after_those_who_carry_sound() -> None:
    code = "import os; from contoso_lab.live import kept; kept._give_way(); print(os.nice(0))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    said, _ = await process.communicate()
    assert int(said) == min(19, os.nice(0) + GIVES_WAY)
