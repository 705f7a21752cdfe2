from __future__ import annotations

import gc
import math
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import RecordingError, ScoringError
from contoso_lab.recording import Labels, Recording, bundle
from contoso_lab.scoring import Metric, Row, Score, Scores, default_scorers, score, scorer
from contoso_lab.scoring import features as features_module
from contoso_lab.scoring.run import uncollected

SHARE = Metric("share_of_good", unit="share", aggregate="ratio", about="Share of the good <ones>.")
WAIT = Metric("wait_ms", unit="ms", lower_is_better=True, aggregate="median")


def rows(metric: Metric, *scores: Score, calls: int = 1) -> list[Row]:
    return [
        Row.of(score, metric=metric, recording=f"r{i % calls}", scenario=f"s{i % calls}")
        for i, score in enumerate(scores)
    ]


def test_every_scorer_of_ours_says_something_about_a_call(tent_call: Callable[..., Recording]) -> None:
    scores = score(tent_call())
    assert len(scores.metrics) >= 60
    headline = [name for name, metric in scores.metrics.items() if metric.judged]
    # The metrics that share one level: each more makes every verdict harder to reach.
    assert headline == [
        "valid_sku_rate",
        "constraint_sat",
        "ndcg_linear@3",
        "truth_said",
        "truth_shown",
        "sold_again_rate",
        "off_budget_rate",
        "task_success",
        "gate_right",
        "persona_adherence",
        "speakability",
        "wer",
        "voice_to_voice_ms",
        "voice_to_voice_tool_ms",
        "suggestion_latency_ms",
        "setup_ms",
        "response_rate",
        "usd_per_call",
    ]
    assert {row.metric for row in scores} == set(scores.metrics)
    assert all(entry.metric.about.endswith(".") for entry in scores.summaries)
    assert scores.frame.columns.tolist() == list(Row.__dataclass_fields__)
    assert scores.recordings == ("call",)


def test_ratios_add_up_by_their_counts() -> None:
    scores = Scores(rows(SHARE, Score(0.25, n=8), Score(0.0, n=2)), {SHARE.name: SHARE})
    assert scores.summary(SHARE.name).estimate.value == pytest.approx(0.2)


def test_a_failed_score_is_counted_and_bounds_the_mean() -> None:
    good = [Score(1.0)] * 6
    scores = Scores(rows(SHARE, *good, Score.error("it broke"), Score.missing("nothing there")), {SHARE.name: SHARE})
    summary = scores.summary(SHARE.name)
    assert (summary.n_ok, summary.n_total, summary.n_error) == (6, 8, 1)
    assert "1 failed: it broke" in summary.note
    assert "1 not told: nothing there" in summary.note
    assert "between 0.857 and 1 with the failed ones" in summary.note
    assert "6/8" in repr(scores)


@pytest.mark.parametrize(("n", "shown"), [(35, "p90: n too small"), (36, "p90 ")])
def test_tails_of_a_wait_need_enough_turns(n: int, shown: str) -> None:
    scores = Scores(rows(WAIT, *[Score(float(i)) for i in range(n)], calls=12), {WAIT.name: WAIT})
    assert shown in scores.summary(WAIT.name).note
    assert math.isnan(scores.table().set_index("metric").loc["wait_ms", "p90"]) == (n < 36)


def test_unanswered_turns_move_the_median() -> None:
    answered = [Score(float(ms)) for ms in (400, 500, 600)]
    silent = [Score.censored(9000, "no answer")] * 2
    scores = Scores(rows(WAIT, *answered, *silent), {WAIT.name: WAIT})
    summary = scores.summary(WAIT.name)
    assert summary.estimate.value == 600
    assert (summary.n_ok, summary.n_censored, summary.n_total) == (3, 2, 5)
    assert "2 unanswered: no answer" in summary.note


def test_labels_are_counted_and_have_no_mean() -> None:
    mood = Metric("mood")
    scores = Scores(rows(mood, Score("calm"), Score("calm"), Score("angry")), {"mood": mood})
    summary = scores.summary("mood")
    assert summary.estimate is None
    assert summary.note == "calm 2, angry 1"


def test_a_share_in_every_call_is_not_certain() -> None:
    scores = Scores(rows(SHARE, *[Score(1.0)] * 20, calls=20), {SHARE.name: SHARE})
    assert scores.summary(SHARE.name).estimate.low == pytest.approx(0.839, abs=5e-4)


def test_what_is_saved_is_what_is_read(tmp_path: Path, tent_call: Callable[..., Recording]) -> None:
    scores = score(tent_call(), seed=3)
    again = Scores.load(scores.save(tmp_path / "scores.jsonl"))
    assert again.rows == scores.rows
    assert again.metrics == scores.metrics
    assert repr(again) == repr(scores)
    assert len((tmp_path / "scores.jsonl").read_text(encoding="utf-8").splitlines()) == len(scores) + 1


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", '{"schema": "contoso-lab scores 1"}'])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "scores.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(ScoringError, match=r"scores\.jsonl"):
        Scores.load(tmp_path / "scores.jsonl")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match="cannot be read"):
        Scores.load(tmp_path / "nothing.jsonl")


def test_parquet_works_or_names_the_package(tmp_path: Path, tent_call: Callable[..., Recording]) -> None:
    pandas = pytest.importorskip("pandas")
    scores = score(tent_call())
    try:
        import pyarrow  # noqa: F401  # only asked whether it is there
    except ImportError:
        with pytest.raises(ScoringError, match="pyarrow"):
            scores.to_parquet(tmp_path / "scores.parquet")
    else:
        path = scores.to_parquet(tmp_path / "scores.parquet")
        assert len(pandas.read_parquet(path)) == len(scores)


def test_it_shows_itself_as_text_and_as_a_safe_table() -> None:
    scores = Scores(rows(SHARE, Score(0.5, n=2), Score.error("<b>bad</b>")), {SHARE.name: SHARE})
    assert repr(scores).splitlines()[0] == "Scores of 1 call"
    assert repr(scores).splitlines()[2].split()[:2] == ["share_of_good", "0.5"]
    page = scores._repr_html_()
    assert "<b>bad" not in page
    assert "&lt;ones&gt;" in page
    assert page.count("<tr") == 2


def test_one_broken_recording_does_not_stop_the_others(call: Callable[..., Any]) -> None:
    @scorer
    def picky(recording: Recording) -> Score:
        """Whether it may be read."""
        if recording.id == "bad":
            raise RecordingError("bad: the file is damaged")
        return Score(True)

    calls = [call().recording(name=name) for name in ("good", "bad", "fine")]
    assert [row.status for row in score(calls, picky)] == ["ok", "error", "ok"]


def test_a_call_that_was_scored_is_scored_again_without_its_sound(
    tent_call: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = tent_call()
    first = score(recording)
    assert gc.isenabled()

    def unpacked(place: Path) -> None:
        raise AssertionError(f"{place} was unpacked again")

    monkeypatch.setattr(bundle, "read_audio", unpacked)
    assert score(Recording.open(recording.path)).rows == first.rows


def test_a_call_that_was_let_go_leaves_the_memory_without_the_collector(tent_call: Callable[..., Recording]) -> None:
    recording = tent_call()
    seen, events = weakref.ref(recording), weakref.ref(recording.conversation)
    with uncollected():
        score(recording)
        assert not gc.isenabled(), "whoever holds it off outside decides when it goes on"
        recording.let_go()
        assert events() is None
        del recording
        assert seen() is None
    assert gc.isenabled()


def test_labels_are_looked_at_once_for_all_scorers_and_again_for_the_next_run(
    tent_call: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, looks = tent_call(), []
    age = features_module._age
    monkeypatch.setattr(features_module, "_age", lambda call: (looks.append(call), age(call))[1])
    first = score(recording)
    assert looks == [recording]
    recording.add_labels(Labels())
    assert score(recording).rows != first.rows
    assert looks == [recording] * 2


def test_a_scorer_with_nothing_to_say_leaves_a_row(call: Callable[..., Any]) -> None:
    @scorer
    def silent(recording: Recording) -> list[Score]:
        """Nothing at all."""
        return []

    assert [row.status for row in score(call().recording(), silent)] == ["skipped"]


def test_two_scorers_of_one_name_are_refused(call: Callable[..., Any]) -> None:
    twice = [default_scorers()[0]] * 2
    with pytest.raises(ScoringError, match="valid_sku_rate"):
        score(call().recording(), twice)
    with pytest.raises(ScoringError, match="no recording"):
        score([])


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(ScoringError, match="no metric 'speed'"):
        Scores([], {WAIT.name: WAIT}).of("speed")


def test_the_door_opens_without_the_heavy_libraries() -> None:
    heavy = "{'pandas', 'scipy', 'jiwer', 'ir_measures', 'openai', 'prompty'}"
    code = f"import sys, contoso_lab.scoring; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
