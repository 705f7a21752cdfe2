"""How long does it take to list thousands of recordings, and to have all their turns? One command, a minute or two.

    python bench/recordings_index.py                 # 5,000 recordings of a minute; prints a table
    python bench/recordings_index.py --count 500 --keep /tmp/many

The recordings are one small call, written once and copied under other names. Sound is left out: nothing here reads it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from contoso_lab.recording import Recorder, list_recordings

TURNS = 8
_WORDS = "conversation.item.input_audio_transcription.completed"


def main() -> None:
    """Make the recordings, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=5000, help="how many recordings")
    parser.add_argument("--rounds", type=int, default=5, help="of what is quick; the median is told")
    parser.add_argument("--keep", type=Path, help="make them here and leave them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = asked.keep or Path(place)
        _tell("made", *_timed(lambda: make_many(root, asked.count)))
        _tell("listed without an index", *_timed(lambda: list_recordings(root)))
        time.sleep(2.1)  # what has just been written is not trusted yet
        list_recordings(root)
        _tell("listed", *_median(lambda: list_recordings(root), asked.rounds))
        calls = list_recordings(root)
        _tell("turns, worked out", *_timed(calls.turns))
        _tell("turns, kept", *_median(calls.turns, asked.rounds))


def make_many(root: Path, count: int) -> int:
    """Write `count` recordings below `root` that differ by name and customer."""
    first = make_one(root)
    page = json.loads((first / "manifest.json").read_text(encoding="utf-8"))
    for number in range(1, count):
        folder = root / f"copy-{number:05d}"
        folder.mkdir(parents=True)
        shutil.copyfile(first / "events.jsonl", folder / "events.jsonl")
        other = {**page, "id": folder.name, "customer": ("maya", "daniel", "priya")[number % 3]}
        (folder / "manifest.json").write_text(json.dumps(other), encoding="utf-8")
    return count


def make_one(root: Path) -> Path:
    """Record a call of some turns, without sound."""
    with Recorder.start(root, id="copy-00000", persona="voice", customer="maya") as recorder:
        for turn in range(TURNS):
            user, reply, answer = f"u{turn}", f"r{turn}", f"a{turn}"
            ids = {"response_id": reply, "item_id": answer, "content_index": 0}
            for event in (
                {"type": "input_audio_buffer.speech_started", "item_id": user, "audio_start_ms": 6000 * turn},
                {"type": "input_audio_buffer.speech_stopped", "item_id": user, "audio_end_ms": 6000 * turn + 2000},
                {"type": "input_audio_buffer.committed", "item_id": user, "previous_item_id": None},
                {"type": "response.created", "response": {"id": reply}},
                *({"type": "response.output_audio_transcript.delta", "delta": f"word {n} ", **ids} for n in range(40)),
                {"type": "response.done", "response": {"id": reply, "status": "completed"}},
                {"type": _WORDS, "item_id": user, "content_index": 0, "transcript": f"Question number {turn}?"},
            ):
                recorder.write("s2c", event)
    return recorder.path


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _median(work: Callable[[], object], rounds: int) -> tuple[float, object]:
    taken = [_timed(work) for _ in range(rounds)]
    return statistics.median(seconds for seconds, _ in taken), taken[-1][1]


def _tell(what: str, seconds: float, result: object) -> None:
    size = result if isinstance(result, int) else len(result)  # type: ignore[arg-type]
    print(f"{what:<26} {seconds:8.3f} s   {size} rows")


if __name__ == "__main__":
    main()
