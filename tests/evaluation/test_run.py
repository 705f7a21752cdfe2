"""A suite from its file to its gates, over real recordings on disk."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from contoso_lab.errors import ScoringError, SuiteError
from contoso_lab.evaluation.baseline import accept, baseline
from contoso_lab.evaluation.cache import ScoreCache, signature
from contoso_lab.evaluation.chosen import chosen_recordings, chosen_scorers
from contoso_lab.evaluation.results import COLUMNS, Results
from contoso_lab.evaluation.run import SuiteRun, gates_of, rescore, run_suite
from contoso_lab.evaluation.suite_file import load_suite
from contoso_lab.report.comparison import compare

from .conftest import CUSTOMERS, SLOWER_MS  # noqa: TID252 - the tests are no package

SUITE = """\
suite: waits
question: Does the slow one keep customers waiting?
recordings: {{folder: {folder}}}
variants:
  voice: {{persona: voice}}
  slow: {{persona: slow}}
scorers: [voice_to_voice_ms, endpointing_ms]
gates:
{gates}
"""
GATES = """\
  - {metric: voice_to_voice_ms, variant: voice, at_most: 1000}
  - {metric: voice_to_voice_ms, from: voice, to: slow, verdict: not worse, margin: 100}
  - {metric: endpointing_ms, from: voice, to: slow, verdict: equivalent, margin: 50}
  - {metric: voice_to_voice_ms, from: slow, to: voice, verdict: better}
"""


def suite(folder: Path, calls: Path, gates: str = GATES, **change: str) -> Path:
    place = folder / "waits.yaml"
    text = SUITE.format(folder=calls, gates=gates)
    for old, new in change.items():
        text = text.replace(old, new)
    place.write_text(text, encoding="utf-8")
    return place


def ran(folder: Path, calls: Path, **more: str) -> SuiteRun:
    return asyncio.run(run_suite(suite(folder, calls, **more), runs=folder / "runs"))


@pytest.fixture
def run(tmp_path: Path, calls: Path) -> SuiteRun:
    return ran(tmp_path, calls)


def test_the_gates_say_what_the_recordings_were_made_to_say(run: SuiteRun) -> None:
    assert [gate.outcome for gate in run.gates] == ["passed", "failed", "passed", "passed"]
    assert not run.passed
    assert f"+{SLOWER_MS:.0f} ms" in run.gates[1].said


def test_pandas_reads_the_results_in_one_line(run: SuiteRun) -> None:
    frame = pd.read_parquet(run.results.path / "scores")
    assert list(frame.columns) == list(COLUMNS)
    waits = frame[(frame.metric == "voice_to_voice_ms") & (frame.status == "ok")]
    assert len(waits) == 2 * 3 * CUSTOMERS
    means = waits.groupby("variant").value.mean()
    assert means["slow"] - means["voice"] == pytest.approx(SLOWER_MS, abs=2)


def test_what_is_read_back_compares_as_what_was_scored(run: SuiteRun) -> None:
    again = Results.open(run.results.path)
    found = compare(again.scores("voice"), again.scores("slow"))["voice_to_voice_ms"]
    assert found.difference is not None
    assert found.difference.value == pytest.approx(SLOWER_MS, abs=2)
    assert found.verdict is not None
    assert found.verdict.word == "worse"


def test_the_second_run_computes_nothing(tmp_path: Path, calls: Path) -> None:
    said: list[str] = []
    place = suite(tmp_path, calls)
    first = asyncio.run(run_suite(place, runs=tmp_path / "runs", progress=said.append))
    second = asyncio.run(run_suite(place, runs=tmp_path / "runs", progress=said.append))
    assert "0 answers of scorers were known" in said[2]
    assert said[-1].endswith("0 were computed")
    drop = ["run", "scored_at"]
    pd.testing.assert_frame_equal(first.results.frame.drop(columns=drop), second.results.frame.drop(columns=drop))


def test_a_recording_that_has_changed_is_scored_again(tmp_path: Path, calls: Path) -> None:
    scorer = chosen_scorers(load_suite(suite(tmp_path, calls)))[0]
    from shutil import copytree

    copy = copytree(calls / "0-voice", tmp_path / "copy")
    cache = ScoreCache(tmp_path / "cache")
    cache.put(copy, scorer, [])
    assert cache.get(copy, scorer) == []
    with (copy / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert cache.get(copy, scorer) is None


def test_a_scorer_of_ones_own_is_ten_lines_in_a_file_beside_the_suite(tmp_path: Path, calls: Path) -> None:
    own = tmp_path / "mine.py"
    text = (
        "import contoso_lab as lab\n\n\n@lab.scorer(unit='turns')\ndef answers(recording):\n"
        "    'How often the assistant spoke.'\n"
        "    return lab.Score(float((recording.turns.role == 'assistant').sum()))\n"
    )
    own.write_text(text, encoding="utf-8")
    gates = "  - {metric: answers, at_least: 3, at_most: 3}\n"
    place = suite(tmp_path, calls, gates=gates, **{"[voice_to_voice_ms, endpointing_ms]": "['mine.py:answers']"})
    done = asyncio.run(run_suite(place, runs=tmp_path / "runs"))
    assert [gate.outcome for gate in done.gates] == ["passed", "passed"]
    before = signature(chosen_scorers(load_suite(place))[0])
    own.write_text(text.replace("== 'assistant'", "!= 'user'"), encoding="utf-8")
    assert signature(chosen_scorers(load_suite(place))[0]) != before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "[voice_to_voice_ms, endpointing_ms]",
            "[voice_to_vioce_ms]",
            ":7: there is no scorer 'voice_to_vioce_ms'; did you",
        ),
        ("[voice_to_voice_ms, endpointing_ms]", "[endpointing_ms]", ":9: 'voice_to_voice_ms' is not scored here"),
        ("[voice_to_voice_ms, endpointing_ms]", "['gone.py:f']", ":7: there is no file"),
        ("{persona: slow}", "{persona: nobody}", ":6: no recording in"),
        ("{persona: slow}", "{where: {colour: red}}", ":6: 'colour' is not known of a recording"),
    ],
)
def test_a_suite_that_cannot_be_run_says_where(tmp_path: Path, calls: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SuiteError) as problem:
        ran(tmp_path, calls, **{old: new})
    assert said in str(problem.value)
    assert not list((tmp_path / "runs").glob("evals/*"))


def test_facts_choose_recordings(tmp_path: Path, calls: Path) -> None:
    place = suite(
        tmp_path, calls, **{"{persona: slow}": "{where: {scenario: ['customer_1', 'customer_[23]'], persona: slow}}"}
    )
    assert [path.name for path in chosen_recordings(load_suite(place), "slow")] == ["1-slow", "2-slow", "3-slow"]


def test_a_gate_that_cannot_be_told_does_not_hold(tmp_path: Path, calls: Path) -> None:
    gates = "  - {metric: wer, at_most: 0.5}\n"
    done = ran(tmp_path, calls, gates=gates, **{"[voice_to_voice_ms, endpointing_ms]": "[wer]"})
    assert {gate.outcome for gate in done.gates} == {"could not be told"}
    assert not done.passed


def test_a_bound_may_ask_for_the_whole_interval(tmp_path: Path, calls: Path) -> None:
    gates = "".join(
        f"  - {{metric: voice_to_voice_ms, variant: voice, at_most: {most}, sure: {sure}}}\n"
        for most in (915, 2000)
        for sure in ("true", "false")
    )
    outcomes = [gate.outcome for gate in ran(tmp_path, calls, gates=gates).gates]
    assert outcomes[2:] == ["passed", "passed"]
    assert outcomes[:2] == ["failed", "passed"], "the median is below, and its interval reaches beyond"


def test_a_baseline_is_accepted_and_then_holds_later_runs(tmp_path: Path, calls: Path, run: SuiteRun) -> None:
    place = tmp_path / "baselines"
    accept(run.results, folder=place)
    assert sorted(path.name for path in place.iterdir()) == [
        "waits.slow.json", "waits.slow.jsonl", "waits.voice.json", "waits.voice.jsonl",
    ]  # fmt: skip
    known = run.results.signatures("voice")
    found = compare(baseline("waits", "voice", known, folder=place), run.results.scores("slow"))["voice_to_voice_ms"]
    assert found.verdict is not None
    assert found.verdict.word == "worse"


def test_a_scorer_that_has_changed_is_not_held_against_its_old_scores(tmp_path: Path, run: SuiteRun) -> None:
    accept(run.results, folder=tmp_path)
    changed = {**run.results.signatures("voice"), "voice_to_voice_ms": "0" * 16}
    assert list(baseline("waits", "voice", changed, folder=tmp_path).metrics) == ["endpointing_ms"]
    with pytest.raises(ScoringError, match="have changed since it was accepted"):
        baseline("waits", "voice", dict.fromkeys(changed, "0" * 16), folder=tmp_path)


def test_no_baseline_is_told_and_fails_the_gate(tmp_path: Path, calls: Path) -> None:
    gates = "  - {metric: endpointing_ms, from: baseline, to: voice, verdict: not worse, margin: 50}\n"
    (gate,) = ran(tmp_path, calls, gates=gates).gates
    assert gate.outcome == "could not be told"
    assert "nothing was accepted yet for voice" in gate.said


def test_a_new_scorer_is_added_without_running_anything_again(run: SuiteRun) -> None:
    from contoso_lab.scoring.run import default_scorers

    new = [scorer for scorer in default_scorers() if scorer.name == "start_buffer_ms"]
    rescore(run.results, new)
    again = Results.open(run.results.path)
    assert set(again.scores("voice").metrics) == {"voice_to_voice_ms", "endpointing_ms", "start_buffer_ms"}
    assert len(list((again.path / "scores").glob("*.parquet"))) == 4


def test_two_versions_of_a_scorer_are_not_added_up(run: SuiteRun) -> None:
    scores = run.results.scores("voice")
    some = type(scores)(scores.rows[:5], scores.metrics)
    run.results.append("voice", some, dict.fromkeys(scores.metrics, "another"))
    with pytest.raises(ScoringError, match="computed by two versions of its scorer"):
        run.results.scores("voice")


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match="holds no results"):
        Results.open(tmp_path)
    (tmp_path / "run.json").write_text('{"schema": "another"}', encoding="utf-8")
    with pytest.raises(ScoringError, match="is not 'contoso-lab results 1'"):
        Results.open(tmp_path)


def test_gates_are_checked_again_from_disk(run: SuiteRun) -> None:
    assert [gate.outcome for gate in gates_of(Results.open(run.results.path))] == [gate.outcome for gate in run.gates]


def test_the_command_exits_with_one_when_a_gate_fails(tmp_path: Path, calls: Path) -> None:
    program = [sys.executable, "-m", "contoso_lab.evaluation"]
    place = suite(tmp_path, calls)
    done = subprocess.run(
        [*program, "run", str(place), "--runs", str(tmp_path / "runs"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert not told["passed"]
    assert [gate["outcome"] for gate in told["gates"]] == ["passed", "failed", "passed", "passed"]


def test_an_evaluation_is_a_test(tmp_path: Path, calls: Path) -> None:
    place = suite(
        tmp_path, calls, gates="  - {metric: endpointing_ms, from: voice, to: slow, verdict: equivalent, margin: 50}\n"
    )
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n\n@pytest.mark.suite({str(place)!r})\ndef test_it(suite_run):\n"
        "    assert suite_run.passed, suite_run\n",
        encoding="utf-8",
    )
    asked = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--strict-markers",
        str(tmp_path / "test_it.py"),
    ]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
