from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contoso_lab import prompts
from contoso_lab.errors import ScoringError
from contoso_lab.prompts import ResponseCache, caching
from contoso_lab.scoring import score
from contoso_lab.scoring.judges import (
    Case,
    Verdicts,
    ask_judge,
    cases_of,
    compare_pairs,
    health_of,
    judge_scorer,
    signature_of,
)
from contoso_lab.settings import Target

Make = Callable[..., Any]


def some(count: int) -> list[Case]:
    return [
        Case(f"r{i}/call", f"r{i}", f"s{i % 3}", {"conversation": [{"who": "customer", "text": f"Question {i}?"}]})
        for i in range(count)
    ]


async def _ask(*given: Any, **options: Any) -> None:
    await ask_judge("helpfulness", *given, **options)


def _grade(grade: object) -> str:
    return json.dumps({"reason": "Because.", "score": grade})


async def test_every_case_is_judged_once_and_kept(bench: Any, tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path / "verdicts.jsonl")
    seen: list[tuple[int, int]] = []
    signature = await ask_judge(
        "helpfulness", some(20), bench.target, verdicts, at_once=4, on_progress=lambda done, of: seen.append((done, of))
    )
    assert len(bench.asked) == 20 == len(verdicts)
    assert bench.most_at_once <= 4
    assert seen[-1] == (20, 20)
    again = Verdicts(tmp_path / "verdicts.jsonl")
    assert list(again) == list(verdicts)
    first = next(iter(again))
    assert (first.status, first.value, first.reason, first.model) == ("ok", 4.0, "It helps.", "judge-1")
    assert first.signature == signature.id
    await ask_judge("helpfulness", some(22), bench.target, again)
    assert len(bench.asked) == 22  # what was judged is not asked again


async def test_what_was_interrupted_goes_on(bench: Any, tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path / "verdicts.jsonl")

    def stop(done: int, _: int) -> None:
        if done == 3:
            asking.cancel()

    asking = asyncio.create_task(
        _ask(some(10), bench.target, verdicts, at_once=1, on_progress=stop)  # in a task, as a notebook's cell is
    )
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(Verdicts(tmp_path / "verdicts.jsonl")) == 3
    with (tmp_path / "verdicts.jsonl").open("a") as file:
        file.write('{"item": "r9/ca')  # and the power went
    rest = Verdicts(tmp_path / "verdicts.jsonl")
    await ask_judge("helpfulness", some(10), bench.target, rest)
    assert len(bench.asked) == 10


@pytest.mark.parametrize(
    "answer",
    [
        "I would say 4 out of 5.",
        _grade("4"),
        _grade(4.5),
        _grade(True),
        _grade(6),
        '{"score": 4}',
        "",
        "[4]",
        _grade(None),
    ],
)
async def test_no_digit_is_scraped_out_of_prose(bench: Any, answer: str) -> None:
    bench.rule = lambda _: answer
    verdicts = Verdicts()
    await ask_judge("helpfulness", some(1), bench.target, verdicts)
    (verdict,) = verdicts
    assert (verdict.status, verdict.value) == ("error", None)
    assert "answer" in verdict.reason


async def test_errors_are_asked_again_and_counted(bench: Any, tmp_path: Path) -> None:
    bench.rule = lambda material: "no JSON" if "Question 3" in material else _grade(5)
    verdicts = Verdicts(tmp_path / "v.jsonl")
    await ask_judge("helpfulness", some(5), bench.target, verdicts)
    health = health_of(verdicts)
    assert health.errors.value == pytest.approx(0.2)
    assert (health.grades, health.models, health.drifted) == ({"5.0": 4}, {"judge-1": 4}, False)
    bench.rule, bench.model = lambda _: _grade(1), "judge-2"
    await ask_judge("helpfulness", some(5), bench.target, verdicts)
    assert len(bench.asked) == 6
    assert health_of(verdicts).errors.value == 0
    assert health_of(verdicts).drifted  # another model answers under the old name
    assert health_of(Verdicts(tmp_path / "v.jsonl")) == health_of(verdicts)


@pytest.mark.parametrize("status", [401, 404])
async def test_what_would_fail_for_all_ends_at_once(bench: Any, status: int) -> None:
    bench.rule = lambda _: status
    verdicts = Verdicts()
    with pytest.raises(ScoringError, match="cannot be asked"):
        await ask_judge("helpfulness", some(50), bench.target, verdicts, at_once=2)
    assert len(bench.asked) <= 4
    assert len(verdicts) == 0


async def test_a_target_that_is_not_there(unused_tcp_port: int) -> None:
    with pytest.raises(ScoringError, match="cannot be reached"):
        await ask_judge("helpfulness", some(3), Target.local(f"http://127.0.0.1:{unused_tcp_port}/v1"), Verdicts())


async def test_the_cache_helps_a_first_look_and_never_a_second(bench: Any) -> None:
    with ResponseCache(":memory:") as cache, caching(cache):
        for _ in range(2):
            verdicts = Verdicts()
            await ask_judge("helpfulness", some(2), bench.target, verdicts, repeats=2)
    # 2 first looks, and 2 second looks in each round.
    assert len(bench.asked) == 6
    kept = [v for v in verdicts if v.cached]
    assert [(v.repeat, v.duration_ms) for v in kept] == [(0, None), (0, None)]


async def test_another_model_is_another_signature_and_never_mixed(bench: Any) -> None:
    verdicts = Verdicts()
    old = await ask_judge("helpfulness", some(2), bench.target, verdicts)
    other = Target("url", bench.target.base_url, "m", "another-model")
    new = await ask_judge("helpfulness", some(2), other, verdicts)
    assert old.id != new.id
    with pytest.raises(ScoringError, match="2 signatures"):
        judge_scorer("helpfulness", verdicts)
    assert judge_scorer("helpfulness", verdicts, signature=new.id).signature == new.id


def test_a_changed_prompt_is_another_signature(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = Target.local("http://127.0.0.1:1/v1")
    before = signature_of("helpfulness", target)
    path = tmp_path / "helpfulness.prompty"
    path.write_text(prompts.load("judges/helpfulness").path.read_text().replace("Length is no merit.", "Be long."))
    shutil.copytree(prompts.load("judges/helpfulness").path.parent / "samples", tmp_path / "samples")
    changed = prompts.load(path)
    monkeypatch.setattr(prompts, "load", lambda _: changed)
    after = signature_of("helpfulness", target)
    assert before.id != after.id
    assert before.policy_version != after.policy_version


async def test_pairs_are_asked_in_both_orders(bench: Any) -> None:
    def rule(material: str) -> str:
        first, second = material.partition("# First answer\n")[2].split("\n\n# Second answer\n")
        choice = "first" if "best" in first else "second" if "best" in second else "first"  # else: whoever comes first
        return json.dumps({"reason": "So.", "better": choice})

    bench.rule = rule
    cases = some(3)
    pairs = [(cases[0], "the best", "a bad one"), (cases[1], "a bad one", "the best"), (cases[2], "one", "two")]
    verdicts = Verdicts()
    await compare_pairs(pairs, bench.target, verdicts)
    by_item = {v.item: v for v in verdicts}
    assert [by_item[case.item].value for case in cases] == ["a", "b", "tie"]
    assert by_item[cases[2].item].orders == ("a", "b")
    assert "when a came first" in by_item[cases[2].item].reason
    health = health_of(verdicts)
    assert health.position_consistency == pytest.approx(2 / 3)
    assert health.first_wins == pytest.approx(4 / 6)
    assert len(bench.asked) == 6


async def test_a_pair_that_fails_once_is_an_error(bench: Any) -> None:
    bench.rule = lambda material: "?" if "# First answer\ntwo" in material else '{"reason": "r", "better": "first"}'
    verdicts = Verdicts()
    await compare_pairs([(some(1)[0], "one", "two")], bench.target, verdicts)
    assert [v.status for v in verdicts] == ["error"]


async def test_calls_become_cases_and_verdicts_become_scores(bench: Any, tent_call: Make) -> None:
    recording = tent_call(persona="voice")
    (page,) = cases_of("suggestion_relevance", [recording])
    assert page.item == "call/page-1"
    assert page.inputs["page"].startswith("### Meadow Four")
    assert page.inputs["conversation"][-1] == {"who": "assistant", "text": "Here it is."}
    (grounded,) = cases_of("groundedness", [recording])
    assert grounded.inputs["facts"][-1].startswith("The customer already bought: FTW-01")
    (part,) = cases_of("persona_adherence", [recording])
    assert "Answer in at most three sentences." in part.inputs["rules"]
    with pytest.raises(ScoringError, match="compare_pairs"):
        cases_of("preference", [recording])
    verdicts = Verdicts()
    await ask_judge("helpfulness", cases_of("helpfulness", [recording]), bench.target, verdicts, repeats=2)
    scorer = judge_scorer("helpfulness", verdicts)
    scores = score([recording, tent_call(name="other")], scorer)
    assert scorer.name == "judge_helpfulness_provisional"
    assert scorer.metric.about.startswith("Provisional, no licence")
    assert not scorer.metric.judged
    assert [(row.value, row.status) for row in scores] == [(4.0, "ok"), (None, "skipped")]


async def test_errors_of_a_judge_bound_its_mean(bench: Any) -> None:
    bench.rule = lambda material: "?" if "Question 0" in material else _grade(4)
    verdicts = Verdicts()
    await ask_judge("helpfulness", some(4), bench.target, verdicts)
    scorer = judge_scorer("helpfulness", verdicts)

    class _Call:
        def __init__(self, name: str) -> None:
            self.id = name
            self.manifest = type("M", (), {"mode": "live", "scenario": name})()

    calls: Any = [_Call(f"r{i}") for i in range(4)]
    summary = score(calls, scorer).summary(scorer.name)
    assert summary.n_error == 1
    assert "between 3.25 and 4.25 with the failed ones" in summary.note


def test_a_file_that_holds_no_verdicts_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "v.jsonl"
    place.write_text('{"item": 1}\n{"also": "no"}\n')
    with pytest.raises(ScoringError, match=r"v\.jsonl, line 1"):
        Verdicts(place)
