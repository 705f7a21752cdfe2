"""Lines of a recording as they are read."""

from __future__ import annotations

import math
from pathlib import Path

from contoso_lab.recording.log import read_log


def test_what_any_json_reader_takes_is_taken(tmp_path: Path) -> None:
    # The quick reader knows no halves of signs beyond the first plane; Python's does, and so did recordings.
    events = [
        r'{"type": "a", "text": "half \ud83d of one"}',
        '{"type": "b", "value": NaN}',
        '{"type": "c", "type": "d", "deep": ' + "[" * 300 + "]" * 300 + "}",
        '{"type": "e", "large": 123456789012345678901234567890, "small": 1e-320, "exact": 0.1}',
    ]
    lines = [f'{{"seq":{n},"t_ns":{n * 1000},"dir":"s2c","ev":{ev}}}' for n, ev in enumerate(events)]
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    log = read_log(tmp_path / "events.jsonl")
    assert log.problems == ()
    assert [event.type for event in log.events] == ["a", "b", "d", "e"]
    first, second, _, last = (event.ev for event in log.events)
    assert first["text"] == "half \ud83d of one"
    assert math.isnan(second["value"])
    assert (last["large"], last["small"], last["exact"]) == (123456789012345678901234567890, 1e-320, 0.1)


def test_a_damaged_line_is_told_and_left_out(tmp_path: Path) -> None:
    good = '{"seq":%d,"t_ns":0,"dir":"local","ev":{"type":"x"}}'
    (tmp_path / "events.jsonl").write_bytes(b"\n".join([(good % 0).encode(), b'{"seq":1,', (good % 1).encode(), b""]))
    log = read_log(tmp_path / "events.jsonl")
    assert [event.seq for event in log.events] == [0, 1]
    assert [problem.partition(" (")[0] for problem in log.problems] == ["events.jsonl: line 2 is damaged"]
