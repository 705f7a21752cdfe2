from __future__ import annotations

import asyncio
import json

import pytest

from contoso_lab.errors import SessionClosed
from contoso_lab.relay import pump as pump_module
from contoso_lab.relay.call import Call
from contoso_lab.relay.closing import Close
from contoso_lab.relay.pump import Pump
from contoso_lab.relay.tape import Tape

CREATED = '{"type":"session.created"}'


class Line:
    """One side of a call in memory: what it will say is put in, what it was told is read out."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[str | SessionClosed] = asyncio.Queue()
        self.told: list[str | bytes] = []
        self.closed_with: Close | None = None
        self.deaf = False

    async def receive(self):
        said = await self.says.get()
        if isinstance(said, SessionClosed):
            raise said
        return said

    async def send(self, message) -> None:
        if self.deaf:
            raise SessionClosed(1006, "")
        self.told.append(message)

    async def close(self, close: Close) -> None:
        self.closed_with = close


@pytest.fixture
def lines():
    return Line(), Line()


def start(client: Line, target: Line) -> tuple[Pump, asyncio.Task]:
    pump = Pump("1", Call({"type": "realtime"}), client=client, target=target, tape=Tape())
    return pump, asyncio.create_task(pump.run(CREATED, show_path=False))


async def test_the_rules_work_over_any_transport(lines):
    client, target = lines
    pump, running = start(client, target)
    client.says.put_nowait('{"type":"response.create"}')
    target.says.put_nowait('{"type":"response.done"}')
    await asyncio.sleep(0.01)
    client.says.put_nowait(SessionClosed(1000, ""))
    hang_up = await running
    assert json.loads(target.told[0])["type"] == "session.update"
    assert target.told[1:] == ['{"type":"response.create"}']
    assert client.told == [CREATED, '{"type":"response.done"}']
    assert target.closed_with == hang_up.target == Close(1000)
    assert pump.messages == {"client": 1, "target": 1}


@pytest.mark.parametrize("gone", ["client", "target"])
async def test_a_side_that_can_be_neither_told_nor_heard_is_given_up(lines, monkeypatch, gone):
    monkeypatch.setattr(pump_module, "GOODBYE_S", 0.01)
    client, target = lines
    _, running = start(client, target)
    await asyncio.sleep(0.01)
    (client if gone == "client" else target).deaf = True
    (target if gone == "client" else client).says.put_nowait('{"type":"response.done"}')
    assert f"{gone} lost (1006)" in (await running).why


async def test_cancelling_closes_everything(lines):
    client, target = lines
    pump, running = start(client, target)
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert pump.finished.is_set()
    assert client.closed_with is not None
    assert (client.closed_with.code, target.closed_with.code) == (1001, 1001)
