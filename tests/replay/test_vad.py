"""What other settings of the detector would have done, on sound whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contoso_lab.audio import Clip, silence, tone
from contoso_lab.engine.plain import LoudnessMeter
from contoso_lab.errors import ReplayError
from contoso_lab.recording import LabelledTurn, Labels, Recording
from contoso_lab.replay.vad import vad_sweep
from tests.replay.conftest import record_call

PAUSE_MS = 600


@pytest.fixture(scope="module")
def hesitant(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Two turns, the second with a pause of 600 ms inside, and a bang while the agent greets."""
    import asyncio

    bang = Clip(np.full(24 * 120, 0.5, np.float32), 24_000)
    parts = [silence(320), bang, silence(2880), tone(1200, hz=110), silence(3200), tone(1200, hz=110)]
    clip = silence(0)
    for part in [*parts, silence(PAUSE_MS), tone(600, hz=110), silence(3200)]:
        clip = clip + part
    recording = asyncio.run(record_call(tmp_path_factory.mktemp("vad"), "hesitant", clip=clip))
    second_ms = 320 + 120 + 2880 + 1200 + 3200
    turns = [
        LabelledTurn(text="a tent", start_ms=3320, end_ms=4520),
        LabelledTurn(text="and its price", start_ms=second_ms, end_ms=second_ms + 1200 + PAUSE_MS + 600),
    ]
    recording.add_labels(Labels(customer="maya", turns=turns))
    return recording


def test_patience_costs_waits_and_saves_turns(hesitant: Recording) -> None:
    sweep = vad_sweep(
        [hesitant], thresholds=[0.5], silences_ms=[300, 500, 700], prefixes_ms=[300], new_meter=LoudnessMeter
    )
    frame = sweep.frame.set_index("silence_ms")
    assert frame["turns"].tolist() == [2, 2, 2]
    assert frame["clipped"].tolist() == [1, 1, 0], "only 700 ms outlasts a pause of 600 ms"
    for silence_ms, row in frame.iterrows():
        assert row["wait_ms"] == pytest.approx(silence_ms, abs=64)
    assert frame["false_starts"].tolist() == [1, 1, 1]
    assert frame["false_barge_ins"].tolist() == [1, 1, 1], "the bang came while the agent greeted"
    assert frame["best"].tolist() == [True, False, True], "500 ms waits longer than 300 ms and saves nothing"


def test_a_threshold_that_hears_nothing_misses_all(hesitant: Recording) -> None:
    frame = vad_sweep(
        [hesitant], thresholds=[0.99], silences_ms=[500], prefixes_ms=[300], new_meter=LoudnessMeter
    ).frame
    assert frame[["clipped", "missed"]].values.tolist() == [[2, 2]]
    assert np.isnan(frame["wait_ms"][0])


def test_the_recorded_detector_is_repeated_to_the_frame(call: Recording, hesitant: Recording) -> None:
    sweep = vad_sweep([call, hesitant], silences_ms=[500], new_meter=LoudnessMeter)
    agreement = sweep.agreement
    assert agreement.turns == agreement.agreed >= 7
    assert (agreement.start_error_ms, agreement.end_error_ms) == (0, 0)
    assert "an approximation over 2 recorded calls" in repr(sweep)
    assert f"agrees with the recorded detector on {agreement.agreed} of {agreement.turns} turns" in sweep._repr_html_()


def test_without_labels_loudness_tells_the_turns(call: Recording) -> None:
    frame = vad_sweep(
        [call.path], silences_ms=[500], thresholds=[0.5], prefixes_ms=[300], new_meter=LoudnessMeter
    ).frame
    assert frame[["turns", "clipped", "false_starts"]].values.tolist() == [[4, 0, 0]]


def test_nothing_to_listen_to(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="no recording holds speech"):
        vad_sweep([], new_meter=LoudnessMeter)


def test_a_picture(hesitant: Recording) -> None:
    from contoso_lab.report.vad_plot import vad_plot

    sweep = vad_sweep([hesitant], silences_ms=[300, 700], prefixes_ms=[300], new_meter=LoudnessMeter)
    figure = vad_plot(sweep)
    [axes] = figure.axes
    assert len(axes.collections[0].get_offsets()) == len(sweep.frame) == 6
    assert {text.get_text() for text in axes.texts} == {"300 ms, 0.3", "700 ms, 0.3"}
    assert "approximation" in figure.texts[-1].get_text() or "approximation" in figure._supxlabel.get_text()
    assert figure._repr_png_()[0].startswith(b"\x89PNG")
