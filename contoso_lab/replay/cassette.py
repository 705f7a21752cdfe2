"""The recorded server speaks again, to our client, on a virtual clock.

What passes at which moment is given: every event of the server, every piece of the customer's sound, and what the
client asked for on its own. What the client does by itself is done anew: playing replies, cutting them off when the
customer speaks, and telling the server how much was heard. So a change of the client shows as a difference in its own
events, and in nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from contoso_lab.engine.cassette import RecordedSound
from contoso_lab.engine.virtual_time import VirtualLoop
from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recorder, Recording
from contoso_lab.replay.modes import Cassette
from contoso_lab.replay.taped import noted
from contoso_lab.replay.virtual_call import in_virtual_time
from contoso_lab.session.line import Line
from contoso_lab.session.opening import session_on
from contoso_lab.wire import ga_name

_REFLEXES = {"conversation.item.truncate", "conversation.item.delete"}
"""What the client sends by itself when the customer cuts in."""
_APPEND = "input_audio_buffer.append"
_GAP_S = 1e-9


def play_cassette(source: Recording, runs: Path, *, id: str | None = None) -> Recording:
    """Play a recording to our client, as fast as it goes. Blocking; not where an event loop runs.

    Args:
        source: with events of a server.
        runs: where the new recording goes.
        id: its name; made from the time unless given.

    Raises:
        ReplayError: no server speaks in it.
    """
    if not any(event.dir == "s2c" for event in source.events):
        raise ReplayError(f"{source.path} holds no events of a server: there is nothing to play")
    places: list[Path] = []

    async def held() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)

        def clock_ns() -> int:  # `loop_ns`, which would look for the loop twice for each event
            return round(loop.time() * 1e9)

        began = datetime.fromisoformat(source.manifest.created_at)
        manifest = source.manifest
        recorder = Recorder.start(
            runs, id=id, persona=manifest.persona, customer=manifest.customer, scenario=manifest.scenario,
            mode=Cassette.name, replay_of=source.id, target=manifest.target.model_dump(include={"kind", "model"}),
            session=manifest.session, catalogue_sha=manifest.catalogue_sha, prompts=manifest.prompts,
            playback=manifest.playback.model_dump(), synthetic=manifest.synthetic, clock_ns=clock_ns,
            now=lambda: began, consent=manifest.consent, keep_until=manifest.retention.keep_until,
            followed=False,
        )  # fmt: skip
        places.append(recorder.path)
        reel = Reel(recorder)
        try:
            async with session_on(_line(reel), relayed=True, clock_ns=clock_ns) as session:
                sound = RecordedSound(source)
                speaks, writes = session.conversation.apply, recorder.write
                for event in source.events:
                    if event.dir == "local":
                        continue
                    kind = event.type
                    at_s = event.t_ms / 1000
                    if kind == _APPEND and event.dir == "c2s":
                        if not _passed(loop, at_s):
                            await asyncio.sleep(at_s - loop.time())
                        speaks(event.ev, at_ms=session.now_ms, dir="c2s")
                        writes("c2s", _append(event.ev, sound))
                        continue  # there is nothing in it that the client could act on
                    sound.follow(event.dir, event.ev)
                    if kind.startswith("lab."):
                        continue
                    if not _passed(loop, at_s):
                        await asyncio.sleep(at_s - loop.time())
                    if event.dir == "s2c":
                        reel.say(event.ev, sound)
                    elif ga_name(kind) not in _REFLEXES:
                        await session.send(sound.restore(event.ev))
                    await asyncio.sleep(0)  # the client acts on each event before the next one passes
                await asyncio.sleep(source.duration_ms / 1000 - loop.time())
        finally:
            recorder.close("the cassette is at its end")

    in_virtual_time(held)
    return Recording.open(places[0])


class Reel:
    """Stands where the connection to a relay would stand; the server's events are put in, one by one."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue()

    def say(self, event: dict[str, Any], sound: RecordedSound) -> None:
        """Let the server say this now."""
        raw = _wire(event, sound)
        self._recorder.write("s2c", raw)
        self._out.put_nowait(raw)

    async def recv_bytes(self) -> bytes:
        """The next event of the server."""
        raw = await self._out.get()
        if raw is None:
            raise ConnectionClosed(Close(1000, ""), None)
        return raw

    async def send_raw(self, data: bytes | str) -> None:
        """Take what the client sends; nobody answers."""
        text = data if isinstance(data, str) else data.decode()
        event = noted(text)
        self._recorder.write("c2s" if event is None else "local", text if event is None else event)
        if event is not None and event["type"] == "call.ended":
            await self.close()

    async def close(self) -> None:
        """The end."""
        self._out.put_nowait(None)


@asynccontextmanager
async def _line(reel: Reel) -> AsyncIterator[Line]:
    yield Line(reel, clock=asyncio.get_running_loop().time)


def _passed(loop: VirtualLoop, at_s: float) -> bool:
    """Let time pass without a turn of the loop, where nobody has anything to do until then.

    Most of a call is the microphone's; a turn of the loop for each of its pieces would cost most.
    """
    if at_s <= loop.time() + _GAP_S / 2:
        return True
    if not loop.idle_until(at_s):
        return False
    loop.pass_to(at_s)
    return True


def _append(event: dict[str, Any], sound: RecordedSound) -> bytes:
    if len(event) != 2 or not isinstance(event.get("audio"), dict):
        return _wire(event, sound)
    return b'{"type":"input_audio_buffer.append","audio":"%b"}' % sound.text("input", event["audio"]).encode()


def _wire(event: dict[str, Any], sound: RecordedSound) -> bytes:
    """An event as it was on the wire, with its sound."""
    whole = sound.restore(event)
    if whole is event or any(isinstance(value, dict | list) for value in whole.values()):
        return _written(whole).encode()
    # Nothing in base64 has to be escaped, and looking for it is most of the work.
    key = "delta" if whole.get("delta") is not event.get("delta") else "audio"
    before, after = _written({**whole, key: ""}).split(f'"{key}":""', 1)
    return f'{before}"{key}":"{whole[key]}"{after}'.encode()


def _written(event: dict[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)
