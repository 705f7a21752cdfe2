"""A call as they really come: an upset customer, words out of order, an interruption, a page that was made up.

`fixtures/upset_customer.jsonl` holds a server's events of 21 turns (12 of the customer, 9 of the assistant), with the
times at which a relay would have seen them. The words are ours.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contoso_lab.agent.write_up import WriteUpRules
from contoso_lab.agent.write_up_events import (
    AskGate,
    CancelPage,
    Decision,
    GateAnswered,
    Heard,
    Line,
    PageFinished,
    ShowPage,
    Tell,
    Tick,
    WritePage,
    WriteUpEvent,
)
from contoso_lab.engine.clerk.briefing import read_briefing
from contoso_lab.engine.clerk.gate import judge
from contoso_lab.engine.seams import ChatMessage
from contoso_lab.prompts import load
from contoso_lab.shop import Catalog
from contoso_lab.shop.writeup import skus_in
from contoso_lab.wire import Conversation, parse_server

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "fixtures" / "upset_customer.jsonl").read_text(encoding="utf-8").splitlines()
]
CATALOG = Catalog.load()
GATE_S, PAGE_S = 0.8, 3.0


class Replay:
    """Folds the events, feeds the rules, and carries out what they decide in the call's own time."""

    def __init__(self, gate: str = "clerk") -> None:
        self.talk = Conversation()
        self.rules = WriteUpRules(lambda text: skus_in(text, CATALOG))
        self.gate = gate
        self.now_s = 0.0
        self.done: list[tuple[float, Decision]] = []
        self._coming: list[tuple[float, WriteUpEvent]] = []

    def play(self) -> Replay:
        for row in ROWS:
            self._until(row["at_ms"] / 1000)
            self.talk.apply(row["event"], at_ms=row["at_ms"])
            self._tell(Heard(self.lines))
        self._until(self.now_s + 60)
        return self

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(
            Line(turn.item_id, turn.role, turn.heard, turn.status == "done")
            for turn in self.talk.turns
            if turn.role != "system"
        )

    def of(self, kind: type) -> list[Decision]:
        return [decision for _, decision in self.done if isinstance(decision, kind)]

    def _until(self, at_s: float) -> None:
        while True:
            due_s = self.rules.due_s
            first = min([row for row in self._coming if row[0] <= at_s], key=lambda row: row[0], default=None)
            if first is not None and (due_s is None or first[0] <= due_s):
                self._coming.remove(first)
                self.now_s = first[0]
                self._tell(first[1])
            elif due_s is not None and due_s <= at_s:
                self.now_s = max(self.now_s, due_s)
                self._tell(Tick())
            else:
                self.now_s = at_s
                return

    def _tell(self, event: WriteUpEvent) -> None:
        for decision in self.rules.receive(event, now_s=self.now_s):
            self.done.append((self.now_s, decision))
            match decision:
                case AskGate(question, lines):
                    self._coming.append((self.now_s + GATE_S, GateAnswered(question, self._judges(lines))))
                case WritePage(page, lines):
                    named = [sku for line in lines for sku in skus_in(line.text, CATALOG)]
                    self._coming.append((self.now_s + PAGE_S, PageFinished(page, tuple(dict.fromkeys(named)))))

    def _judges(self, lines: tuple[Line, ...]) -> bool:
        if self.gate == "always yes":
            return True
        prompt = load("writeup_gate").render(conversation=[])
        briefing = read_briefing([one["content"] for one in prompt])
        return judge(briefing, [ChatMessage(line.role, line.text) for line in lines]).requested


@pytest.fixture(scope="module")
def replay() -> Replay:
    return Replay().play()


def test_every_event_is_one_that_a_server_may_send() -> None:
    for row in ROWS:
        if "delta" not in row["event"] or isinstance(row["event"]["delta"], str):  # sound is a recording's reference
            assert parse_server(json.dumps(row["event"]), check=True).known, row["event"]["type"]


def test_the_turns_stand_as_they_were_spoken_not_as_their_words_arrived(replay: Replay) -> None:
    turns = replay.talk.turns
    assert [turn.item_id for turn in turns] == (
        "a1 u1 a2 u2 u3 a3 u4 a4 u5 a5 u6 a6 u7 a7 u8 u9 a8 u10 u11 a9 u12".split()
    )
    arrived = [
        row["event"]["item_id"] for row in ROWS if row["event"]["type"].endswith("input_audio_transcription.completed")
    ]
    assert arrived != sorted(arrived, key=lambda one: int(one[1:]))
    assert sum(turn.role == "user" for turn in turns) == 12
    assert all(turn.text for turn in turns)


def test_what_was_cut_off_was_not_heard(replay: Replay) -> None:
    [cut] = [turn for turn in replay.talk.turns if turn.status == "interrupted"]
    assert cut.item_id == "a5"
    assert cut.heard.startswith("The Meadow Four sleeps four")
    assert "Lodge Eight" in cut.unheard
    asked = [line.text for one in replay.of(AskGate) for line in one.lines if line.id == "a5"]
    # The first question came before the cut; what it was about was not heard, so it was asked again as heard.
    assert "Lodge Eight" in asked[0]
    assert asked[1:] == [cut.heard] * len(asked[1:])
    assert asked[1:]
    [page] = replay.of(WritePage)
    assert [line.text for line in page.lines if line.id == "a5"] == [cut.heard]


def test_one_page_is_written_and_it_follows_the_request(replay: Replay) -> None:
    [(written_s, page)] = [row for row in replay.done if isinstance(row[1], WritePage)]
    assert page.after == "a8"
    # Not before the words of the request were there: they came three seconds after the answer to them.
    words_s = (
        next(row["at_ms"] for row in ROWS if row["event"].get("transcript", "").startswith("Okay, now show")) / 1000
    )
    assert words_s <= written_s <= words_s + 2
    assert {"u9", "a8"} <= {line.id for line in page.lines}
    assert [type(one) for one in replay.of(ShowPage) + replay.of(Tell)] == [ShowPage, Tell]


def test_the_page_that_the_assistant_invented_is_never_written(replay: Replay) -> None:
    assert not [one for one in replay.of(WritePage) if one.after in ("a3", "a4")]


def test_even_a_gate_that_always_says_yes_gets_no_invented_page_and_none_twice() -> None:
    yes = Replay("always yes").play()
    assert [one.after for one in yes.of(WritePage)] == ["a8"]
    assert len(yes.of(ShowPage)) == 1
    assert yes.of(CancelPage) == []
