"""A folder of small recordings: the same customers with two personas, of whom one answers 300 ms later."""

from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab.audio import silence, tone

from ..report.conftest import Script  # noqa: TID252 - the tests are no package

CUSTOMERS = 6
SLOWER_MS = 300.0


def call(number: int, *, later_ms: float) -> Script:
    """Three questions and their answers; waits differ from call to call, and not by chance."""
    script = Script(length_ms=14000)
    for turn in range(3):
        start_ms = 500 + 4500 * turn
        script.asks(start_ms, start_ms + 900, f"Question {turn} of customer {number}.")
        wait_ms = 700 + 40 * ((number * 3 + turn * 5) % 7)
        script.answers(
            start_ms + 900 + wait_ms + later_ms,
            "The Meadow Four costs $279.",
            sound=silence(40) + tone(900, hz=180),
            buffer_ms=50,
        )
    return script


@pytest.fixture(scope="session")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six customers, each with `voice` and with `slow`."""
    root = tmp_path_factory.mktemp("recordings")
    for number in range(CUSTOMERS):
        for persona, later_ms in (("voice", 0.0), ("slow", SLOWER_MS)):
            names = {"id": f"{number}-{persona}", "persona": persona, "scenario": f"customer_{number}"}
            call(number, later_ms=later_ms).record(root, **names)
    return root
