"""Firefox over WebDriver BiDi: a WebSocket, and no driver beside the browser."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

START_S = 90.0
PREFERENCES = {
    # A window that nobody looks at is active all the same: without that Firefox gives it no microphone.
    "focusmanager.testmode": True,
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "browser.region.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
}

ANSWER_S = 120.0


class Firefox:
    """One tab of a running Firefox."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._number = 0
        self._context = ""
        self.version = ""
        self.log: list[str] = []
        """What the page has written into its console."""

    async def begin(self) -> None:
        """Open the session."""
        said = await self.command("session.new", capabilities={})
        self.version = said["capabilities"]["browserVersion"]
        self._context = (await self.command("browsingContext.getTree"))["contexts"][0]["context"]
        await self.command("session.subscribe", events=["log.entryAdded"])
        # A page that is not in front has slow timers.
        await self.command("browsingContext.activate", context=self._context)

    async def command(self, method: str, **given: Any) -> Any:
        """One command, and its answer; Firefox may owe it for ever, and then the test shall say which."""
        self._number += 1
        await self._line.send(json.dumps({"id": self._number, "method": method, "params": given}))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._answer(self._number)
        except TimeoutError:
            raise AssertionError(f"no answer to {method} {given} within {ANSWER_S} s; log {self.log[-20:]}") from None

    async def _answer(self, number: int) -> Any:
        while True:
            said = json.loads(await self._line.recv())
            if said.get("method") == "log.entryAdded":
                self.log.append(f"{said['params']['level']}: {said['params']['text']}")
            if said.get("id") == number:
                assert said.get("type") != "error", said
                return said["result"]

    async def go(self, url: str) -> None:
        """Open a page."""
        await self.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def ask(self, script: str) -> Any:
        """Run a script as if somebody had just clicked; its value, when that is plain."""
        target = {"context": self._context}
        said = await self.command(
            "script.evaluate", expression=script, target=target, awaitPromise=True, userActivation=True
        )
        assert said["type"] == "success", said
        return said["result"].get("value")

    async def click(self, element: str) -> None:
        """Press the mouse's button over the element that a script gives, as a person does: it takes the focus along."""
        where = await self.ask(
            f"(() => {{ const it = {element}; it.scrollIntoView({{ block: 'center' }});"
            " const { x, y, width, height } = it.getBoundingClientRect();"
            " return `${Math.round(x + width / 2)} ${Math.round(y + height / 2)}`; })()"
        )
        x, y = map(int, where.split())
        pressed = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": pressed}
        await self.command("input.performActions", context=self._context, actions=[mouse])

    async def until(self, script: str, *, within_s: float = 180.0) -> None:
        """Wait until something holds in the page."""
        try:
            async with asyncio.timeout(within_s):
                while not await self.ask(f"Boolean({script})"):  # noqa: ASYNC110 - another program has to be asked
                    await asyncio.sleep(0.3)
        except TimeoutError:
            shown = await self.ask("document.querySelector('.clc')?.innerText ?? document.body.innerText")
            raise AssertionError(f"never was {script}; the page shows {shown!r}, its log {self.log[-20:]}") from None


@asynccontextmanager
async def running_loudspeaker(program: str, folder: Path) -> AsyncIterator[dict[str, str]]:
    """A loudspeaker that nobody hears, by PulseAudio; what a program needs in its environment to find it.

    Without a device to play on, the sound of a page in Firefox does not run, and then neither does a call.
    """
    place = folder / "native"
    process = await asyncio.create_subprocess_exec(
        program, "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
        "--load=module-null-sink sink_name=nobody",
        f"--load=module-native-protocol-unix socket={place} auth-anonymous=1",
        env={**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(START_S):
            while not place.exists():  # noqa: ASYNC110 - another program makes it
                await asyncio.sleep(0.1)
        yield {"PULSE_SERVER": f"unix:{place}"}
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def running_firefox(
    program: str, profile: Path, port: int, environment: Mapping[str, str]
) -> AsyncIterator[Firefox]:
    """A headless Firefox with a fake microphone (a tone), until the block ends."""
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    with (profile / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, "--headless", "--profile", str(profile), f"--remote-debugging-port={port}", "--no-remote",
            "about:blank", stdout=log, stderr=log,
            env={**os.environ, "MOZ_HEADLESS": "1", "HOME": str(profile), **environment},
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_S):
                while True:
                    try:
                        line = await connect(f"ws://127.0.0.1:{port}/session", max_size=2**26, proxy=None)
                        break
                    except (OSError, EOFError):
                        await asyncio.sleep(0.3)
            async with line:
                firefox = Firefox(line)
                await firefox.begin()
                yield firefox
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
