"""Every object that a notebook may show reads well: in a terminal, and as HTML where that says more."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

import contoso_lab as lab
from contoso_lab.audio import silence
from contoso_lab.live.workbench import Here
from contoso_lab.memory import Message
from contoso_lab.prompts import diff, load
from contoso_lab.recording import LabelledTurn
from contoso_lab.report.visit_view import History, Screen
from contoso_lab.shop import Cart, Manual, Order, WriteUp
from contoso_lab.shop.cart import Line
from contoso_lab.wire import Turn

KEY = "sk-proj-do-not-show-me"
EVIL = "<script>alert(1)</script>"


@cache
def call() -> lab.Recording:
    return lab.example_calls(scenario="family_tent", persona="voice")[0]


@cache
def scores() -> lab.Scores:
    return lab.score(call())


def here() -> Here:
    relay: Any = SimpleNamespace(url="http://127.0.0.1:8901")
    target = lab.Target("openai", "https://api.openai.com/v1", "gpt-realtime", "gpt-4o-mini", SecretStr(KEY))
    return Here(relay, None, target, Path("runs"), f"postgresql://lab:{KEY}@db/lab")


def order() -> Order:
    return Order("o1", datetime(2026, 11, 22, tzinfo=UTC), (Line("TEN-02", 2),), Decimal("558.00"), "USD")


SHOWN: dict[str, tuple[Callable[[], Any], str]] = {
    "Clip": (lambda: lab.tone(500), "500 ms"),
    "Clip that is empty": (lambda: silence(0), "0 ms"),
    "Stereo": (lambda: call().stereo(), "Clip("),
    "Recording": (call, "family_tent--voice"),
    "Conversation": (lambda: call().conversation, "Conversation"),
    "Turn": (lambda: call().conversation.turns[1], "user"),
    "Turn that was cut": (lambda: Turn("i", "assistant", f"one {EVIL}", "one", "interrupted", 0.0, 9.0), "one"),
    "Labels": (lambda: lab.Labels(turns=[LabelledTurn(text=EVIL)], products={"TEN-02": 3}), "TEN-02 3"),
    "Scores": (scores, "Scores of 1 call"),
    "Comparison": (lambda: lab.compare(scores(), scores()), "pair of calls"),
    "Catalog": (lab.Catalog.load, "20 products"),
    "Product": (lambda: lab.Catalog.load().get("TEN-02"), "$279.00"),
    "Manual": (lambda: lab.Catalog.load().get("TEN-02").manual, "warranty"),
    "Manual that is none": (Manual, "there is none"),
    "Customer": (lambda: lab.get_customer("maya"), "Maya"),
    "Persona": (lambda: lab.persona("voice"), "Robin"),
    "Prompt": (lambda: load("voice"), "sha256"),
    "PromptDiff": (lambda: diff("voice", "voice_brief"), "lines"),
    "Cart": (lambda: Cart(lab.Catalog.load()).add("TEN-02"), "$279.00"),
    "Order": (order, "$558.00"),
    "WriteUp": (lambda: WriteUp(EVIL, ("TEN-02",), (), None), "TEN-02"),  # type: ignore[arg-type]
    "Here": (here, "api.openai.com"),
    "Target": (lambda: here().target, "with a key"),
    "Caller": (lambda: lab.load_caller("short_call")[0], "daniel"),
    "History": (lambda: History((Message("chat", "user", EVIL),)), "Customer"),
    "Screen": (lambda: Screen("### Meadow Four (TEN-02)"), "Meadow Four"),
}


class Balanced(HTMLParser):
    """Counts what is opened and not closed, and the elements that run or fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.bad: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("br", "img", "audio", "path", "rect", "hr"):
            self.open.append(tag)
        if tag in ("script", "iframe", "link") or any(name.startswith("on") for name, _ in attrs):
            self.bad.append(tag)
        self.bad += [str(value) for name, value in attrs if name == "src" and not str(value).startswith("data:")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            self.open.reverse()
            self.open.remove(tag)
            self.open.reverse()


@pytest.mark.parametrize("name", SHOWN)
def test_an_object_shows_itself(name: str) -> None:
    make, words = SHOWN[name]
    thing = make()
    plain, html = repr(thing), thing._repr_html_()
    assert words in plain
    assert " object at 0x" not in plain
    assert len(plain) < 12_000
    page = Balanced(html)
    assert page.open == []
    assert page.bad == []
    assert re.sub(r"<[^>]+>|\s", "", html), "it shows nothing"
    assert KEY not in plain + html
    assert EVIL not in html
    # Colours of the page around it: no background and no ink of its own for whole texts.
    assert "background:#fff" not in html.replace(" ", "")


@pytest.mark.parametrize("name", ["Score", "Summary", "Message", "Visit"])
def test_what_is_plain_in_a_terminal_only(name: str) -> None:
    things: dict[str, Any] = {
        "Score": lab.Score(0.5, n=4, reason="two of four"),
        "Summary": scores().summary("wer"),
        "Message": Message("chat", "user", "Hello."),
        "Visit": lab.Visit(here(), "maya", None, _token=KEY),  # type: ignore[arg-type]
    }
    assert KEY not in repr(things[name])
    assert len(repr(things[name])) < 1500
