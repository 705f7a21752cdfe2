"""A simulated caller's own ear: the agent's words as the caller makes them out from the sound."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import numpy as np

from contoso_lab.audio import PCM16_24K, Clip, FloatArray, decode, from_base64
from contoso_lab.engine.seams import Ear
from contoso_lab.session import Session
from contoso_lab.wire import Event, Turn

EAR_HZ = 16_000


class CallerEar:
    """Listens to the replies of one call.

    Args:
        session: the call.
        ear: recognises speech; the caller's own, not the target's.
    """

    def __init__(self, session: Session, ear: Ear) -> None:
        self._ear = ear
        self._sound: dict[str, list[FloatArray]] = defaultdict(list)
        session.watching.append(self._take)

    async def words(self, turns: list[Turn], *, now_ms: float) -> str:
        """What was said in these replies, as far as they can have sounded by now."""
        parts = [self._sounded(turn, now_ms) for turn in turns]
        sound = np.concatenate([part for part in parts if len(part)] or [np.zeros(0, np.float32)])
        if not len(sound):
            return ""
        heard = await asyncio.to_thread(self._ear.transcribe, Clip(sound, 24_000).resampled(EAR_HZ).samples)
        return heard.text.strip()

    def _sounded(self, turn: Turn, now_ms: float) -> FloatArray:
        whole = np.concatenate(self._sound.get(turn.item_id) or [np.zeros(0, np.float32)])
        return whole[: max(0, round((now_ms - turn.started_ms) * 24))]

    def _take(self, event: Event) -> None:
        if event.type == "response.output_audio.delta":
            self._sound[event.data["item_id"]].append(decode(from_base64(event.data["delta"]), PCM16_24K))
