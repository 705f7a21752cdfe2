"""The page of a run: what to do, why, and the worst turns to listen to."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import ScoringError
from contoso_lab.evaluation.answer import answer
from contoso_lab.evaluation.page import run_page, worst_turns
from contoso_lab.evaluation.results import Results
from contoso_lab.evaluation.run import run_suite
from contoso_lab.report.comparison import Comparison, Difference
from contoso_lab.scoring.pairing import Pairs
from contoso_lab.scoring.value import Metric
from contoso_lab.scoring.verdict import Verdict, Word


def compared(**words: Word) -> Comparison:
    found = {
        name: Difference(
            Metric(name), 0, 0, None, None, Pairs(), Verdict(word, "", 12 if word == "not shown" else None)
        )
        for name, word in words.items()
    }
    return Comparison(found, calls=8, note="", names=("voice", "brief"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            {"wer": "better", "ndcg": "not shown"},
            "Ship brief: it is better at hearing the words (wer), and worse at nothing",
        ),
        ({"wer": "worse"}, "Ship voice: brief is worse at hearing the words (wer)"),
        (
            {"wer": "worse", "ndcg": "better", "price": "better"},
            "You have to choose: brief is better at ndcg and price, and worse at hearing the words (wer)",
        ),
        ({"wer": "equivalent"}, "Either will do: voice and brief are equivalent at hearing the words (wer)"),
        ({"wer": "equivalent", "ndcg": "not shown"}, "About 12 more pairs of calls"),
        ({"wer": "too few calls to say"}, "That is not the same as none."),
    ],
)
def test_the_answer_says_no_more_than_was_shown(words: dict[str, Word], said: str) -> None:
    assert said in answer(compared(**words))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, calls: Path) -> Results:
    folder = tmp_path_factory.mktemp("page")
    suite = folder / "waits.yaml"
    suite.write_text(
        f"suite: waits\nquestion: Is <slow> slow?\nrecordings: {{folder: {calls}}}\n"
        "variants:\n  voice: {persona: voice}\n  slow: {persona: slow}\nscorers: [voice_to_voice_ms]\n"
        "gates:\n  - {metric: voice_to_voice_ms, from: voice, to: slow, verdict: not worse, margin: 100}\n",
        encoding="utf-8",
    )
    return asyncio.run(run_suite(suite, runs=folder / "runs")).results


def test_the_page_holds_the_answer_the_gates_and_the_worst_turns(results: Results, tmp_path: Path) -> None:
    html = run_page(results, tmp_path / "run.html").read_text(encoding="utf-8")
    assert "Ship voice: slow is worse at answering soon (voice_to_voice_ms)" in html
    assert "Is &lt;slow&gt; slow?" in html
    assert "slow not worse than voice (margin 100)" in html
    assert html.count("<li><button data-jump=") >= 4
    assert "http-equiv" in html
    assert "src='http" not in html


def test_the_worst_turns_are_the_longest_waits_and_can_be_found(results: Results) -> None:
    scores = {variant: results.scores(variant) for variant in results.variants}
    places = {(variant, path.name): path for variant in results.variants for path in results.recordings(variant)}
    worst = worst_turns(scores, places, most=3)
    assert {turn.variant for turn in worst} == {"slow"}
    waits = sorted((float(row.value or 0) for row in scores["slow"]), reverse=True)
    assert [turn.value for turn in worst] == [f"{wait:.0f} ms" for wait in waits[:3]]
    for turn in worst:
        asked = int(turn.said.split()[1])
        assert turn.at_ms == pytest.approx(500 + 4500 * asked + 900 - 1000, abs=60), "a second before its last sound"


def test_a_run_whose_recordings_are_gone_says_so(results: Results, tmp_path: Path) -> None:
    copy = Results.open(shutil.copytree(results.path, tmp_path / "run"))
    copy.about["recordings"] = {"voice": [str(tmp_path / "gone")], "slow": []}
    with pytest.raises(ScoringError, match="1 of its recordings are gone"):
        run_page(copy)


@pytest.mark.browser
def test_a_worst_turn_opens_its_call_at_that_second(results: Results, tmp_path: Path) -> None:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    place = run_page(results, tmp_path / "run.html")
    with sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-background-networking"]
        )
        tab: Any = browser.new_page()
        faults: list[str] = []
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.goto(place.as_uri())
        button = tab.locator(".worst button[data-jump]").last
        call, at_s = button.get_attribute("data-jump"), float(button.get_attribute("data-at"))
        button.click()
        sound = f"document.querySelector('#{call} audio')"
        tab.wait_for_function(f"{sound}.currentTime >= {at_s - 0.1}")
        assert tab.locator(f"#{call}").is_visible()
        assert tab.locator(".call:visible").count() == 1
        tab.evaluate(f"{sound}.pause()")
        tab.locator(f"#{call} .bookmark").click()
        link = tab.locator(f"#{call} .bookmarks a").get_attribute("href")
        tab.goto("about:blank")
        tab.goto(place.as_uri() + link)
        tab.wait_for_function(f"{sound} && !{sound}.closest('.call').hidden && {sound}.currentTime >= {at_s - 0.1}")
        browser.close()
    assert faults == []
