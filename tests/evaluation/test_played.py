"""A suite whose customers talk anew: with the local engine, in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contoso_lab.errors import ReplayError
from contoso_lab.evaluation.played import played
from contoso_lab.evaluation.run import run_suite
from contoso_lab.evaluation.suite import Suite
from contoso_lab.recording import Recording

CALL = Path(__file__).resolve().parents[2] / "data" / "recordings" / "family_tent--voice"


@pytest.mark.models
def test_the_customer_talks_with_each_variant_and_the_suite_scores_what_comes_of_it(tmp_path: Path) -> None:
    place = tmp_path / "anew.yaml"
    place.write_text(
        "suite: anew\nrecordings: {folder: data/recordings, where: {id: family_tent--voice}}\n"
        "variants:\n  long: {persona: voice}\n  bare: {persona: voice, without: [TEN-02]}\n"
        "play: {mode: fast}\nscorers: [truth_said, voice_to_voice_ms]\n"
        "gates:\n  - {metric: truth_said, variant: long, at_least: 1}\n"
        "  - {metric: voice_to_voice_ms, at_most: 5000}\n",
        encoding="utf-8",
    )
    said: list[str] = []
    done = asyncio.run(run_suite(place, runs=tmp_path / "runs", progress=said.append))
    assert [gate.outcome for gate in done.gates] == ["passed", "could not be told", "could not be told"]
    assert "2 of 2 calls played" in said
    (long,), (bare,) = (map(Recording.open, done.results.recordings(name)) for name in ("long", "bare"))
    assert long.manifest.mode == bare.manifest.mode == "fast"
    assert long.manifest.replay_of == "family_tent--voice"
    texts = [" ".join(each.turns[each.turns.role == "assistant"].text) for each in (long, bare)]
    assert "Meadow Four" in texts[0]
    assert "Meadow Four" not in texts[1]


def test_a_call_that_cannot_be_played_is_told(tmp_path: Path, calls: Path) -> None:
    suite = Suite.model_validate({"suite": "x", "variants": {"a": {"persona": "nobody"}}, "play": {"mode": "fast"}})
    with pytest.raises(ReplayError, match="1 of 1 calls could not be played"):
        asyncio.run(played(suite, {"a": [calls / "0-voice"]}, tmp_path))
