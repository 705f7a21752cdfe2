"""The memory in an event loop."""

from __future__ import annotations

import asyncio

import pytest

from contoso_lab.errors import MemoryClosed, MemoryMissing
from contoso_lab.memory import AsyncMemory, Forgotten, Memory, Message, open_memory
from contoso_lab.memory.in_async import alone


def test_it_has_every_method_of_the_memory() -> None:
    def methods(of: type) -> set[str]:
        return {name for name in vars(of) if not name.startswith("_") and callable(vars(of)[name])}

    assert methods(AsyncMemory) == methods(Memory)
    assert all(asyncio.iscoroutinefunction(vars(AsyncMemory)[name]) for name in methods(AsyncMemory))


async def test_it_does_what_the_memory_does(url, clock):
    async with AsyncMemory(open_memory(url, clock=clock)) as memory:
        made = await memory.create(customer="maya", persona="voice", language="fr")
        await memory.append(made.id, Message(source="chat", role="user", text="Bonjour", id="m"))
        await memory.replace(made.id, Message(source="chat", role="user", text="Bonjour !", id="m"))
        clock.pass_(seconds=1)
        await memory.touch(made.id)
        await memory.update(made.id, lambda state: {"digest": "x"})
        assert [message.text for message in await memory.history(made.id)] == ["Bonjour !"]
        assert (await memory.get(made.id)).state == {"digest": "x"}
        assert await memory.sweep() == 0
        await memory.close_thread(made.id)
        assert await memory.list("maya") == []
        assert [thread.id for thread in await memory.list("maya", include_closed=True)] == [made.id]
        assert await memory.forget("maya") == Forgotten(1, 1)
        with pytest.raises(MemoryMissing):
            await memory.get(made.id)
    with pytest.raises(MemoryClosed):
        await memory.list()


async def test_no_change_is_lost_between_many_tasks(url, clock):
    async with AsyncMemory(open_memory(url, clock=clock)) as memory:
        made = await memory.create(customer="maya", persona="voice")

        async def work(number: int) -> None:
            await memory.update(made.id, lambda state: state | {str(number): True, "count": state.get("count", 0) + 1})
            await memory.append(made.id, Message(source="chat", role="user", text=str(number)))

        async with asyncio.TaskGroup() as tasks:
            for number in range(60):
                tasks.create_task(work(number))
        thread = await memory.get(made.id)
        assert (thread.state["count"], len(thread.state)) == (60, 61)
        history = await memory.history(made.id)
        assert {message.text for message in history} == set(map(str, range(60)))
        assert [message.seq for message in history] == list(range(1, 61))


async def test_the_loop_goes_on_while_the_store_works():
    """A change that waits for the loop can only end if the loop is free."""
    loop = asyncio.get_running_loop()
    async with AsyncMemory(open_memory("sqlite://")) as memory:
        made = await memory.create(customer="maya", persona="voice")

        async def from_the_loop() -> str:
            return "yes"

        def change(state):
            return {"free": asyncio.run_coroutine_threadsafe(from_the_loop(), loop).result(timeout=10)}

        assert (await memory.update(made.id, change)).state == {"free": "yes"}


async def test_who_is_cancelled_at_the_end_of_a_turn_does_not_keep_it(url):
    """The customer's page closes in the moment in which its answer is complete."""

    async def answers(memory: Memory) -> None:
        async with alone(memory, "answer/thread"):
            task = asyncio.current_task()
            assert task is not None
            task.cancel()  # is felt at the next await, which is where the turn is given back

    with open_memory(url) as memory:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(answers(memory))
        async with asyncio.timeout(10):
            async with alone(memory, "answer/thread"):
                pass
