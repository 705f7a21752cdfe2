from __future__ import annotations

import pytest

from contoso_lab.scoring.matching import Interval, Match, best_shift_ms, match_turns

SAID = [Interval(0, 1000), Interval(5000, 7000), Interval(9000, 9500)]


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ([(0, 1100), (4900, 7100), (9000, 9600)], [((0,), (0,)), ((1,), (1,)), ((2,), (2,))]),
        # One turn cut in two; the rest keeps its place.
        ([(0, 1100), (4900, 5900), (6100, 7100), (9000, 9600)], [((0,), (0,)), ((1,), (1, 2)), ((2,), (3,))]),
        # One missed.
        ([(0, 1100), (9000, 9600)], [((0,), (0,)), ((1,), ()), ((2,), (1,))]),
        # Two run together.
        ([(0, 1100), (4900, 9600)], [((0,), (0,)), ((1, 2), (1,))]),
        # Something heard where nobody spoke.
        ([(0, 1100), (2500, 3200), (4900, 7100), (9000, 9600)], [((0,), (0,)), ((), (1,)), ((1,), (2,)), ((2,), (3,))]),
        # Late by the detector's delay, so that it no longer overlaps.
        ([(0, 1100), (4900, 7100), (9700, 10000)], [((0,), (0,)), ((1,), (1,)), ((2,), (2,))]),
        ([], [((0,), ()), ((1,), ()), ((2,), ())]),
    ],
)
def test_turns_are_matched_by_time(heard: list[tuple[float, float]], expected: list[tuple[object, object]]) -> None:
    matches = match_turns(SAID, [Interval(*span) for span in heard])
    assert matches == [Match(*pair) for pair in expected]


def test_nothing_said_leaves_everything_unmatched() -> None:
    assert match_turns([], [Interval(0, 10)]) == [Match((), (0,))]


@pytest.mark.parametrize("shift", [-3000, -740, 0, 100, 2500])
def test_the_shift_is_found_or_left_alone(shift: float) -> None:
    moved = [span.shifted(4000) for span in SAID]
    found = best_shift_ms(moved, [span.shifted(shift) for span in moved])
    # Clocks that agree for half of the speech are left as they are.
    assert found == (0 if abs(shift) <= 100 else shift)


def test_no_speech_no_shift() -> None:
    assert best_shift_ms(SAID, []) == 0
    assert best_shift_ms([], SAID) == 0
