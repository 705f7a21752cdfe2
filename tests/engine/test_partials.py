"""What the ear makes of half a sentence, on the chance that it was whole, is never told to anybody."""

from __future__ import annotations

from typing import Any

import pytest

from contoso_lab.engine.effects import Listen
from contoso_lab.engine.seams import Heard

HALF, WHOLE = "I am looking for.", "I am looking for a tent."
MODES = (
    {"type": "server_vad", "silence_duration_ms": 640},
    {"type": "semantic_vad", "eagerness": "high"},
    {"type": "semantic_vad", "eagerness": "low"},
)


@pytest.mark.parametrize("mode", MODES, ids=["server_vad", "semantic_vad high", "semantic_vad low"])
@pytest.mark.parametrize("ear", ["ahead of the voice", "too late", "failed"])
def test_words_of_a_pause_are_forgotten_when_the_speaker_goes_on(caller: Any, mode: dict[str, Any], ear: str) -> None:
    caller.update(audio={"input": {"turn_detection": mode, "transcription": {"model": "local"}}})
    caller.speak(960)
    caller.wait(250)
    (guess,) = caller.jobs()
    assert isinstance(guess, Listen)
    if ear == "ahead of the voice":
        assert caller.hear(HALF) == []  # known to the engine, and to nobody else
    caller.speak(640)
    if ear == "too late":
        assert caller.protocol.heard(guess.job_id, Heard(HALF, -0.2, 0.01), at_ms=caller.now_ms) == []
    if ear == "failed":
        assert caller.protocol.deaf(guess.job_id, "The ear failed.", at_ms=caller.now_ms) == []
    caller.wait(250)
    caller.hear(WHOLE)
    caller.wait(2000)
    told = [event for event in caller.log if "input_audio_transcription" in event["type"]]
    assert [event["transcript"] for event in told if event["type"].endswith(".completed")] == [WHOLE]
    assert "".join(event["delta"] for event in told if event["type"].endswith(".delta")) in ("", WHOLE)
    assert [message.content for message in caller.reply().request.messages if message.role == "user"] == [WHOLE]
    assert HALF not in str(caller.log)
