"""Three clocks: the session's, the time of day beside it, and the samples of each track."""

from __future__ import annotations

from typing import Any

from contoso_lab.audio import tone
from contoso_lab.recording import Recording


def test_the_time_of_day_is_noted_once_a_minute_and_survives_a_cut(desk: Any) -> None:
    for second in range(0, 200, 5):
        desk.clock.to(1000 * second)
        desk.recorder.flush(due=True)
    desk.recorder.flush()
    cut = Recording.open(desk.recorder.path)
    assert cut.manifest.status == "open"
    assert [anchor.t_ns / 1e9 for anchor in cut.clock.wall_anchors] == [0, 60, 120, 180]
    assert cut.clock.drift_ppm is not None
    assert len(cut.manifest.clock.wall_anchors) == 1


def test_the_samples_of_a_track_are_a_clock(desk: Any) -> None:
    for number in range(10):
        desk.append(5000 + 100 * (number + 1), tone(100))
    timeline = desk.opened().timeline()
    assert timeline.user_ms_to_session(0) == 5000
    assert timeline.user_ms_to_session(1000) == 6000


def test_the_tools_of_a_session_have_a_hash_that_spelling_does_not_change(make_desk: Any) -> None:
    one = make_desk(id="one", session={"tools": [{"name": "find", "type": "function"}]}).opened()
    two = make_desk(id="two", session={"tools": [{"type": "function", "name": "find"}]}).opened()
    none = make_desk(id="none", session={"instructions": "x"}).opened()
    assert one.manifest.tools_sha == two.manifest.tools_sha
    assert len(one.manifest.tools_sha) == 64
    assert none.manifest.tools_sha == ""
