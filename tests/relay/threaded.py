"""A call that goes on with a thread, in memory, under a clock that a test turns."""

from __future__ import annotations

from typing import Any

from contoso_lab.memory import Memory, Message
from contoso_lab.relay.threads.ledger import Ledger
from contoso_lab.relay.threads.minutes import WRITE_AFTER_S, Minutes
from contoso_lab.relay.watching.watch import Unwatched

from .fakes import Held, dump  # noqa: TID252 - the tests are no package


class AtOnce(Ledger):
    """Answers in the loop: a test turns the clock, and no thread is waited for."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self.asked = 0
        self.broken: Exception | None = None
        self.after: Exception | None = None
        """Raised when the answer was there already."""

    async def ask(self, question: Any) -> Any:
        self.asked += 1
        if self.broken is not None:
            raise self.broken
        answer = question(self.memory)
        if self.after is not None:
            error, self.after = self.after, None
            raise error
        return answer


class Counting(Unwatched):
    def __init__(self) -> None:
        super().__init__()
        self.errors: list[str] = []

    def error(self, kind: str, **_: Any) -> None:
        self.errors.append(kind)


class Threaded:
    """A call that goes on with a thread."""

    def __init__(self, memory: Memory, **options: Any) -> None:
        self.memory = memory
        self.thread = memory.create(customer="maya", persona="voice")
        self.ledger, self.watch, self.later = AtOnce(memory), Counting(), None
        self.minutes = Minutes(
            self.ledger, self.thread.id, "c1", watch=self.watch, recording="rec", later=self._later
        )  # fmt: skip
        self.held = Held(minutes=self.minutes, watch=self.watch, **options)
        self.target, self.client = self.held.target, self.held.client

    def _later(self, delay_s: float, what: Any) -> Any:
        return self.held.clock.later(delay_s, what)

    async def pass_s(self, seconds: float = WRITE_AFTER_S) -> None:
        await self.held.clock.pass_s(seconds)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(message.role, message.as_heard) for message in self.messages]

    @property
    def messages(self) -> list[Message]:
        return self.memory.history(self.thread.id)

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.memory.get(self.thread.id).state)

    def user(self, item_id: str, transcript: str | None, *, after: str | None = None) -> None:
        self.target.says(
            dump("input_audio_buffer.committed", item_id=item_id, previous_item_id=after),
            dump(
                "conversation.item.added", previous_item_id=after,
                item={"id": item_id, "type": "message", "role": "user", "content": [{"type": "input_audio"}]},
            ),
        )  # fmt: skip
        if transcript is not None:
            self.heard(item_id, transcript)

    def heard(self, item_id: str, transcript: str) -> None:
        name = "conversation.item.input_audio_transcription.completed"
        self.target.says(dump(name, item_id=item_id, content_index=0, transcript=transcript))

    def assistant(self, item_id: str, text: str, *, after: str | None, sound_ms: int = 0, whole: bool = True) -> None:
        item = {"id": item_id, "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        self.target.says(
            dump("response.created", response={"id": f"r_{item_id}"}),
            dump("conversation.item.added", previous_item_id=after, item=item),
            dump("response.output_item.added", response_id=f"r_{item_id}", output_index=0, item=item),
        )
        if sound_ms:
            sound = "A" * (sound_ms * 64)  # 48 bytes of PCM16 at 24 kHz are a millisecond
            self.target.says(dump("response.output_audio.delta", item_id=item_id, delta=sound))
        self.target.says(
            dump("response.output_audio_transcript.delta", response_id=f"r_{item_id}", item_id=item_id, delta=text)
        )
        if whole:
            content = [{"type": "output_audio", "transcript": text}]
            done = item | {"status": "completed", "content": content}
            self.target.says(
                dump("response.output_item.done", response_id=f"r_{item_id}", output_index=0, item=done),
                dump("conversation.item.done", previous_item_id=after, item=done),
                dump("response.done", response={"id": f"r_{item_id}", "status": "completed", "output": [done]}),
            )
