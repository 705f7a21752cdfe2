"""Opening and leaving a call: the goodbye, an end by the other side, errors of the caller's own, cancellation."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from contoso_lab.errors import PromptError, SessionClosed
from contoso_lab.session import Session


async def no_more(line) -> None:
    """Nothing happens in this call."""


async def other_tasks() -> set[str]:
    """What runs besides the test and the fake server, once all that ends has ended."""
    for _ in range(3):
        await asyncio.sleep(0)
    names = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - {asyncio.current_task()}}
    return {name for name in names if name.startswith(("Session.", "hold_call", "WriteUpDesk", "_Teller"))}


class TestHangingUp:
    async def test_the_relay_is_told_and_closes_when_it_has_finished(self, fake) -> None:
        order: list[str] = []
        fake.ends = "script"

        async def script(line) -> None:
            note = await line.note("call.ended")
            assert note["reason"] == "the caller hung up"
            order.append("told")
            await asyncio.sleep(0.02)  # the relay writes its last lines
            order.append("finished")
            await line.close()

        fake.script = script
        async with fake.call() as session:
            await session.until(lambda: session.recording_path is not None)
            assert (session.recording_id, session.recording_path) == ("rec_1", "/runs/rec_1")
        order.append("left")
        assert order == ["told", "finished", "left"]
        assert await other_tasks() == set()

    async def test_a_relay_that_does_not_finish_is_left(self, fake, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("contoso_lab.session.client.HANG_UP_TIMEOUT_S", 0.02)
        fake.ends = "script"

        async def script(line) -> None:
            await line.note("call.ended")
            assert (await line.left_by_client())[0] == 1000

        fake.script = script
        async with asyncio.timeout(3), fake.call():
            pass
        assert await other_tasks() == set()

    async def test_who_hangs_up_hears_no_more(self, fake, clock) -> None:
        playing = asyncio.Event()

        async def script(line) -> None:
            await line.reply("a1", "one two three four", sound_ms=400)
            await line.note("playback.started")
            playing.set()

        fake.script = script
        async with fake.call() as session:
            await playing.wait()
            clock.ms = 200
        assert [(n["type"], n.get("reason"), n.get("played_ms")) for n in fake.line.notes[-2:]] == [
            ("playback.stopped", "flushed", 200), ("call.ended", "the caller hung up", None),
        ]  # fmt: skip
        assert session.conversation.turns[0].heard == "one two"

    async def test_nothing_is_sent_after_the_goodbye(self, fake) -> None:
        """A write-up that is not finished is dropped; its notes would meet a closed door."""
        began = asyncio.Event()
        fake.ends = "script"

        async def after_reply(session: Session) -> None:
            began.set()
            while True:
                await asyncio.sleep(0)
                await session.note("gate.decided", requested=False)

        async def script(line) -> None:
            await line.reply("a1", "Hello.", sound_ms=20)
            await line.note("call.ended")
            await asyncio.sleep(0.02)
            assert line.notes[-1]["type"] == "call.ended"
            await line.customer_speaks("u1")  # the last words of a server, to which nothing can be answered
            await line.close()

        fake.script = script
        async with fake.call(after_reply=after_reply):
            await began.wait()

    async def test_speech_that_is_noticed_while_leaving_ends_nothing(self, fake, clock) -> None:
        fake.ends = "script"

        async def script(line) -> None:
            await line.note("call.ended")
            await line.reply("a1", "Still here?", sound_ms=100)
            clock.ms = 50
            await line.customer_speaks("u1")
            await line.close(1000)

        fake.script = script
        async with fake.call():
            pass
        assert fake.line.unasked == []

    async def test_a_turn_that_ends_while_leaving_is_not_waited_for(self, fake) -> None:
        fake.ends = "script"

        async def script(line) -> None:
            await line.note("call.ended")
            await line.customer_speaks("u1")
            await line.customer_stops("u1")
            await line.close()

        fake.script = script
        async with asyncio.timeout(3), fake.call():
            pass
        assert await other_tasks() == set()

    async def test_a_target_is_simply_left(self, fake) -> None:
        async def script(line) -> None:
            assert await line.left_by_client() == (1000, "")

        fake.relayed, fake.script = False, script
        async with fake.call():
            pass


class TestWithoutARelay:
    async def test_no_event_of_ours_reaches_a_target(self, fake) -> None:
        fake.relayed = False
        done = asyncio.Event()

        async def script(line) -> None:
            await line.greet("Hello.", sound_ms=0)
            await line.customer_says("u1", "Hi.")
            done.set()

        fake.script = script  # the fake complains about anything that begins with lab.
        async with fake.call() as session:
            await session.greet()
            await session.note("client.described", synthetic=True)
            await done.wait()
            await session.until(lambda: len(session.conversation.turns) == 2)
            assert session.recording_path is None
        assert fake.bindings == []
        assert fake.headers[0]["authorization"] == "Bearer sk-test"

    async def test_what_was_heard_is_known_all_the_same(self, fake, clock) -> None:
        fake.relayed = False
        playing, go = asyncio.Event(), asyncio.Event()

        async def script(line) -> None:
            await line.begin_reply("a1", "one two three four", sound_ms=400)
            playing.set()
            await go.wait()
            await line.customer_speaks("u1")
            assert (await line.expect("conversation.item.truncate"))["audio_end_ms"] == 200
            await line.end_reply("a1", "one two three four", status="cancelled")

        fake.script = script
        async with fake.call() as session:
            await playing.wait()
            await session.until(
                lambda: bool(session.conversation.turns) and session.conversation.turns[0].audio_ms == 400
            )
            clock.ms = 200
            go.set()
            await session.until(lambda: session.conversation.active_response_id is None)
            assert session.conversation.turns[0].heard == "one two"


class TestTheOtherSideEndsIt:
    async def test_a_body_that_waits_gets_code_reason_and_last_event(self, fake) -> None:
        fake.ends = "script"

        async def script(line) -> None:
            await line.send("rate_limits.updated", rate_limits=[])
            await line.close(4008, "the session is over")

        fake.script = script
        with pytest.raises(SessionClosed) as caught:
            async with fake.call():
                await asyncio.Event().wait()
        error = caught.value
        assert (error.code, error.reason, error.last_event) == (4008, "the session is over", "rate_limits.updated")
        assert str(error) == "session closed (4008 'the session is over') after rate_limits.updated"
        assert await other_tasks() == set()

    async def test_a_broken_connection_has_a_code_too(self, fake) -> None:
        fake.ends = "script"

        async def script(line) -> None:
            line._connection.transport.abort()

        fake.script = script
        with pytest.raises(SessionClosed, match=r"session closed \(1006 'the connection broke without a goodbye'\)"):
            async with fake.call():
                await asyncio.Event().wait()

    @pytest.mark.parametrize("how", ["append", "greet", "tell", "note", "turns", "settled"])
    async def test_a_body_that_is_at_work_gets_it_as_well(self, fake, how: str) -> None:
        fake.ends = "script"

        async def script(line) -> None:
            await line.customer_speaks("u1")  # so that the call does not come to rest
            await line.close(1011, "the target went away")
            line.unasked.clear()

        async def work(session: Session) -> None:
            match how:
                case "append":
                    while True:
                        await session.append(b"\0\0" * 960)
                        await asyncio.sleep(0)
                case "greet":
                    await session.greet()
                case "tell":
                    await session.tell("Psst.")
                case "note":
                    while True:
                        await session.note("gate.decided")
                        await asyncio.sleep(0)
                case "turns":
                    async for _ in session.turns():
                        pass
                case "settled":
                    await session.until(lambda: session.conversation.speaking)
                    await session.settled(within_s=5)

        fake.script = script
        with pytest.raises(SessionClosed, match="the target went away"):
            async with asyncio.timeout(5), fake.call() as session:
                await work(session)

    async def test_tasks_of_the_body_itself_do_not_hide_it(self, fake) -> None:
        """`async with connect(…) as session, asyncio.TaskGroup() as tasks` is how a notebook would do it."""
        fake.ends = "script"

        async def script(line) -> None:
            await line.close(1001, "the relay is shutting down")

        async def talk(session: Session) -> None:
            while True:
                await session.append(b"\0\0" * 960)
                await asyncio.sleep(0)

        async def call() -> None:
            async with asyncio.timeout(5), fake.call() as session, asyncio.TaskGroup() as tasks:
                tasks.create_task(talk(session))
                tasks.create_task(talk(session))

        fake.script = script
        with pytest.raises(SessionClosed, match="1001"):
            await call()

    async def test_it_is_told_also_when_the_body_had_just_ended(self, fake) -> None:
        fake.ends = "script"

        async def script(line) -> None:
            await line.close(1011, "too late")

        async def call() -> None:
            async with fake.call() as session:
                with suppress(SessionClosed):
                    while True:
                        await session.note("gate.decided")

        fake.script = script
        with pytest.raises(SessionClosed, match="too late"):
            await call()


class TestErrorsOfTheCallersOwn:
    @pytest.mark.parametrize(
        "error",
        [
            ValueError("mine"), FileNotFoundError(2, "no such file", "mine.wav"), TimeoutError("mine"),
            ConnectionRefusedError("another server"), SessionClosed(4000, "of another session"), KeyboardInterrupt(),
            ExceptionGroup("mine", [ValueError("one"), OSError("two")]),
        ],
        ids=lambda error: type(error).__name__,
    )  # fmt: skip
    @pytest.mark.parametrize("relayed", [True, False])
    async def test_they_pass_unchanged(self, fake, error: BaseException, relayed: bool) -> None:
        fake.relayed = relayed
        fake.script, fake.ends = no_more, "silent"
        why = RuntimeError("the reason that I gave")
        with pytest.raises(type(error)) as caught:
            async with fake.call():
                raise error from why
        assert caught.value is error
        assert error.__cause__ is why
        assert await other_tasks() == set()

    async def test_a_timeout_around_the_call_is_a_timeout(self, fake) -> None:
        fake.script, fake.ends = no_more, "silent"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), fake.call():
                await asyncio.Event().wait()
        assert await other_tasks() == set()

    async def test_a_timeout_inside_the_call_is_one_too(self, fake) -> None:
        fake.script, fake.ends = no_more, "silent"
        with pytest.raises(TimeoutError):
            async with fake.call(), asyncio.timeout(0.02):
                await asyncio.Event().wait()

    async def test_what_fails_beside_the_call_ends_it(self, fake) -> None:
        async def after_reply(session: Session) -> None:
            raise PromptError("prompts/writeup_gate.prompty: the target did not answer")

        async def script(line) -> None:
            await line.reply("a1", "Hello.", sound_ms=0)

        fake.script, fake.ends = script, "silent"
        with pytest.raises(PromptError, match="writeup_gate"):
            async with fake.call(after_reply=after_reply):
                await asyncio.Event().wait()

    async def test_what_the_body_makes_of_that_does_not_hide_it(self, fake) -> None:
        async def fail() -> None:
            raise PromptError("the target did not answer")

        async def call() -> None:
            async with fake.call() as session:
                session.beside(fail())
                try:
                    await asyncio.Event().wait()
                finally:
                    raise ValueError("while cleaning up")

        fake.script, fake.ends = no_more, "silent"
        with pytest.raises(PromptError):
            await call()


class TestCancelling:
    async def test_it_leaves_no_task_behind(self, fake) -> None:
        inside = asyncio.Event()

        async def after_reply(session: Session) -> None:
            await asyncio.Event().wait()

        async def script(line) -> None:
            await line.reply("a1", "Hello.", sound_ms=60)

        async def call() -> None:
            async with fake.call(after_reply=after_reply) as session:
                await session.until(lambda: session._writing)
                inside.set()
                async for _ in session.turns():
                    pass

        fake.script, fake.ends = script, "silent"
        task = asyncio.create_task(call())
        await inside.wait()
        assert "Session._read" in await other_tasks()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await other_tasks() == set()

    async def test_while_waiting_for_the_relay_to_finish(self, fake) -> None:
        fake.ends = "script"
        said = asyncio.Event()

        async def script(line) -> None:
            await line.note("call.ended")
            said.set()
            await line.left_by_client()

        async def call() -> None:
            async with fake.call():
                pass

        fake.script = script
        task = asyncio.create_task(call())
        await said.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await other_tasks() == set()
