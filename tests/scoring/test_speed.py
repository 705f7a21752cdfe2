from __future__ import annotations

import time

import pytest

from contoso_lab.recording import Recording
from contoso_lab.scoring import score
from contoso_lab.settings import HOME


@pytest.mark.slow
def test_forty_calls_are_scored_within_a_minute_of_one_core() -> None:
    places = sorted((HOME / "data" / "recordings").glob("*--*"))[:40]
    if len(places) < 40:
        pytest.skip("the recordings are not made: see data/recordings")
    calls = [Recording.open(place) for place in places]
    begun = time.process_time()
    scores = score(calls)
    took_s = time.process_time() - begun
    print(f"{len(calls)} calls, {len(scores.metrics)} metrics: {took_s:.1f} s of one core")
    assert took_s < 60
