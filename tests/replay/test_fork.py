"""Forks: the same call goes on with one thing changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace as with_
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.engine.build import Engine
from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recording
from contoso_lab.replay import Changes, Fast, Paced
from contoso_lab.replay.customer_turns import customer_turns
from contoso_lab.replay.fork import fork
from tests.replay.conftest import plain_engine
from tests.replay.test_play import ForgetsMoney

LEFT_OUT = {"event_id", "usage", "previous_item_id", "conversation_id"}


def canonical(recording: Recording, *, from_ms: float, audio_from_ms: float) -> list[Any]:
    """The server's events from a moment on, with ids by order of appearance and times from that moment.

    Left out is what counts the whole session: ids of events, tokens (history that is told as text weighs otherwise
    than sound) and what is left of the rate limits.
    """
    names: dict[str, str] = {}
    counts: dict[str, int] = defaultdict(int)

    def clean(value: Any, key: str = "") -> Any:
        if isinstance(value, dict) and "$audio" in value:
            return value["len"], value["sha"]
        if isinstance(value, dict):
            return {name: clean(each, name) for name, each in value.items() if name not in LEFT_OUT}
        if isinstance(value, list):
            return [clean(each) for each in value]
        if key in ("audio_start_ms", "audio_end_ms"):
            return value - audio_from_ms
        if isinstance(value, str) and value.startswith(("item_", "resp_")):
            if value not in names:
                counts[value[:4]] += 1
                names[value] = f"{value[:4]} {counts[value[:4]]}"
            return names[value]
        return value

    return [
        (round(event.t_ms - from_ms, 1), clean(event.ev))
        for event in recording.events
        if event.dir == "s2c" and event.t_ms >= from_ms and event.type != "rate_limits.updated"
    ]


@pytest.mark.parametrize("at", [1, 3])
async def test_a_fork_without_a_change_reproduces_the_originals_events(
    call: Recording, engine: Engine, tmp_path: Path, at: int
) -> None:
    branch = await fork(call, at=at, changes=Changes(), engine=engine, runs=tmp_path)
    turn = customer_turns(call)[at]
    cut_ms = turn.cut_ms if at else 0.0

    def from_speech(recording: Recording, number: int) -> float:
        starts = [e.t_ms for e in recording.events if e.type == "input_audio_buffer.speech_started"]
        return starts[number]

    original = canonical(call, from_ms=from_speech(call, at), audio_from_ms=cut_ms)
    again = canonical(branch.branch, from_ms=from_speech(branch.branch, 0), audio_from_ms=0.0)
    assert len(original) > 20
    assert again == original
    assert branch.first_misfit is None
    assert [row.diverged for row in branch.turns] == [False] * 4
    assert "every line fits" in repr(branch)


async def test_history_is_told_as_it_was_heard_and_is_no_turn_of_the_branch(call: Recording, tmp_path: Path) -> None:
    told: list[list[tuple[str, str]]] = []

    class Watches(type(plain_engine().brain)):  # type: ignore[misc]
        quick = False

        async def reply(self, request: Any) -> Any:
            told.append([(m.role, m.content) for m in request.messages if m.role != "system"])
            async for piece in super().reply(request):
                yield piece

    engine = with_(plain_engine(), brain=Watches())
    branch = await fork(call, at=2, changes=Changes(), mode=Fast(), engine=engine, runs=tmp_path)
    assert told[0] == [(turn.role, turn.heard) for turn in call.conversation.turns[:6]]
    assert [turn.role for turn in branch.branch.conversation.turns] == ["user", "assistant"] * 2


async def test_a_fork_marks_the_first_line_that_no_longer_fits(call: Recording, tmp_path: Path) -> None:
    engine = with_(plain_engine(), brain=ForgetsMoney())
    forked = await fork(call, at=1, changes=Changes(), mode=Paced(), engine=engine, runs=tmp_path)
    assert [row.diverged for row in forked.turns][:2] == [False, True]
    assert [row.fits for row in forked.turns] == [True, True, False, False]
    assert forked.first_misfit == 2
    frame = forked.table()
    assert frame["branch"].tolist()[:2] == ["", "I do not know that."]
    html = forked._repr_html_()
    assert html.count("no longer fits") == 3  # twice in the table, once in the sentence above it
    assert "as recorded" in html


async def test_a_fork_without_a_product(call: Recording, engine: Engine, tmp_path: Path) -> None:
    forked = await fork(call, at=1, changes=Changes(without=("SLE-02",)), mode=Fast(), engine=engine, runs=tmp_path)
    assert "Autumn Night" in forked.turns[2].recorded
    assert "Autumn Night" not in forked.turns[2].branch
    assert repr(forked).startswith("<Fork of first at 1: without SLE-02; ")


async def test_teacher_forced_only_the_line_after_an_other_answer_misfits(call: Recording, tmp_path: Path) -> None:
    engine = with_(plain_engine(), brain=ForgetsMoney())
    forked = await fork(call, at=0, changes=Changes(), mode=Fast(forced=True), engine=engine, runs=tmp_path)
    assert [row.fits for row in forked.turns] == [True, True, False, True]


async def test_a_turn_that_is_not_there(call: Recording, engine: Engine) -> None:
    with pytest.raises(ReplayError, match="4 customer turns"):
        await fork(call, at=-1, changes=Changes(), engine=engine)
