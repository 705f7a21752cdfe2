"""The recorded calls in data/recordings: whole, labelled, as the card says, and made by the script that is there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import contoso_lab as lab
from contoso_lab.audio import find_speech
from contoso_lab.recording.examples import EXAMPLES
from contoso_lab.shop import Catalog

CALLS = sorted(place.parent.name for place in EXAMPLES.glob("*/manifest.json"))
MADE_AGAIN = "asks_at_once--voice"
"""A short call with everything: noise, a model of waits, the gate and a page."""
MOST_BYTES = 60_000_000


@pytest.fixture(scope="module")
def card() -> Iterator[ModuleType]:
    """The module that counts, from the folder of the corpus."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        import card as module  # type: ignore[import-not-found]

        yield module


@pytest.fixture(scope="module")
def calls() -> dict[str, lab.Recording]:
    return {call.id: call for call in lab.example_calls()}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_whole(name: str, calls: dict[str, lab.Recording]) -> None:
    call = calls[name]
    assert call.problems == ()
    assert call.id == name == f"{call.manifest.scenario}--{call.manifest.persona}"
    assert call.manifest.synthetic
    assert call.manifest.catalogue_sha == Catalog.load().sha256, "the catalogue has changed: make the corpus again"
    assert 20_000 <= call.duration_ms <= 70_000
    played = call.timeline().items
    assert played, "nothing of the assistant was heard"
    assert all(item.measured for item in played)


@pytest.mark.parametrize("name", CALLS)
def test_its_labels_fit_the_call(name: str, calls: dict[str, lab.Recording]) -> None:
    call = calls[name]
    labels = call.labels()
    assert labels is not None
    assert labels.synthetic
    assert labels.policy_version == "corpus-1"
    assert labels.task is not None
    length_ms = call.user_audio.duration_ms
    spans = [*labels.turns, *labels.events, *(pause for turn in labels.turns for pause in turn.pauses)]
    assert all(0 <= span.start_ms < span.end_ms <= length_ms for span in spans)
    ends = [turn.end_ms for turn in labels.turns]
    assert ends == sorted(ends)
    assert [truth.after_turn for truth in labels.gate] == list(range(-1, len(labels.turns)))
    catalog = Catalog.load()
    assert set(labels.recommended) == {product.sku for product in catalog.products}
    assert not any(labels.recommended[sku].right for sku in labels.bought)
    for demand in labels.demands:
        assert 0 <= demand.turn < len(labels.turns)
        assert all(sku in catalog for sku in demand.allowed)
    if labels.cue_turn is not None:
        assert labels.turns[labels.cue_turn].intent == "show"
        assert labels.known_turn is not None
        assert labels.known_ms == labels.turns[labels.known_turn].end_ms
        best = {sku for sku, grade in labels.products.items() if grade == 3}
        assert best
        assert best == {sku for sku, one in labels.recommended.items() if one.right}
        assert set(labels.task.skus) == best
    else:
        assert {truth.page for truth in labels.gate} <= {"never"}


def test_turns_lie_where_the_sound_is(calls: dict[str, lab.Recording]) -> None:
    """In quiet rooms the ends of every utterance are those that the sound itself has, to two frames."""
    looked_at = 0
    for call in calls.values():
        if call.manifest.audio_format_in.get("type") != "audio/pcm" or call.manifest.scenario != "family_tent":
            continue
        spoken = find_speech(call.user_audio, quiet_db=-50, gap_ms=1000)
        labels = call.labels()
        assert labels is not None
        for turn in labels.turns:
            near = min(spoken, key=lambda span: abs(span.end_ms - turn.end_ms))
            assert near.end_ms == pytest.approx(turn.end_ms, abs=80)
            looked_at += 1
    assert looked_at == 8


def test_the_truth_is_the_same_with_every_persona(calls: dict[str, lab.Recording]) -> None:
    """What is true about a customer does not hang on who answers; only the moments do."""
    truths: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in calls.values():
        labels = call.labels()
        assert labels is not None
        truth = labels.model_dump(exclude={"turns", "events", "known_ms"})
        truth["said"] = [(turn.text, turn.intent) for turn in labels.turns]
        truths[call.manifest.scenario].append(truth)
    for scenario, found in truths.items():
        assert all(one == found[0] for one in found), scenario


def test_the_same_customer_sounds_the_same_with_every_persona(calls: dict[str, lab.Recording]) -> None:
    one, two = (calls[f"family_tent--{persona}"] for persona in ("voice", "voice_brief"))
    lengths = [
        [round(turn.end_ms - turn.start_ms) for turn in labels.turns]
        for labels in (one.labels(), two.labels())
        if labels
    ]
    assert lengths[0] == lengths[1]


def test_the_card_says_what_is_there(card: ModuleType, calls: dict[str, lab.Recording]) -> None:
    sys.modules.pop("scenario", None)
    from scenario import load_scenarios  # type: ignore[import-not-found]

    scenarios = {scenario.id: scenario for scenario in load_scenarios()}
    found = card.totals(calls.values(), scenarios)
    text = (EXAMPLES / "README.md").read_text("utf-8")
    for line in found.lines():
        assert line in text, "run `python data/recordings/make.py --card`"
    assert found.calls >= 40
    assert found.pairs >= 15
    assert found.customers >= 5
    assert found.voices >= 6
    assert found.megabytes * 1e6 <= MOST_BYTES
    assert all(f"| {name} |" in text for name in CALLS)


def test_what_a_corpus_needs_is_there(calls: dict[str, lab.Recording]) -> None:
    """The kinds of calls that issue 7 names, found in the bundles."""
    labels = {name: call.labels() for name, call in calls.items()}
    turns = [turn for one in labels.values() if one for turn in one.turns]
    kinds = {event.kind for one in labels.values() if one for event in one.events}
    shown = {name for name, call in calls.items() if any(e.type == "suggestion.shown" for e in call.events)}
    assert kinds == {"backchannel", "noise"}
    assert sum(turn.cuts_in for turn in turns) >= 4
    assert sum(bool(turn.pauses) for turn in turns) >= 4
    assert len(shown) >= 25
    assert len(calls) - len(shown) >= 8
    flushed = [item for call in calls.values() for item in call.timeline().items if item.reason == "flushed"]
    assert len(flushed) >= 5
    assert sum(e.type == "conversation.item.truncate" for call in calls.values() for e in call.events) >= 5
    called = [e for call in calls.values() for e in call.events if e.type == "response.function_call_arguments.done"]
    assert len(called) >= 3
    by_phone = {name for name, call in calls.items() if call.manifest.audio_format_in["type"] == "audio/pcmu"}
    assert len(by_phone) >= 8
    assert any(one is not None and not one.turns for one in labels.values()), "nobody there"


def test_the_table_of_recordings_lists_them_all() -> None:
    frame = lab.recordings(EXAMPLES)
    assert sorted(frame.id) == CALLS
    assert set(frame.problem) == {""}


def test_a_call_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(lab.LabError, match=r"no call of kayak; there are: .*family_tent"):
        lab.example_calls(scenario="kayak")


@pytest.mark.models
@pytest.mark.slow
def test_a_call_made_again_is_the_same_to_the_byte(tmp_path: Path) -> None:
    program = [sys.executable, str(EXAMPLES / "make.py"), MADE_AGAIN, "--into", str(tmp_path)]
    subprocess.run(program, check=True, timeout=250, capture_output=True)
    made, kept = _files(tmp_path / MADE_AGAIN), _files(EXAMPLES / MADE_AGAIN)
    assert made.keys() == kept.keys()
    assert [name for name in kept if made[name] != kept[name]] == []


def _files(folder: Path) -> dict[str, bytes]:
    found = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "derived" not in file.parts
    }
    manifest = json.loads(found["manifest.json"])
    del manifest["recorder"]  # the versions of the packages that made it
    return {**found, "manifest.json": json.dumps(manifest, sort_keys=True).encode()}
