"""The session at work against a scripted server: turns, barge-in, asking for replies, rest, the write-up beside it."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from contoso_lab.audio import PCM16_24K, Clip, to_base64, tone
from contoso_lab.errors import EventError
from contoso_lab.session import Session
from contoso_lab.wire import Turn


async def take(session: Session, count: int) -> list[Turn]:
    turns = []
    async with asyncio.timeout(5):
        async for turn in session.turns():
            turns.append(turn)
            if len(turns) == count:
                break
    return turns


def types(notes: list[dict[str, Any]]) -> list[str]:
    return [note["type"] for note in notes]


class TestTurns:
    async def test_they_come_in_spoken_order_once_their_words_are_final_and_heard(self, fake) -> None:
        async def script(line) -> None:
            await line.greet("Hello.")
            await line.note("playback.stopped")
            await line.customer_speaks("u1")
            await line.customer_stops("u1")
            # Answered before it is written down: the answer waits for its turn.
            await line.reply("a1", "The Meadow Four.", sound_ms=60)
            await line.note("playback.stopped")
            await line.written("u1", "A tent, please.")

        fake.script = script
        async with fake.call() as session:
            await session.greet()
            turns = await take(session, 3)
            stopped = [note for note in fake.line.notes if note["type"] == "playback.stopped"]
        assert [(turn.role, turn.heard) for turn in turns] == [
            ("assistant", "Hello."), ("user", "A tent, please."), ("assistant", "The Meadow Four."),
        ]  # fmt: skip
        assert [(note["reason"], note["played_ms"]) for note in stopped] == [("finished", 40), ("finished", 60)]

    async def test_a_reply_that_still_sounds_is_not_told(self, fake, clock) -> None:
        heard = asyncio.Event()

        async def script(line) -> None:
            await line.reply("a1", "The Meadow Four.", sound_ms=200)
            await line.note("playback.started")
            heard.set()

        fake.script = script
        async with fake.call() as session:
            telling = asyncio.ensure_future(take(session, 1))
            await heard.wait()
            await asyncio.sleep(0)
            assert session.conversation.turns[0].status == "done"
            assert not telling.done()
            clock.ms = 200
            [turn] = await telling
            assert turn.heard == "The Meadow Four."

    async def test_a_reply_that_was_cut_is_told_when_its_words_are_final(self, fake, clock) -> None:
        cut = asyncio.Event()
        told = asyncio.Event()

        async def script(line) -> None:
            await line.begin_reply("a1", "It costs", sound_ms=400)
            await line.note("playback.started")
            clock.ms = 200
            await line.customer_speaks("u1")
            await line.expect("conversation.item.truncate")
            cut.set()
            await told.wait()
            await line.end_reply("a1", "It costs two hundred dollars.", status="cancelled")
            await line.customer_stops("u1")
            await line.written("u1", "Stop.")

        fake.script = script
        async with fake.call() as session:
            telling = asyncio.ensure_future(take(session, 2))
            await cut.wait()
            for _ in range(5):
                await asyncio.sleep(0)
            assert not telling.done()
            told.set()
            answer, question = await telling
        assert (answer.status, answer.text) == ("interrupted", "It costs two hundred dollars.")
        assert answer.heard == "It costs two"
        assert question.heard == "Stop."

    async def test_a_turn_that_vanishes_takes_no_other_turn_with_it(self, fake) -> None:
        gone = asyncio.Event()

        async def script(line) -> None:
            await line.customer_says("u1", "One.")
            await gone.wait()
            wire = {
                "id": "s1",
                "type": "message",
                "role": "system",
                "content": [{"type": "input_text", "text": "Psst"}],
            }
            await line.send("conversation.item.added", previous_item_id="u1", item=wire)
            await line.send("conversation.item.deleted", item_id="s1")
            await line.customer_says("u2", "Two.")

        fake.script = script
        told: list[str] = []
        async with fake.call() as session, asyncio.timeout(5):
            async for turn in session.turns():
                told.append(turn.heard)
                gone.set()
                if turn.heard == "Two.":
                    break
        assert told[0] == "One."
        assert told[-1] == "Two."


class TestBargeIn:
    async def test_exactly_what_was_played_is_kept(self, fake, clock) -> None:
        done = asyncio.Event()

        async def script(line) -> None:
            await line.begin_reply("a1", "one two three four five", sound_ms=1000)
            started = await line.note("playback.started")
            assert started["client_ms"] == 0
            clock.ms = 333.25
            await line.customer_speaks("u1")
            stopped = await line.note("playback.stopped")
            assert (stopped["item_id"], stopped["reason"], stopped["client_ms"]) == ("a1", "flushed", 333.25)
            assert stopped["played_ms"] == pytest.approx(333.25, abs=0.06)
            cut = await line.expect("conversation.item.truncate")
            assert (cut["item_id"], cut["content_index"], cut["audio_end_ms"]) == ("a1", 0, 333)
            await line.send("conversation.item.truncated", item_id="a1", content_index=0, audio_end_ms=333)
            await line.end_reply("a1", "one two three four five", status="cancelled")
            done.set()

        fake.script = script
        async with fake.call() as session:
            await done.wait()
            await session.until(lambda: session.conversation.active_response_id is None)
            [answer, _] = session.conversation.turns
            assert answer.status == "interrupted"
            assert answer.heard == "one two"
            assert session.conversation.speaking

    async def test_what_arrives_late_of_a_cut_reply_stays_silent(self, fake, clock) -> None:
        async def script(line) -> None:
            await line.begin_reply("a1", "one two three four five", sound_ms=500)
            await line.note("playback.started")
            clock.ms = 100
            await line.customer_speaks("u1")
            await line.expect("conversation.item.truncate")
            await line.sound("a1", 500)  # was on its way
            await line.end_reply("a1", "one two three four five", status="cancelled")
            await line.customer_stops("u1")
            await line.written("u1", "Stop.")
            await line.reply("a2", "Yes?", sound_ms=20)
            assert (await line.note("playback.started"))["item_id"] == "a2"
            clock.ms = 2000
            await line.note("playback.stopped")

        fake.script = script
        async with fake.call() as session:
            turns = await take(session, 3)
        assert turns[0].heard_ms == 100
        assert [note["item_id"] for note in fake.line.notes if note["type"] == "playback.started"] == ["a1", "a2"]

    async def test_a_second_reply_in_the_queue_is_taken_out_and_not_cut(self, fake, clock) -> None:
        async def script(line) -> None:
            await line.reply("a1", "First.", sound_ms=300)
            await line.reply("a2", "Second.", sound_ms=300)
            await line.note("playback.started")
            clock.ms = 150
            await line.customer_speaks("u1")
            assert (await line.expect("conversation.item.truncate"))["item_id"] == "a1"
            assert (await line.expect("conversation.item.delete"))["item_id"] == "a2"
            await line.customer_stops("u1")
            await line.written("u1", "Stop.")

        fake.script = script
        async with fake.call() as session:
            turns = await take(session, 3)
        assert [(turn.item_id, turn.heard_ms) for turn in turns] == [("a1", 150), ("a2", 0), ("u1", 1000)]

    @pytest.mark.parametrize("sound_ms", [0, 100], ids=["nothing sounds", "nothing was played yet"])
    async def test_with_nothing_played_nothing_is_cut(self, fake, clock, sound_ms: float) -> None:
        async def script(line) -> None:
            if sound_ms:
                await line.begin_reply("a1", "Hello", sound_ms=sound_ms)
                await line.note("playback.started")
            await line.customer_speaks("u1")
            if sound_ms:
                assert (await line.note("playback.stopped"))["played_ms"] == 0
                assert (await line.expect("conversation.item.delete"))["item_id"] == "a1"
                await line.end_reply("a1", "Hello", status="cancelled")
            await line.customer_stops("u1")
            await line.written("u1", "Hi.")

        fake.script = script  # a truncate would be an event that nobody expects
        async with fake.call() as session:
            await session.until(lambda: any(turn.heard == "Hi." for turn in session.conversation.turns))

    async def test_an_empty_piece_of_sound_is_no_reply(self, fake, soon_at_rest) -> None:
        async def script(line) -> None:
            await line.begin_reply("a1", "Hm.")
            place = {"response_id": "response_a1", "item_id": "a1", "output_index": 0, "content_index": 0}
            await line.send("response.output_audio.delta", **place, delta="")
            await line.end_reply("a1", "Hm.")

        fake.script = script
        async with fake.call() as session:
            await session.until(lambda: bool(session.conversation.turns))
            assert await session.settled(within_s=3)
        assert types(fake.line.notes) == ["call.ended"]

    async def test_a_response_that_ends_without_a_list_of_items_ends_its_sound(self, fake, soon_at_rest) -> None:
        async def script(line) -> None:
            await line.begin_reply("a1", "Hello.", sound_ms=40)
            await line.send("response.done", response={"id": "response_a1", "status": "completed"})

        fake.script = script
        async with fake.call() as session:
            await session.until(lambda: bool(session.conversation.turns))
            assert await session.settled(within_s=3)
        assert fake.line.notes[-2]["reason"] == "finished"


class TestAskingForReplies:
    async def test_greet_waits_until_the_answer_has_begun(self, fake) -> None:
        asked, go = asyncio.Event(), asyncio.Event()

        async def script(line) -> None:
            await line.expect("response.create")
            asked.set()
            await go.wait()
            await line.reply("greeting", "Hello.")

        fake.script = script
        async with fake.call() as session:
            greeting = asyncio.ensure_future(session.greet())
            await asked.wait()
            await asyncio.sleep(0)
            assert not greeting.done()
            go.set()
            await greeting
            assert session.conversation.turns or session.conversation.active_response_id

    async def test_only_its_own_refusal_lets_it_go_on(self, fake) -> None:
        refused, go = asyncio.Event(), asyncio.Event()

        async def script(line) -> None:
            asked = await line.expect("response.create")
            await line.send("error", error={"type": "server_error", "message": "something else", "event_id": "other"})
            await line.send("error", error={"type": "server_error", "message": "about nothing", "event_id": None})
            await line.send("error", error=None)
            refused.set()
            await go.wait()
            own = {"type": "invalid_request_error", "message": "not now", "event_id": asked["event_id"]}
            await line.send("error", error=own)

        fake.script = script
        async with fake.call() as session:
            greeting = asyncio.ensure_future(session.greet())
            await refused.wait()
            await session.until(lambda: len(session.errors) == 3)
            await asyncio.sleep(0)
            assert not greeting.done()
            go.set()
            await greeting
            assert [error.get("message") for error in session.errors] == [
                "something else", "about nothing", None, "not now",
            ]  # fmt: skip

    async def test_it_asks_again_once_the_other_answer_has_ended(self, fake) -> None:
        busy = {"type": "invalid_request_error", "code": "conversation_already_has_active_response", "message": "busy"}

        async def script(line) -> None:
            first = await line.expect("response.create")
            await line.send("error", error={**busy, "event_id": first["event_id"]})
            second = await line.expect("response.create")
            assert second["event_id"] != first["event_id"]
            await line.reply("a1", "Hello.")

        fake.script = script
        async with fake.call() as session:
            await session.greet()
            assert [error["code"] for error in session.errors] == ["conversation_already_has_active_response"]

    async def test_each_request_has_a_name_of_its_own(self, fake) -> None:
        async def script(line) -> None:
            first = await line.expect("response.create")
            await line.reply("a1", "One.")
            second = await line.expect("response.create")
            await line.reply("a2", "Two.")
            assert first["event_id"] != second["event_id"]

        fake.script = script
        async with fake.call() as session:
            await session.greet()
            await take(session, 1)
            await session.greet()

    async def test_telling_waits_until_nobody_speaks_and_nothing_is_answered(self, fake) -> None:
        speaking, told, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def script(line) -> None:
            await line.customer_speaks("u1")
            speaking.set()
            item = (await line.expect("conversation.item.create"))["item"]
            assert (item["role"], item["content"][0]["text"]) == ("system", "It is on the screen.")
            told.set()
            await go.wait()
            await line.customer_stops("u1")
            await line.written("u1", "Thanks.")
            await line.begin_reply("a1", "You are welcome.", sound_ms=20)
            await line.note("playback.first_audible")
            assert line.unasked == [], "while an answer is being made, another would be refused"
            await line.end_reply("a1", "You are welcome.")
            await line.expect("response.create")
            await line.reply("a2", "Look at your screen.")

        fake.script = script
        async with fake.call() as session:
            await speaking.wait()
            await session.until(lambda: session.conversation.speaking)
            telling = asyncio.ensure_future(session.tell("It is on the screen."))
            await told.wait()
            await asyncio.sleep(0)
            assert not telling.done()
            go.set()
            await telling

    async def test_telling_without_an_answer_asks_for_none(self, fake) -> None:
        async def script(line) -> None:
            await line.expect("conversation.item.create")

        fake.script = script
        async with fake.call() as session:
            await session.tell("The customer has looked at the page.", answer=False)


class TestSpeaking:
    async def test_a_clip_is_streamed_as_24_khz_in_chunks(self, fake) -> None:
        clip = tone(100, rate_hz=16_000)

        async def script(line) -> None:
            await line.hears(100)

        fake.script = script
        async with fake.call() as session:
            await session.stream(clip, chunk_ms=20)
        sent = Clip.from_bytes(fake.line.audio, PCM16_24K)
        assert sent.duration_ms == 100
        assert np.allclose(sent.samples, clip.resampled(24_000).samples, atol=1e-4)

    async def test_without_a_detector_a_turn_begins_with_its_first_sound(self, fake, clock) -> None:
        async def script(line) -> None:
            await line.hears(20)
            await line.expect("input_audio_buffer.commit")
            await line.send("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
            await line.written("u1", "Hi.")

        fake.script = script
        async with fake.call() as session:
            clock.ms = 50
            await session.append(tone(20).to_bytes(PCM16_24K))
            clock.ms = 90
            await session.send({"type": "input_audio_buffer.commit"})
            [turn] = await take(session, 1)
        assert (turn.started_ms, turn.stopped_ms) == (50, 90)


class TestRest:
    async def test_it_waits_for_sound_that_is_still_to_be_heard(self, fake, soon_at_rest) -> None:
        async def script(line) -> None:
            await line.greet(sound_ms=80)

        fake.script = script
        async with fake.call() as session:
            await session.greet()
            assert await session.settled(within_s=3)
            assert session.quiet
            assert "playback.stopped" in types(fake.line.notes)

    async def test_the_moment_before_the_server_answers_is_no_rest(self, fake) -> None:
        async def script(line) -> None:
            await line.customer_says("u1", "A tent, please.")
            await asyncio.sleep(0.05)  # longer than it takes to look, shorter than a rest
            await line.reply("a1", "The Meadow Four.")

        fake.script = script
        async with fake.call() as session:
            await session.until(lambda: bool(session.conversation.turns))
            assert await session.settled(within_s=3)
            assert [turn.role for turn in session.conversation.turns] == ["user", "assistant"]

    @pytest.mark.parametrize("what", ["speech", "words", "answer", "sound"])
    async def test_it_gives_up(self, fake, clock, what: str) -> None:
        async def script(line) -> None:
            match what:
                case "speech":
                    await line.customer_speaks("u1")
                case "words":
                    await line.customer_speaks("u1")
                    await line.customer_stops("u1")
                case "answer":
                    await line.begin_reply("a1", "Well")
                case "sound":
                    await line.reply("a1", "Well", sound_ms=100)  # the clock stands still

        fake.script = script
        async with fake.call() as session:
            await session.until(lambda: not session.quiet)
            assert not await session.settled(within_s=0.02)


class TestBeside:
    async def test_one_at_a_time_and_a_reply_that_ends_meanwhile_is_judged_after(self, fake, soon_at_rest) -> None:
        seen: list[int] = []
        at_work = 0
        began, go = asyncio.Event(), asyncio.Event()

        async def after_reply(session: Session) -> None:
            nonlocal at_work
            at_work += 1
            assert at_work == 1
            seen.append(len(session.conversation.turns))
            began.set()
            await go.wait()
            at_work -= 1

        async def script(line) -> None:
            await line.reply("a1", "One.", sound_ms=0)
            await began.wait()
            await line.reply("a2", "Two.", sound_ms=0)
            await line.reply("a3", "Three.", sound_ms=0)

        fake.script = script
        async with fake.call(after_reply=after_reply) as session:
            await session.until(lambda: len(session.conversation.turns) == 3 and not session._busy)
            assert not session.quiet
            go.set()
            assert await session.settled(within_s=3)
        assert seen == [1, 3], "twice: for the first, and once for the two that ended meanwhile"

    @pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
    async def test_a_reply_that_was_not_completed_is_not_judged(self, fake, soon_at_rest, status: str) -> None:
        async def after_reply(session: Session) -> None:
            raise AssertionError("judged")

        async def script(line) -> None:
            await line.reply("a1", "One.", sound_ms=0, status=status)

        fake.script = script
        async with fake.call(after_reply=after_reply) as session:
            await session.until(lambda: bool(session.conversation.turns) and not session._busy)
            assert await session.settled(within_s=3)


class TestAServerThatDoesNotKeepToTheProtocol:
    async def test_garbage_is_kept_as_an_error_and_the_call_goes_on(self, fake) -> None:
        async def script(line) -> None:
            await line._connection.send("this is no JSON")
            await line.reply("a1", "One.", sound_ms=0)

        fake.script = script
        async with fake.call() as session:
            await session.until(lambda: bool(session.conversation.turns))
            assert [error["type"] for error in session.errors] == ["unreadable_message"]
            assert "no JSON" in session.errors[0]["message"]

    async def test_an_event_that_comes_twice_counts_once(self, fake, clock) -> None:
        done = asyncio.Event()

        async def script(line) -> None:
            await line.begin_reply("a1", "Hello.")
            place = {"response_id": "response_a1", "item_id": "a1", "output_index": 0, "content_index": 0}
            delta = to_base64(tone(100).to_bytes(PCM16_24K))
            for _ in range(2):
                await line.send("response.output_audio.delta", **place, delta=delta, event_id="the same")
            await line.end_reply("a1", "Hello.")
            done.set()

        fake.script = script
        async with fake.call() as session:
            await done.wait()
            await session.until(lambda: bool(session.conversation.turns) and not session._busy)
            assert session.conversation.turns[0].audio_ms == 100

    async def test_a_missing_member_is_named(self, fake) -> None:
        fake.ends = "silent"

        async def script(line) -> None:
            await line.send("response.output_audio.delta", item_id="a1", delta="AAA=")

        fake.script = script
        with pytest.raises(EventError, match=r"sent response\.output_audio\.delta without 'response_id'"):
            async with fake.call():
                await asyncio.Event().wait()
