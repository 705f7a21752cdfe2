"""Make the answers of a recording again: turn by turn as fast as it goes, or in real time with the recorded sound.

What happens is written into the new recording as local events:

| event | says |
|---|---|
| `replay.described` | mode, whether teacher-forced, from which turn on, what was changed |
| `replay.turn` | of each turn: whether the answer diverged, how alike the words are, whether it is off-policy |
| `replay.stand_ins` | items that only stand for what was said in the recording |
| `replay.replaced` | items that were said here, and gave way to stand-ins in the agent's memory |
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from contoso_lab.audio import PCM16_24K
from contoso_lab.errors import SessionError
from contoso_lab.recording import Recording
from contoso_lab.replay.agent import Agent
from contoso_lab.replay.customer_turns import CustomerTurn, greeted, sound_of
from contoso_lab.replay.divergence import Compared
from contoso_lab.replay.history import history_events
from contoso_lab.replay.local_tools import output_id
from contoso_lab.replay.modes import Fast, Paced
from contoso_lab.session import Session
from contoso_lab.session.call import talk
from contoso_lab.wire import Turn

PIECE_MS = 1000
"""What a turn is sent in when nobody waits for it."""
ANSWER_S = 120.0
"""How long an answer may take."""
NOTICED_MS = 500.0
"""After so much of a turn the server has noticed that somebody speaks: padding, three frames, and the network."""


@dataclass(slots=True)
class Regeneration:
    """The caller's side of one replay; `converse` is what `hold` wants.

    Args:
        source: what is played again.
        turns: the customer's turns from the first that is played on.
        mode: how.
        agent: who answers.
        facts: noted with `replay.described`.
        on_turn: as in `hold_call`; of a paced replay.
    """

    source: Recording
    turns: Sequence[CustomerTurn]
    mode: Fast | Paced
    agent: Agent
    facts: dict[str, Any] = field(default_factory=dict)
    on_turn: Callable[[Turn, float], None] | None = None
    _said: dict[int, list[Turn]] = field(default_factory=dict, init=False)
    """By number of the customer's turn: what was said in it here."""
    _done: set[str] = field(default_factory=set, init=False)
    """Items that belong to turns that are over."""
    _histories: int = field(default=0, init=False)

    async def converse(self, session: Session) -> None:
        """Hold the call, up to where the caller would hang up."""
        described = {"mode": self.mode.name, "forced": self.mode.forced, "from_turn": self.turns[0].number}
        await session.note("replay.described", **described, **self.facts)
        if self.turns[0].number > 0:
            await self._stand_in(session, self.turns[0].before)
        if isinstance(self.mode, Fast):
            await self._fast(session)
        else:
            await self._paced(session)
        await self._tell(session)

    async def _fast(self, session: Session) -> None:
        await session.note("client.described", synthetic=self.source.manifest.synthetic)
        by_hand = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await session.send({"type": "session.update", "session": by_hand})
        if self.turns[0].number == 0 and greeted(self.source):
            await session.greet()
            await self._rest(session)
            if self.mode.forced:
                await self._replace(session, self.turns[0].before)
        self._done |= {turn.item_id for turn in session.conversation.turns}
        for turn in self.turns:
            for piece in sound_of(self.source, turn.start_ms, turn.end_ms).resampled(24_000).chunks(PIECE_MS):
                await session.append(piece.to_bytes(PCM16_24K))
            await session.send({"type": "input_audio_buffer.commit"})
            await session.greet()
            await self._rest(session)
            self._said[turn.number] = self._new(session)
            if self.mode.forced:
                await self._replace(session, turn.replies)
            self._done |= {turn.item_id for turn in session.conversation.turns}

    async def _paced(self, session: Session) -> None:
        first = self.turns[0]
        whole = first.number == 0
        cut_ms = 0.0 if whole else first.cut_ms
        forcing = session.beside(self._force(session, cut_ms)) if self.mode.forced else None
        began_ms = session.now_ms
        await talk(
            session, sound_of(self.source, cut_ms), greet=whole and greeted(self.source),
            synthetic=self.source.manifest.synthetic, on_turn=self.on_turn,
        )  # fmt: skip
        if forcing is not None:
            forcing.cancel()
        self._assign(session, began_ms - cut_ms)

    async def _force(self, session: Session, cut_ms: float) -> None:
        """Whenever the customer speaks again, let the recorded reply take the place of the new one."""
        asked = asyncio.get_running_loop().time
        if self.turns[0].number == 0 and greeted(self.source):
            await session.until(lambda: session.conversation.active_response_id is not None)
        began_s = asked()
        history = [self.turns[0].before if self.turns[0].number == 0 else (), *(turn.replies for turn in self.turns)]
        for turn, before in zip(self.turns, history, strict=False):
            at_ms = min(turn.start_ms + NOTICED_MS, turn.end_ms) - cut_ms
            await asyncio.sleep(max(0.0, began_s + at_ms / 1000 - asked()))
            if before:
                await session.until(lambda: session.conversation.active_response_id is None)
                await self._replace(session, before)
            self._done |= {said.item_id for said in session.conversation.turns if said.role != "user"}

    def _assign(self, session: Session, origin_ms: float) -> None:
        """Sort what was said to the customer's turns, by when the customer spoke."""
        number = -1
        for said in session.conversation.turns:
            if said.role == "user":
                at_ms = said.started_ms - origin_ms
                begun = [turn.number for turn in self.turns if turn.start_ms <= at_ms]
                number = max(begun, default=self.turns[0].number)
            if number >= 0:
                self._said.setdefault(number, []).append(said)

    async def _rest(self, session: Session) -> None:
        if not await session.settled(within_s=ANSWER_S):
            raise SessionError(f"no answer came to rest within {ANSWER_S:.0f} s; look at the target's log")

    def _new(self, session: Session) -> list[Turn]:
        return [turn for turn in session.conversation.turns if turn.item_id not in self._done]

    async def _replace(self, session: Session, recorded: Sequence[Turn]) -> None:
        """Take the new replies out of the agent's memory, and put the recorded ones there."""
        replies = [turn for turn in self._new(session) if turn.role == "assistant"]
        calls = [call for turn in replies for call in turn.tool_calls]
        gone = {turn.item_id: None for turn in replies} | {call.item_id: None for call in calls if call.item_id}
        gone |= {output_id(call.call_id): None for call in calls if call.output is not None}
        # First in, then out: so each stands behind what it stands for, and the turns keep their order.
        await self._stand_in(session, recorded)
        if gone:
            await session.note("replay.replaced", item_ids=list(gone))
        for item_id in gone:
            await session.send({"type": "conversation.item.delete", "item_id": item_id})

    async def _stand_in(self, session: Session, turns: Sequence[Turn]) -> None:
        events = list(history_events(turns, prefix=f"past_{self._histories}"))
        self._histories += 1
        if events:
            await session.note("replay.stand_ins", item_ids=[event["item"]["id"] for event in events])
        for event in events:
            await session.send(event)

    async def _tell(self, session: Session) -> None:
        """Write down of each turn how it compares with the recorded one."""
        off = False
        for turn in self.turns:
            said = self._said.get(turn.number, [])
            now = {each.item_id: each for each in session.conversation.turns}
            again = " ".join(
                now.get(each.item_id, each).text for each in said if each.role == "assistant" and each.text
            )
            found: Compared = self.mode.divergence.between(turn.reply, again, self.agent.catalog)
            await session.note(
                "replay.turn", turn=turn.number, item_ids=[each.item_id for each in said], diverged=found.diverged,
                similarity=found.similarity, why=found.why, off_policy=off,
            )  # fmt: skip
            off = off or (found.diverged and not self.mode.forced)
