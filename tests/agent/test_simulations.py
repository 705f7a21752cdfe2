"""A thousand pretended calls: no page twice in a row, none in a loop, none unasked, none forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from contoso_lab.agent import write_up, write_up_events
from contoso_lab.agent.write_up import WriteUpRules
from contoso_lab.agent.write_up_events import Line
from contoso_lab.agent.write_up_judging import Question, Shown, is_reply

from . import pretend_call  # noqa: TID252 - the tests are no package
from .pretend_call import Call, GateMood  # noqa: TID252

Patch = Callable[[pytest.MonkeyPatch], None]


def play(seeds: range, mood: GateMood) -> tuple[list[str], Counter[str]]:
    complaints: list[str] = []
    told: Counter[str] = Counter()
    for seed in seeds:
        call = Call(seed, mood)
        complaints += call.run()
        told.update(call.told)
        told.update(asked=call.asked, cancelled=call.cancelled, wanted=len(call.requests), dropped=call.dropped)
    return complaints, told


def test_a_thousand_calls_with_a_gate_that_judges_well() -> None:
    """Every page follows a request, every request that was agreed to gets a page or an honest word."""
    complaints, told = play(range(1000), "truthful")
    assert complaints == []
    # They were calls worth the name: pages, failures, repeated wishes and changed minds by the hundred.
    assert told["shown"] > 1000
    assert min(told["failed"], told["still_shown"], told["cancelled"]) > 150
    assert told["asked"] < 3 * told["wanted"]


@pytest.mark.parametrize("mood", ["eager", "loopy"])
def test_a_gate_that_says_yes_too_often_cannot_make_a_loop(mood: GateMood) -> None:
    """The gate that says yes to everything, and the one that says yes to its own "it is on your screen"."""
    complaints, told = play(range(500), mood)
    assert complaints == []
    assert told["shown"] <= told["wanted"]


def test_the_same_seed_is_the_same_call() -> None:
    one, two = Call(7), Call(7)
    assert (one.run(), one.told, one.shown, one.now) == (two.run(), two.told, two.shown, two.now)


# -- each rule, broken --------------------------------------------------------------------------------


def no_debounce(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pretend_call, "new_rules", lambda: WriteUpRules(pretend_call.names, debounce_s=0.0))


def no_patience_with_late_words(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pretend_call, "new_rules", lambda: WriteUpRules(pretend_call.names, words_patience_s=0.0))


def its_own_replies_count(patch: pytest.MonkeyPatch) -> None:
    def candidates(self: WriteUpRules) -> list[Line]:
        return [line for line in self._open_lines() if line.done and line.text and line.id not in self._judged]

    patch.setattr(WriteUpRules, "_candidates", candidates)


def judged_again_and_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(write_up, "ASKED_AT_MOST", 10_000)
    patch.setattr(WriteUpRules, "_has_news", lambda self: True)
    patch.setattr(Question, "is_void", lambda self, talk: False)


def two_questions_at_once(patch: pytest.MonkeyPatch) -> None:
    ask = WriteUpRules._ask

    def without_looking(self: WriteUpRules, now_s: float) -> list[write_up_events.Decision]:
        question, page = self._question, self._page
        self._question = self._page = None
        asked = ask(self, now_s)
        self._question = self._question or question
        self._page = page
        return asked

    patch.setattr(WriteUpRules, "_ask", without_looking)


def every_yes_is_new(patch: pytest.MonkeyPatch) -> None:
    def finished(self: WriteUpRules, number: int, skus: frozenset[str]) -> list[write_up_events.Decision]:
        self._page = None
        return [write_up_events.ShowPage(number), write_up_events.Tell("shown")]

    patch.setattr(Shown, "differs", lambda self, question, names: True)
    patch.setattr(WriteUpRules, "_finished", finished)


def permission_is_not_needed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Question, "permitted", True)


def words_that_were_not_heard_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Question, "is_void", lambda self, talk: False)


def what_comes_after_a_no_does_not_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Question, "is_replaced", lambda self, talk: False)


def nothing_ends_with_the_call(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WriteUpRules, "_hang_up", lambda self: [])


def failures_are_kept_quiet(patch: pytest.MonkeyPatch) -> None:
    def failed(self: WriteUpRules, number: int) -> list[write_up_events.Decision]:
        self._page = None
        return []

    patch.setattr(WriteUpRules, "_page_failed", failed)


def a_page_is_awaited_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WriteUpRules, "_too_late", lambda self, now_s: [])


def what_is_settled_is_judged_again(patch: pytest.MonkeyPatch) -> None:
    def open_lines(self: WriteUpRules) -> tuple[Line, ...]:
        last = max((place for place, line in enumerate(self._lines) if is_reply(line)), default=-1)
        return self._lines[: last + 1]

    patch.setattr(WriteUpRules, "_open_lines", open_lines)
    patch.setattr(Shown, "differs", lambda self, question, names: True)


@pytest.mark.parametrize(
    ("broken", "mood", "complaint"),
    [
        (no_debounce, "truthful", "a question in the middle of a burst"),
        (no_patience_with_late_words, "truthful", "words that were on the way were not waited for"),
        (its_own_replies_count, "loopy", "a question although the customer has said nothing since"),
        (judged_again_and_again, "truthful", "the same words were judged too often"),
        (two_questions_at_once, "truthful", "a question while another question or a page is on"),
        (every_yes_is_new, "eager", "the same page again, although it is still on the screen"),
        (permission_is_not_needed, "loopy", "a page that nobody asked for"),
        (words_that_were_not_heard_count, "truthful", "words that were not heard like that"),
        (what_comes_after_a_no_does_not_count, "truthful", "a page although the customer said no"),
        (nothing_ends_with_the_call, "truthful", "after the customer hung up"),
        (failures_are_kept_quiet, "truthful", "which was agreed to"),
        (a_page_is_awaited_for_ever, "truthful", "the call never came to rest"),
        (what_is_settled_is_judged_again, "eager", "the same page twice in a row"),
    ],
)
def test_the_calls_complain_when_a_rule_is_broken(
    broken: Patch, mood: GateMood, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert any(complaint in found for seed in range(400) for found in Call(seed, mood).run())
