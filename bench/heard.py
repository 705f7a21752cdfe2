"""Does the engine hear as well as its recognizer? The same clips through the whole engine and through the ear alone.

The clips are synthetic: two voices that no assistant uses say the lines below. They tell whether the engine loses or
gains words on the way (where a turn is cut, what the ear is told to expect), not how well people are understood.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI

from contoso_lab.audio import PCM16_24K, Clip, find_speech, silence
from contoso_lab.engine.seams import Ear, Voice
from contoso_lab.engine.vocabulary import words_to_expect
from contoso_lab.scoring.text import WordErrors, word_errors

VOICES = ("low", "high")
LINES = (
    "Do you have a tent for two people?",
    "How much is the Meadow Four?",
    "I need a backpack for a long trip, maybe a week.",
    "Is the Drizzle Jacket waterproof?",
    "Which boots are best for snow?",
    "What is the lightest tent that you have?",
    "Tell me more about the Pathfinder Boots.",
    "Show me sleeping bags below one hundred dollars.",
    "How warm is the Polar Night?",
    "I would like to return a pair of shoes.",
    "Can you compare the Spark Stove and the Hearth Stove?",
    "We are a family of five, and we camp in summer.",
    "Does the Picnic Roll Table fit into a small car?",
    "Something cheaper, please.",
    "What did I buy last time?",
    "Put the Wayfarer Backpack in my cart.",
    "No, not that one, the other one.",
    "How long does the delivery take?",
    "I am going to Norway in February.",
    "Is there a shirt for hot weather?",
    "Yes, please show it on my screen.",
    "What does the Banquet Table weigh?",
    "My budget is two hundred and fifty dollars.",
    "That is all, thank you very much.",
)


@dataclass(frozen=True, slots=True)
class Recognition:
    """Word errors of the same clips, heard in three ways."""

    clips: int
    engine: WordErrors
    ear_told: WordErrors
    """The ear alone, told the same words to expect."""
    ear_alone: WordErrors
    """The ear alone, told nothing."""


def speak_lines(voice: Voice) -> list[tuple[str, Clip]]:
    """Every line in every voice, at -20 dBFS, with 300 ms of silence before it and 500 ms after."""
    spoken = []
    for name in VOICES:
        for line in LINES:
            clip = Clip.join(Clip(part.samples, 24_000) for part in voice.speak(line, voice=name))
            (span,) = find_speech(clip, gap_ms=2_000)
            speech = clip[span.start_ms : span.end_ms + 60]
            spoken.append((line, silence(300) + speech.gain(-20 - speech.level_db) + silence(500)))
    return spoken


async def compare(url: str, clips: Sequence[tuple[str, Clip]], ear: Ear, session: dict[str, Any]) -> Recognition:
    """Hear all clips through the engine at `url`, then with the ear alone."""
    texts = [text for text, _ in clips]
    through = await _through_engine(url, [clip for _, clip in clips], session)
    samples = [clip.resampled(16_000).samples for _, clip in clips]
    prompt = words_to_expect(session["instructions"])
    told = [ear.transcribe(each, prompt=prompt).text for each in samples]
    alone = [ear.transcribe(each).text for each in samples]
    return Recognition(len(clips), word_errors(texts, through), word_errors(texts, told), word_errors(texts, alone))


async def _through_engine(url: str, clips: Sequence[Clip], session: dict[str, Any]) -> list[str]:
    """Send the clips faster than they sound: the engine's clock is the sound's, so the turns are the same."""
    heard = []
    detection = {"type": "server_vad", "create_response": False}
    quiet = {
        **session,
        "audio": {**session["audio"], "input": {**session["audio"]["input"], "turn_detection": detection}},
    }
    async with (
        AsyncOpenAI(api_key="unused", base_url=f"{url}/v1") as client,
        client.realtime.connect(model="local") as connection,
    ):
        await connection.session.update(session=quiet)  # type: ignore[arg-type]
        for clip in clips:
            for piece in (clip + silence(700)).chunks(100):
                sound = base64.b64encode(piece.to_bytes(PCM16_24K)).decode()
                await connection.input_audio_buffer.append(audio=sound)
            # The error that this causes tells that all sound before it was taken.
            await connection.conversation.item.delete(item_id="none")
            words, turns, taken = [], 0, False
            while not taken or len(words) < turns:
                event = await connection.recv()
                turns += event.type == "input_audio_buffer.committed"
                taken = taken or event.type == "error"
                if event.type == "conversation.item.input_audio_transcription.completed":
                    words.append(event.transcript)
            heard.append(" ".join(words))
    return heard
