"""Recordings to show: the small whole call of the report's tests, with two personas."""

from __future__ import annotations

from pathlib import Path

import pytest

from contoso_lab.recording import Labels, Recording
from tests.report.conftest import whole_call


@pytest.fixture
def call(tmp_path: Path) -> Recording:
    return Recording.open(whole_call().record(tmp_path))


@pytest.fixture
def two_calls(tmp_path: Path) -> list[Recording]:
    """One greets with other words, and says less at the end."""
    first, second = whole_call(), whole_call()
    second.steps = [
        (
            at,
            dir,
            {**event, "transcript": "It is $279."} if "costs $279, and" in str(event.get("transcript")) else event,
        )
        for at, dir, event in second.steps
    ]
    found = [
        Recording.open(script.record(tmp_path, id=f"call-{persona}", persona=persona))
        for script, persona in ((first, "voice"), (second, "voice_brief"))
    ]
    found[0].add_labels(Labels(products={"TEN-02": 3}))
    return found
