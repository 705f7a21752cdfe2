"""What is left of a widget in a saved notebook: words and pictures for everybody, and no sound."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import ipywidgets
import pytest
from ipywidgets.embed import dependency_state, embed_data

from contoso_lab.audio import pcm16_to_float, to_base64
from contoso_lab.audio.codec import float_to_pcm16
from contoso_lab.recording import Recording
from contoso_lab.widgets.catalog_browser import CatalogBrowser
from contoso_lab.widgets.clip_player import ClipPlayer
from contoso_lab.widgets.compare_calls import CompareCalls
from contoso_lab.widgets.console import VoiceConsole
from contoso_lab.widgets.labeller import Labeller
from contoso_lab.widgets.persona_editor import PersonaEditor
from contoso_lab.widgets.record_line import RecordLine
from contoso_lab.widgets.share import ShareCall
from contoso_lab.widgets.suggestion_cards import SuggestionCards
from contoso_lab.widgets.turn_table import TurnTable
from contoso_lab.widgets.waterfall import Waterfall

Calls = list[Recording]
SHOWN: dict[str, tuple[Callable[[Calls], Any], str]] = {
    "ClipPlayer": (lambda calls: ClipPlayer(calls[0]), "0:03 suggestions appeared"),
    "TurnTable": (lambda calls: TurnTable(calls[0]), "I need a tent for four."),
    "Waterfall": (lambda calls: Waterfall(calls), "840 ms"),
    "SuggestionCards": (lambda calls: SuggestionCards(calls[0]), "Meadow Four"),
    "CompareCalls": (lambda calls: CompareCalls(*calls), "they part at exchange 3"),
    "Labeller": (lambda calls: Labeller(calls, "kim"), "kim has rated 0 of 2"),
    "PersonaEditor": (lambda calls: PersonaEditor("voice"), "who: Robin"),
    "CatalogBrowser": (lambda calls: CatalogBrowser(), "Autumn Night"),
    "RecordLine": (lambda calls: RecordLine(), "nothing was said yet"),
    "ShareCall": (lambda calls: ShareCall(VoiceConsole()), "press Share this call"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_widget_reads_well_where_no_kernel_answers(name: str, two_calls: Calls) -> None:
    make, words = SHOWN[name]
    widget = make(two_calls)
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert words in data["text/html"]
    assert data["text/plain"].startswith(f"<{name}")
    assert "0x" not in data["text/plain"]
    assert "<script" not in data["text/html"]
    # What git keeps of an output is 20 kB.
    assert len(data["text/html"]) < 20_000


def test_the_saved_state_of_widgets_holds_no_sound(two_calls: Calls) -> None:
    """All that was heard, looked for in the state in every form that it could have there."""
    views = [make(two_calls) for make, _ in SHOWN.values()]
    keys = {"ClipPlayer": "both", "TurnTable": "call", "Waterfall": "0", "CompareCalls": "a", "Labeller": "0"}
    for name, view in zip(SHOWN, views, strict=True):
        if (key := keys.get(name)) is None:
            continue
        sent: list[Any] = []
        view.send = lambda content, buffers=None, sent=sent: sent.append(buffers)
        view._message(view, {"kind": "sound", "id": "1", "key": key}, [])
        assert len(sent[0][0]) > 100_000  # it was heard
    # Of these alone: others of this process may live still.
    own = dependency_state(views, drop_defaults=False)
    state = json.dumps(embed_data(views=views, state=own)["manager_state"])
    assert all(view.model_id in state for view in views)
    pcm = float_to_pcm16(two_calls[0].user_audio.samples)
    assert (pcm16_to_float(pcm) != 0).any()
    for start in range(1500 * 24, 1900 * 24, 2400):
        raw = pcm[start : start + 60].tobytes()
        for shift in range(3):  # base64 of a stretch depends on where it begins
            assert to_base64(raw[shift : shift + 90]) not in state
    assert "RIFF" not in state
    assert "UklGR" not in state  # the same in base64
    assert "data:audio" not in state


def test_the_front_door_opens_without_ipywidgets() -> None:
    code = (
        "import sys, contoso_lab as lab; assert 'TurnTable' in dir(lab); "
        "print([name for name in sys.modules if name in ('ipywidgets', 'anywidget', 'ipywebrtc')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_widget_stands_at_the_front_door() -> None:
    import contoso_lab as lab

    for name in SHOWN:
        assert issubclass(getattr(lab, name), ipywidgets.Widget)
