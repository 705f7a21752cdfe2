"""Suites whose customers are simulated: epochs, what they can show, what they cost, and going on after an end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from contoso_lab.errors import SuiteError
from contoso_lab.evaluation.forecast import what_can_be_shown
from contoso_lab.evaluation.results import Results
from contoso_lab.evaluation.run import forecast, run_suite
from contoso_lab.evaluation.suite import Suite
from contoso_lab.evaluation.suite_file import load_suite
from contoso_lab.recording import Recording
from contoso_lab.replay import fleet
from contoso_lab.replay.fleet import work
from contoso_lab.replay.scenario import SCENARIOS
from contoso_lab.scoring.run import default_scorers
from contoso_lab.scoring.scores import Scores

from ..replay.conftest import plain_engine  # noqa: TID252 - the tests are no package

SUITE = """\
suite: callers
scenarios: [one.yaml, two.yaml]
variants:
  voice: {persona: voice}
  brief: {persona: voice_brief}
play: {mode: simulated, epochs: 2}
scorers: [response_rate, voice_to_voice_ms]
gates:
  - {metric: response_rate, at_least: 0.5}
"""
CALLER = 'customer: maya\nopening: Hi, I need a tent.\nwants: ["What is its price?"]\ntemper: {patience_s: 6}\n'


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(CALLER, encoding="utf-8")
    place = tmp_path / "callers.yaml"
    place.write_text(SUITE, encoding="utf-8")
    return place


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The quick engine of the replays' tests; which calls were held, in order."""
    keys: list[str] = []
    real = work.simulate

    async def counted(*given: Any, **more: Any) -> Recording:
        keys.append(more["id"])
        return await real(*given, **more)

    monkeypatch.setattr(work, "simulate", counted)
    monkeypatch.setattr(work, "_engine", lambda source: plain_engine())
    return keys


class Unplugged(Exception):
    """The end of a process, as far as a test can have one."""


def test_every_caller_calls_every_variant_as_often_as_asked(suite: Path, held: list[str], tmp_path: Path) -> None:
    said: list[str] = []
    done = asyncio.run(run_suite(suite, runs=tmp_path / "runs", progress=said.append))
    frame = pd.read_parquet(done.results.path / "scores")
    assert sorted(held) == sorted(f"{c}.{v}.{e}" for c in ("one", "two") for v in ("voice", "brief") for e in (0, 1))
    counted = frame.groupby(["variant", "scenario", "epoch"]).recording.nunique()
    assert counted.to_dict() == {(v, c, e): 1 for v in ("brief", "voice") for c in ("one", "two") for e in (0, 1)}
    calls = {
        call.id: call for name in ("voice", "brief") for call in map(Recording.open, done.results.recordings(name))
    }
    assert {call.manifest.mode for call in calls.values()} == {"caller"}
    assert {calls[f"one.{name}.0"].manifest.persona for name in ("voice", "brief")} == {"voice", "voice_brief"}
    # Before the first call it was said what two customers can show, and that nobody is paid.
    assert said[0] == "response_rate: 2 sessions can show nothing, however large the difference: 7 are the fewest"
    assert "8 of 8 units to do; 8 ask a target, for about $0.00" in said[2]
    assert done.results.about["forecast"] == said[:3]


def test_what_was_cut_off_is_gone_on_with(suite: Path, held: list[str], tmp_path: Path) -> None:
    def stop(line: str) -> None:
        if line.startswith("3 of 8"):
            raise Unplugged

    with pytest.raises(Unplugged):
        asyncio.run(run_suite(suite, runs=tmp_path / "runs", progress=stop))
    before = len(held)
    said: list[str] = []
    done = asyncio.run(run_suite(suite, runs=tmp_path / "runs", progress=said.append))
    assert any(line.startswith(f"going on with {done.results.id}") for line in said)
    assert len(list((tmp_path / "runs" / "evals").glob("callers-*"))) == 1
    # A call that was under way may be held once more; what was noted as done is not.
    assert before < 8
    assert len(held) <= 8 + 4
    assert len(done.results.frame.recording.unique()) == 8
    sha256 = done.results.about["suite_sha256"]
    ended = Results.unfinished(tmp_path / "runs" / "evals", suite="callers", suite_sha256=sha256)
    assert ended is None, "a run that came to its end is not gone on with"


def test_what_was_scored_before_the_end_is_not_scored_again(suite: Path, held: list[str], tmp_path: Path) -> None:
    suite.write_text(SUITE.replace("[one.yaml, two.yaml]", "[one.yaml]").replace("epochs: 2", "epochs: 1"), "utf-8")
    first = asyncio.run(run_suite(suite, runs=tmp_path / "runs")).results
    calls, signatures = first.recordings("voice"), first.signatures("voice")
    assert first.holds("voice", signatures, calls)
    assert not first.holds("voice", {**signatures, "response_rate": "another"}, calls)
    assert not first.holds("voice", signatures, [])
    rows = len(first.frame)
    # As a process leaves it that ends after its last score and before its last word.
    first.about["finished_at"] = None
    first._save()
    again = asyncio.run(run_suite(suite, runs=tmp_path / "runs")).results
    assert (again.id, len(again.frame)) == (first.id, rows)
    assert asyncio.run(run_suite(suite, runs=tmp_path / "runs", fresh=True)).results.id != first.id
    assert len(held) == 4


def test_what_can_be_shown_is_told_from_the_recordings_and_then_from_the_last_run(tmp_path: Path, calls: Path) -> None:
    place = tmp_path / "waits.yaml"
    place.write_text(
        f"suite: waits\nrecordings: {{folder: {calls}}}\nvariants:\n  voice: {{persona: voice}}\n"
        "  slow: {persona: slow}\nscorers: [voice_to_voice_ms]\ngates:\n"
        "  - {metric: voice_to_voice_ms, from: voice, to: slow, verdict: not worse, margin: 100}\n",
        encoding="utf-8",
    )
    (before,) = forecast(place, runs=tmp_path / "runs")
    assert before.startswith("voice_to_voice_ms: with 6 sessions the smallest difference that can be shown is ")
    assert before.endswith("ms (by how much the recordings differ)")
    asyncio.run(run_suite(place, runs=tmp_path / "runs"))
    (after,) = forecast(place, runs=tmp_path / "runs")
    # One is 300 ms later in every turn of these calls, so the pairs leave no spread to go by, but the calls do.
    assert after.endswith("ms (by how much the calls of the last run differ)")
    (run,) = (Results.open(path) for path in (tmp_path / "runs" / "evals").glob("waits-*"))
    a, b = run.scores("voice"), run.scores("slow")
    uneven = [replace(row, value=float(row.value or 0) + 9 * int(row.scenario[-1])) for row in b]
    (paired,) = what_can_be_shown(load_suite(place).suite, a.metrics, 6, earlier=(a, Scores(uneven, b.metrics)))
    assert paired.endswith("ms (by the last run of this suite)")


def test_without_anything_to_go_by_it_says_so() -> None:
    suite = Suite.model_validate({"suite": "x", "variants": {"a": {}, "b": {}}})
    known = {scorer.name: scorer.metric for scorer in default_scorers() if scorer.name in ("wer", "voice_to_voice_ms")}
    share, wait = what_can_be_shown(suite, known, 20)
    assert "(the spread is a guess)" in share
    assert wait.startswith("voice_to_voice_ms: how much calls differ is not known before the first run")


def test_a_simulated_call_of_a_model_with_a_price_has_a_forecast(tmp_path: Path) -> None:
    target = {"kind": "openai", "base_url": "https://api.example.com/v1", "model": "gpt-realtime", "chat_model": "m"}
    plan = fleet.plan(
        tmp_path / "run",
        [SCENARIOS / "tent_for_four.yaml"],
        {"voice": fleet.Variant(mode="caller")},
        epochs=4,
        target=target,
        scorers=(),
    )
    told = fleet.forecast(plan)
    assert told.usd is not None
    assert 0.05 < told.usd < 2
    unknown = plan.model_copy(update={"target": {**target, "model": "nobody-knows"}})
    assert fleet.forecast(unknown).usd is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[one.yaml, two.yaml]", "[tent_for_fuor]", ":2: there is no scenario 'tent_for_fuor'; did you mean"),
        ("[one.yaml, two.yaml]", "[gone.yaml]", ":2: cannot read the scenario"),
        ("scenarios: [one.yaml, two.yaml]\n", "", ":5: simulated callers need 'scenarios'"),
        ("mode: simulated", "mode: fast", ":2: the mode 'fast' plays recordings, not scenarios"),
    ],
)
def test_a_suite_of_callers_that_is_wrong_says_where(
    suite: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    suite.write_text(SUITE.replace(old, new), encoding="utf-8")
    with pytest.raises(SuiteError) as problem:
        asyncio.run(run_suite(suite, runs=tmp_path / "runs"))
    assert said in str(problem.value)


def test_our_own_suite_of_callers_holds_together() -> None:
    loaded = load_suite("callers")
    assert loaded.suite.play.mode == "simulated"
    assert Results.unfinished(Path("/nowhere"), suite="callers", suite_sha256=loaded.sha256) is None
