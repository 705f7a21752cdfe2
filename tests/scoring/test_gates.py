from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contoso_lab.scoring.gates import Prefix, gate_right, gate_timing, prefixes, timing_of
from contoso_lab.scoring.suggestions import oversuggest_rate, timing_regret_ms

Make = Callable[..., Any]
GATE = [
    {"after_turn": -1, "page": "early"},
    {"after_turn": 0, "page": "early"},
    {"after_turn": 1, "page": "right"},
    {"after_turn": 2, "page": "late"},
]


def _call(call: Make, requested_after: int | None, *, page: bool = True, name: str = "call") -> Any:
    talk = call()
    for turn, start in enumerate((4000, 10_000, 16_000)):
        talk.speaks(start, start + 1000, "words")
        talk.answers(f"a{turn}", talk.hears(f"u{turn}", start, start + 1000, "words"), "Yes.")
        asked = turn == requested_after
        talk.local(start + 3500, "gate.decided", after_item_id=f"a{turn}", requested=asked, reason="", duration_ms=5.0)
        if asked and page:
            talk.shows(start + 4500, "### Meadow Four (TEN-02)")
    return talk.recording(labels={"gate": GATE, "cue_turn": 1}, name=name)


@pytest.mark.parametrize(
    ("after", "word", "right"),
    [
        (0, "early", [True, False, True, True]),
        (1, "right", [True, True, True, True]),
        (2, "late", [True, True, False, True]),
        (None, "never", [True, True, False, False]),
    ],
)
def test_a_gate_is_held_against_every_prefix(call: Make, after: int | None, word: str, right: list[bool]) -> None:
    recording = _call(call, after)
    assert gate_timing(recording).value == word
    assert [score.value for score in gate_right(recording)] == right


def test_where_nothing_is_wanted_silence_is_right() -> None:
    quiet = [Prefix(0, "never", False, True, False), Prefix(1, "never", False, True, False)]
    assert timing_of(quiet) == "none, rightly"
    assert timing_of([quiet[0], Prefix(1, "never", True, True, False)]) == "unwanted"


def test_without_the_gates_truth_the_cue_has_to_do(call: Make) -> None:
    talk = call()
    for turn, start in enumerate((4000, 10_000)):
        talk.speaks(start, start + 1000, "words")
        talk.answers(f"a{turn}", talk.hears(f"u{turn}", start, start + 1000, "words"), "Yes.")
    talk.shows(14_000, "### Meadow Four (TEN-02)")
    found = prefixes(talk.recording(labels={"cue_turn": 1}))
    assert [(p.after_turn, p.page_would_be, p.requested) for p in found] == [
        (-1, "early", False),
        (0, "early", False),
        (1, "right", True),
    ]


def test_a_call_without_labels_has_no_right_moment(tent_call: Make) -> None:
    recording = tent_call()
    (recording.path / "labels" / "author.json").unlink()
    assert gate_right(recording).status == "skipped"
    assert gate_timing(recording).status == "skipped"


@pytest.mark.parametrize(
    ("page_ms", "regret", "side"), [(9000, 2000.0, "too early"), (12_000, 0.0, "in time"), (21_000, 2000.0, "too late")]
)
def test_a_page_is_too_early_in_time_or_too_late(call: Make, page_ms: int, regret: float, side: str) -> None:
    talk = call()
    talk.speaks(10_000, 11_000, "show me")
    talk.hears("u1", 10_000, 11_000, "show me")
    talk.shows(page_ms, "### Meadow Four (TEN-02)")
    score = timing_regret_ms(talk.recording(labels={"cue_turn": 0}))
    assert (score.value, score.reason) == (pytest.approx(regret, abs=1), side)


def test_a_page_that_nobody_wanted_is_one_too_many(call: Make) -> None:
    assert oversuggest_rate(_call(call, 0))[0].value is True
    assert oversuggest_rate(_call(call, 1, name="right"))[0].value is False
    talk = call()
    talk.speaks(4000, 5000, "thanks, no page")
    talk.shows(9000, "### Meadow Four (TEN-02)")
    (score,) = oversuggest_rate(talk.recording(labels={"cue_turn": None}, name="never"))
    assert (score.value, score.reason) == (True, "a page here is never")
