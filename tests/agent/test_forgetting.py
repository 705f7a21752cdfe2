"""Forgetting a customer: what goes, what stays, what the receipt says, and that a search finds nothing more."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contoso_lab import cli
from contoso_lab.agent.forgetting import forget
from contoso_lab.agent.ringing import LONGEST_CALL_S
from contoso_lab.errors import ConfigError, RecordingError
from contoso_lab.memory import Memory, Message, Thread, open_memory
from contoso_lab.prompts import ResponseCache, Tracing
from contoso_lab.prompts.cache import Kept
from contoso_lab.prompts.tracing import Subject
from contoso_lab.recording import Recorder
from contoso_lab.recording.forget import FRESH_S
from contoso_lab.shop import get_customer

MAYA, DANIEL = get_customer("maya"), get_customer("daniel")


@dataclass
class House:
    """A shop that has talked with two customers, on calls and in chats."""

    memory: Memory
    runs: Path
    traces: Path
    cache: ResponseCache
    threads: dict[str, Thread]

    def forget(self, **more: Any) -> Any:
        return forget(MAYA, self.memory, self.runs, traces=self.traces, cache=self.cache, **more)


def record(runs: Path, name: str, customer: str, words: str, *, closed: bool = True) -> Path:
    recorder = Recorder.start(runs, id=name, persona="voice", customer=customer)
    recorder.write("s2c", json.dumps({"type": "session.created", "session": {"instructions": words}}))
    if closed:
        recorder.close("done")
    return recorder.path


def furnish(runs: Path, memory: Memory, cache: ResponseCache) -> House:
    traces = runs / "traces"
    threads = {}
    for customer in (MAYA, DANIEL):
        thread = memory.create(customer=customer.id, persona="voice")
        name = f"20261122-15000{len(threads)}-{customer.id}"
        record(runs, name, customer.id, f"You talk with {customer.name}.")
        memory.append(
            thread.id,
            Message(source="chat", role="user", text=f"I am {customer.name}."),
            Message(source="call", role="user", text="Hello.", meta={"recording": name}),
        )
        memory.update(thread.id, lambda state: {**state, "cart": [{"sku": "TEN-02", "quantity": 1}]})
        threads[customer.id] = memory.get(thread.id)
        for number in range(2):
            record_ = {"trace_id": f"{customer.id}{number}", "span_id": "1", "customer": customer.id, "text": "Hi."}
            Tracing(traces).write(record_)
        cache.put(f"{customer.id}", Kept(f"Dear {customer.name}", "m"), Subject(customer.id, thread.id))
    return House(memory, runs, traces, cache, threads)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    runs = tmp_path / "runs"
    runs.mkdir()
    with (
        open_memory(f"sqlite:///{runs / 'memory.sqlite3'}") as memory,
        ResponseCache(runs / "answers.sqlite3") as cache,
    ):
        yield furnish(runs, memory, cache)


def stands(folder: Path, *words: str) -> list[str]:
    """An own, simple search: files below the folder in which one of the words stands."""
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(word.encode() in path.read_bytes() for word in words)
    ]


def test_everything_of_theirs_goes_and_all_else_stays(house: House) -> None:
    theirs = house.threads["maya"]
    assert len(stands(house.runs, "Maya Chen", theirs.id)) >= 3, "before, there was something to find"
    receipt = house.forget()
    assert receipt.threads == (theirs.id,)
    assert (receipt.messages, receipt.recordings, receipt.traces, receipt.cached) == (
        2,
        ("20261122-150000-maya",),
        2,
        1,
    )
    assert receipt.clean, receipt.left
    assert stands(house.runs, "Maya Chen", theirs.id, "20261122-150000-maya") == []
    assert house.memory.list("maya", include_closed=True) == []
    assert house.memory.history(house.threads["daniel"].id)[0].text == "I am Daniel Brooks."
    assert (house.runs / "20261122-150001-daniel" / "manifest.json").exists()
    assert len(list(house.traces.rglob("*.jsonl"))) == 2
    assert house.cache.get("daniel") == Kept("Dear Daniel Brooks", "m")
    words = str(receipt)
    for said in ("forgotten: maya", "1, with 2 messages", "1: 20261122-150000-maya", "nothing was found", "backups"):
        assert said in words


def test_a_recording_that_only_a_message_names_goes_too(house: House) -> None:
    path = record(house.runs, "20261122-160000-xxxx", "", "You talk with somebody.")
    house.memory.append(
        house.threads["maya"].id, Message(source="call", role="user", text="Me.", meta={"recording": path.name})
    )
    assert path.name in house.forget().recordings
    assert not path.exists()


def test_a_trace_that_names_them_goes_too(house: House) -> None:
    thread = house.threads["maya"].id
    for number, text in enumerate(
        ["For Maya Chen.", f"In {thread}.", "MAYA.CHEN@EXAMPLE.COM wrote", "For another Maya."]
    ):
        Tracing(house.traces).write({"trace_id": f"other{number}", "span_id": "1", "customer": None, "text": text})
    assert house.forget().traces == 2 + 3
    assert stands(house.traces, "another Maya") == ["other3-1.jsonl"], "a first name is not enough"


def test_a_trace_that_says_nobodys_name_and_holds_their_words_goes_too(house: House) -> None:
    said = 'We need a "big" tent for\nour trip to the Dolomites.'
    house.memory.append(house.threads["maya"].id, Message(source="chat", role="user", text=said))
    for number, customer in enumerate([None, "daniel", None]):
        words = said if number < 2 else "Hello."  # what anybody may have said
        record_ = {"trace_id": f"other{number}", "span_id": "1", "customer": customer, "messages": [{"content": words}]}
        Tracing(house.traces).write(record_)
    assert house.forget().traces == 2 + 1
    assert {path.name for path in house.traces.rglob("other*")} == {"other1-1.jsonl", "other2-1.jsonl"}


def test_what_is_left_elsewhere_is_named(house: House) -> None:
    report = house.runs / "compared" / "report.html"
    report.parent.mkdir()
    report.write_text("<h1>Calls with Maya Chen</h1>", encoding="utf-8")
    receipt = house.forget()
    assert receipt.left == (str(report),)
    assert not receipt.clean
    assert "1 places, look at them" in str(receipt)
    assert str(report) in str(receipt)


def test_the_search_finds_what_lies_across_two_pieces_of_a_large_file(house: House) -> None:
    for number, name in enumerate(["Maya Chen", "maya.chen@example.com"]):
        (house.runs / f"large{number}.log").write_bytes(b"x" * ((1 << 20) - 4) + name.encode() + b"y" * 1000)
    assert [Path(place).name for place in house.forget().left] == ["large0.log", "large1.log"]


def test_a_name_in_other_letters_is_found_as_json_writes_it(house: House) -> None:
    yuki = get_customer("maya").model_copy(update={"id": "yuki", "name": "高橋 由紀", "email": "y@example.com"})
    (house.runs / "a.json").write_text(json.dumps({"who": "高橋 由紀"}), encoding="utf-8")
    (house.runs / "b.txt").write_text("高橋 由紀", encoding="utf-8")
    receipt = forget(yuki, house.memory, house.runs)
    assert [Path(place).name for place in receipt.left] == ["a.json", "b.txt"]


def test_asking_again_finds_nothing_more(house: House) -> None:
    house.forget()
    again = house.forget()
    assert (again.threads, again.messages, again.recordings, again.traces, again.cached) == ((), 0, (), 0, 0)
    assert again.clean


@pytest.mark.parametrize("how", ["told", "state", "recording"])
def test_while_a_call_goes_on_nothing_is_deleted(house: House, how: str) -> None:
    thread = house.threads["maya"].id
    match how:
        case "told":
            calls: list[str] = [thread]
        case "state":
            calls = []
            house.memory.update(thread, lambda state: {**state, "call": {"phase": "call", "since_s": 0.0}})
        case _:
            calls = []
            record(house.runs, "20261122-170000-open", "maya", "You talk with Maya Chen.", closed=False)
    with pytest.raises(ConfigError, match=r"^maya is on a call now \((thread thread_|recording 20261122-170000-open)"):
        house.forget(open_calls=calls)
    assert house.memory.list("maya") != []
    assert (house.runs / "20261122-150000-maya").exists()
    assert len(house.cache) == 2


def test_a_call_that_was_never_ended_does_not_hold_it_up_for_ever(house: House) -> None:
    thread = house.threads["maya"].id
    house.memory.update(thread, lambda state: {**state, "call": {"phase": "call", "since_s": 0.0}})
    path = record(house.runs, "20261122-170000-dead", "maya", "You talk with Maya Chen.", closed=False)
    spool = path / "spool.bin"
    later = house.memory.get(thread).touched_at.timestamp() + LONGEST_CALL_S + FRESH_S + 1
    receipt = house.forget(now=lambda: later)
    assert path.name in receipt.recordings
    assert not spool.exists()


def test_another_customers_call_holds_nothing_up(house: House) -> None:
    house.memory.update(house.threads["daniel"].id, lambda state: {**state, "call": {"phase": "call", "since_s": 0.0}})
    assert house.forget(open_calls=[house.threads["daniel"].id]).clean


@pytest.mark.skipif(os.geteuid() == 0, reason="root may delete anything")
def test_what_cannot_be_deleted_is_said_and_may_be_tried_again(house: House) -> None:  # pragma: no cover
    folder = house.runs / "20261122-150000-maya"
    folder.chmod(0o500)
    with pytest.raises(RecordingError, match="cannot be deleted"):
        house.forget()
    folder.chmod(0o700)
    assert house.forget().clean


def test_a_failure_of_the_memory_leaves_the_rest_to_be_found_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(customer: str) -> Any:
        raise RecordingError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(house.memory, "forget", fails)
        with pytest.raises(RecordingError, match="away"):
            house.forget()
    receipt = house.forget()
    assert receipt.threads == (house.threads["maya"].id,), "the memory goes last, for it knows the ids"
    assert receipt.clean


def test_somebody_whom_the_shop_does_not_know(house: House) -> None:
    thread = house.memory.create(customer="guest-7", persona="voice")
    receipt = forget("guest-7", house.memory, house.runs)
    assert (receipt.threads, receipt.clean) == ((thread.id,), True)


@pytest.fixture
def contoso(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.delenv("CONTOSO_LAB_MEMORY", raising=False)

    def run(*words: object) -> tuple[int, str, str]:
        try:
            code = cli.run(lambda: cli.app([str(word) for word in words], prog_name="contoso-lab"))
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_the_command_asks_first(house: House, contoso: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.confirm", lambda text, abort: (_ for _ in ()).throw(SystemExit(1)))
    code, _, _ = contoso("forget", "maya", "--runs", house.runs)
    assert code == 1
    assert house.memory.list("maya") != []


def test_the_command_prints_the_receipt(house: House, contoso: Any) -> None:
    code, out, err = contoso("forget", "maya", "--yes", "--runs", house.runs)
    assert (code, err) == (0, "")
    assert "forgotten: maya" in out
    assert "nothing was found" in out
    assert house.memory.list("maya", include_closed=True) == []
    assert stands(house.runs, "Maya Chen", house.threads["maya"].id) == []
    assert house.memory.list("daniel") != []


def test_the_command_names_an_open_call_and_refuses(house: House, contoso: Any) -> None:
    thread = house.threads["maya"].id
    house.memory.update(thread, lambda state: {**state, "call": {"phase": "call", "since_s": 0.0}})
    code, _, err = contoso("forget", "maya", "--yes", "--runs", house.runs)
    assert code == 2
    assert f"thread {thread}" in err.replace("\n", " ")
    assert house.memory.list("maya") != []


def test_the_command_says_with_its_code_that_something_is_left(house: House, contoso: Any) -> None:
    (house.runs / "notes.txt").write_text("Call Maya Chen back.", encoding="utf-8")
    code, out, _ = contoso("forget", "maya", "--yes", "--runs", house.runs)
    assert code == 1
    assert "notes.txt" in out
