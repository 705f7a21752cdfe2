from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from contoso_lab.audio import Clip, Stereo, for_browser, read_audio, silence, tone
from contoso_lab.errors import LabError, RecordingError, ScoringError, UnreadableAudio
from contoso_lab.recording import Recording
from contoso_lab.widgets.clip_player import STEPS, ClipPlayer, Marker
from contoso_lab.widgets.compare_calls import CompareCalls, Exchange, exchanges_of, first_divergence
from contoso_lab.widgets.shown import Shown, cut
from contoso_lab.widgets.turn_table import TurnTable
from contoso_lab.widgets.waterfall import Waterfall
from tests.report.conftest import Script


def ask(
    widget: Shown, key: str, from_ms: float | None = None, to_ms: float | None = None
) -> tuple[dict[str, Any], bytes]:
    """What the page gets when it asks for a sound."""
    said: list[tuple[dict[str, Any], Any]] = []
    widget.send = lambda content, buffers=None: said.append((content, buffers))  # type: ignore[method-assign]
    widget._message(widget, {"kind": "sound", "id": "1", "key": key, "from_ms": from_ms, "to_ms": to_ms}, [])
    (content, buffers), *more = said
    assert more == []
    return content, bytes(buffers[0]) if buffers else b""


def test_a_selection_is_cut_out_of_the_sound_and_keeps_its_order() -> None:
    player = ClipPlayer(silence(200) + tone(300), markers=[(200, "here"), Marker(400, "there", "bad")])
    player.selection_ms = (450, 250)
    assert player.selection_ms == (250, 450)
    assert player.selected == (silence(200) + tone(300))[250:450]
    assert [mark["kind"] for mark in player.markers] == ["mark", "bad"]
    assert len(player.peaks) == 2 * STEPS
    player.selection_ms = (9000, 8000)
    assert player.selection_ms is None


def test_the_heights_are_those_of_the_sound() -> None:
    """A sine of -12 dB has its peak at -9 dB: 255 · √0.355 = 152; silence has none."""
    player = ClipPlayer(silence(500) + tone(500, level_db=-12))
    peaks, means = player.peaks[:STEPS], player.peaks[STEPS:]
    assert set(peaks[: STEPS // 2 - 1]) == {0}
    assert peaks[3 * STEPS // 4] == pytest.approx(152, abs=2)
    assert means[3 * STEPS // 4] == pytest.approx(128, abs=3)


def test_a_recording_brings_both_sides_and_its_marks(call: Recording) -> None:
    player = ClipPlayer(call)
    assert player.lanes == ["Customer", "Assistant, as played"]
    assert [mark["kind"] for mark in player.markers] == ["mark", "bad"]
    content, data = ask(player, "left", 1500, 1900)
    assert content["type"] == "audio/wav"
    assert read_audio(data).duration_ms == 400
    assert read_audio(ask(player, "right", 1500, 1900)[1]).level_db < -60  # the customer speaks, alone


def test_a_clip_reaches_the_browser_exactly(tmp_path: Path) -> None:
    clip = tone(250)
    clip.save(tmp_path / "tone.wav")
    written = Clip.load(tmp_path / "tone.wav")
    assert read_audio(ask(ClipPlayer(tmp_path / "tone.wav"), "both")[1]) == written
    long = tone(21_000)
    packed = for_browser(long)
    assert packed.media_type == "audio/flac"
    assert read_audio(packed.data) == Clip.load(for_browser(long[:]).data)
    assert read_audio(packed.data).duration_ms == 21_000


def test_a_sound_that_is_not_there_is_said_to_the_page_and_not_raised(call: Recording) -> None:
    for widget, key in ((ClipPlayer(), "both"), (TurnTable(), "call"), (Waterfall(call), "7"), (CompareCalls(), "a")):
        content, data = ask(widget, key)
        assert "there is no sound called" in content["failed"]
        assert data == b""
    with pytest.raises(UnreadableAudio, match="cannot be read"):
        ClipPlayer("nowhere.wav")


def test_cut_keeps_both_sides_together() -> None:
    both = cut(Stereo(tone(300), silence(300)), 100, 200)
    assert isinstance(both, Stereo)
    assert (both.left.duration_ms, both.right.duration_ms) == (100, 100)
    assert cut(tone(300), 100, None) == tone(300)[100:]


def test_the_table_tells_what_was_heard_what_was_not_and_the_waits(call: Recording) -> None:
    table = TurnTable(call)
    rows = {row["heard"]: row for row in table.rows}
    assert rows["It costs $279, and it"]["unheard"] == "is waterproof as well."
    assert rows["I need a tent for four."]["wait_ms"] == pytest.approx(840, abs=1)
    assert rows["Thank you, bye."]["unanswered"]
    assert "~~" not in repr(table)
    assert repr(table).count("\n") == 1 + len(table.rows)
    for row in table.rows:
        assert row["to_ms"] > row["from_ms"]


def test_selected_are_rows_of_the_recordings_own_table(call: Recording) -> None:
    table = TurnTable(call)
    seen: list[int] = []
    table.on_select(lambda frame: seen.append(len(frame)))
    table.chosen = [1, 3, 99]
    assert list(table.selected.item_id) == list(call.turns.item_id.iloc[[1, 3]])
    assert seen == [2]
    with pytest.raises(TraitError):
        table.show = "loud"
    with pytest.raises(RecordingError, match="shows no recording yet"):
        _ = TurnTable().selected


def test_a_turn_that_is_heard_holds_its_own_words(call: Recording) -> None:
    """The customer's tone of 300 Hz from 1400 to 2000 ms, on the left and nowhere else."""
    table = TurnTable(call)
    row = next(row for row in table.rows if row["role"] == "user")
    _, data = ask(table, "call", row["from_ms"], row["to_ms"])
    assert read_audio(data).duration_ms == pytest.approx(row["to_ms"] - row["from_ms"], abs=1)
    assert row["from_ms"] == pytest.approx(1400, abs=30)


def test_a_recording_without_sound_is_a_table_without_buttons(call: Recording) -> None:
    shutil.rmtree(call.path / "audio")
    table = TurnTable(Recording.open(call.path))
    assert not table.has_sound
    assert len(table.rows) == 6
    assert ClipPlayer(Recording.open(call.path)).duration_ms == 0


def test_a_call_in_which_nothing_was_said(script: Callable[..., Script], tmp_path: Path) -> None:
    silent = Recording.open(script(length_ms=0).record(tmp_path))
    assert TurnTable(silent).rows == []
    assert "Nothing was said yet" in TurnTable(silent)._repr_html_()
    assert Waterfall(silent).calls[0]["waits"] == []
    assert CompareCalls(silent, silent).diverged is None


@pytest.fixture
def script() -> Callable[..., Script]:
    return Script


def test_the_bars_are_those_of_the_page_and_can_be_picked(two_calls: list[Recording]) -> None:
    fall = Waterfall(two_calls)
    assert [call["name"] for call in fall.calls] == ["voice", "voice_brief"]
    assert fall.calls[0]["waits"][0]["total"] == "840 ms"
    assert fall.picked is None
    fall.picked_at = [1, 0]
    assert fall.picked is not None
    assert fall.picked.total_ms == pytest.approx(840, abs=1)
    with pytest.raises(ScoringError, match="there is no wait at"):
        fall.picked_at = [0, 99]
    assert "840 ms" in repr(fall)
    assert "noticing the end of the turn" in fall._repr_html_()
    with pytest.raises(ScoringError, match="need as many names"):
        Waterfall(two_calls, names=["one"])


def test_two_calls_are_paired_by_the_customers_turns(two_calls: list[Recording]) -> None:
    compare = CompareCalls(*two_calls)
    frame = compare.frame
    assert list(frame.customer_a) == ["", "I need a tent for four.", "Does it cost $279 or $189?", "Thank you, bye."]
    assert list(frame.customer_a) == list(frame.customer_b)
    assert list(frame.same) == [True, True, False, True]
    assert compare.diverged == 2
    assert "they part at exchange 3" in repr(compare)


@pytest.mark.parametrize(
    ("a", "b", "place"),
    [
        (["Hello."], ["hello"], None),
        (["Hello."], ["Hello.", "And?"], 1),
        ([], [], None),
        (["It costs $279"], ["It costs $189"], 0),
    ],
)
def test_where_two_calls_part(a: list[str], b: list[str], place: int | None) -> None:
    def said(texts: list[str]) -> list[Exchange]:
        return [Exchange(({"role": "assistant", "heard": text, "unheard": ""},), 0, 1) for text in texts]

    assert first_divergence(said(a), said(b)) == place


def test_a_call_that_the_customer_begins_is_kept_in_step_with_one_that_the_assistant_begins() -> None:
    def row(role: str, at: float) -> dict[str, Any]:
        return {"role": role, "from_ms": at, "heard": "x", "unheard": ""}

    greeted = exchanges_of([row("assistant", 0), row("user", 10), row("assistant", 20), row("user", 30)], 40)
    asked = exchanges_of([row("user", 10), row("assistant", 20), row("user", 30)], 40)
    assert [len(one.rows) for one in greeted] == [1, 2, 1]
    assert [len(one.rows) for one in asked] == [0, 2, 1]
    assert greeted[-1].to_ms == asked[-1].to_ms == 40


def test_what_a_message_does_wrong_is_one_sentence_in_the_widget() -> None:
    class Angry(Shown):
        _esm = "export default {}"

        def receive(self, content: Any, buffers: Any) -> None:
            raise LabError("this cannot be done; do that")

    angry = Angry()
    angry._message(angry, {"kind": "anything"}, [])
    assert angry.error == "this cannot be done; do that"
