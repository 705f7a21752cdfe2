from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import read_audio
from contoso_lab.errors import ConfigError, ScoringError
from contoso_lab.recording import Recording
from contoso_lab.report import page
from contoso_lab.report.webpage import page_html

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


class Elements(HTMLParser):
    """Every element of a page with its attributes, and all text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str, kind: str | None = None) -> list[dict[str, str | None]]:
        return [
            attrs
            for name, attrs in self.found
            if name == tag and (not kind or kind in (attrs.get("class") or "").split())
        ]


class Table:
    """Stands in for a comparison: the page only asks it for its HTML."""

    def _repr_html_(self) -> str:
        return "<table><tr><td>the table</td></tr></table>"


def test_a_page_holds_everything_it_needs(two_calls: list[Recording], tmp_path: Path) -> None:
    place = page(two_calls, tmp_path / "new" / "call.html")
    html = place.read_text(encoding="utf-8")
    elements = Elements(html)
    addresses = [
        value
        for _, attrs in elements.found
        for name, value in attrs.items()
        if name in ("src", "href", "srcset") and value
    ]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert "url(" not in html
    assert "@import" not in html
    assert len(elements.named("audio")) == 2
    assert len([attrs for _, attrs in elements.found if attrs.get("role") == "tab"]) == 2
    (policy,) = [a["content"] for a in elements.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy


@pytest.mark.parametrize(
    ("seconds", "most_bytes"), [(80, 3_000_000), pytest.param(300, 15_000_000, marks=pytest.mark.slow)]
)
def test_a_pair_of_calls_stays_small(script: Callable[..., Any], tmp_path: Path, seconds: int, most_bytes: int) -> None:
    import numpy as np

    from contoso_lab.audio import Clip

    # Noise, which no codec makes smaller: speech takes less.
    half_ms = 500 * (seconds - 8)
    noise = np.random.default_rng(0).normal(0, 0.1, 24 * half_ms).astype(np.float32)
    long = script(length_ms=1000 * seconds)
    long.asks(1_000, 1_000 + half_ms, "noise", sound=Clip(noise, 24_000))
    long.answers(2_000 + half_ms, "noise", sound=Clip(noise, 24_000))
    recording = Recording.open(long.record(tmp_path))
    assert page([recording, recording], tmp_path / "call.html").stat().st_size < most_bytes


def test_the_sound_is_the_mix_and_as_long_as_the_axis(call: Recording) -> None:
    elements = Elements(page_html([call]))
    (audio,) = elements.named("audio")
    (tracks,) = elements.named("div", "tracks")
    from contoso_lab.audio import from_base64

    clip = read_audio(from_base64((audio["src"] or "").partition("base64,")[2]))
    assert clip.duration_ms == pytest.approx(1000 * float(tracks["data-seconds"] or 0), abs=10)
    left, right = call.stereo()
    # A tone that one side plays is in the mix, at its time; silence stays silence.
    assert clip[1500:1900].level_db == pytest.approx(left[1500:1900].level_db - 6, abs=1.5)
    assert clip[3000:3500].level_db == pytest.approx(right[3000:3500].level_db - 6, abs=1.5)
    assert clip[7300:7900].level_db < -60


def test_words_that_nobody_heard_are_struck_out_and_turns_can_be_listened_to(call: Recording) -> None:
    html = page_html([call])
    assert re.search(r"It costs \$279, and it <s [^>]*>is waterproof as well\.</s>", html)
    turns = [float(attrs["data-seek"] or -1) for attrs in Elements(html).named("button", "turn")]
    # The customer's first turn begins where the sound begins, before the server noticed it.
    assert turns == [pytest.approx(at, abs=0.03) for at in (0.24, 1.4, 2.76, 4.5, 5.71, 6.5)]


def test_waits_are_bars_in_order_with_their_totals(call: Recording) -> None:
    elements = Elements(page_html([call]))
    labels = [attrs["aria-label"] for attrs in elements.named("button", "wait")]
    assert labels == [
        "Turn 1: 840 ms (noticing the end of the turn 500 ms, the model 200 ms, start of playback 60 ms, "
        "silence before the voice 80 ms)",
        "Turn 2: 710 ms (noticing the end of the turn 500 ms, the model 150 ms, start of playback 60 ms, "
        "silence before the voice 0 ms)",
        "Turn 3: no answer; no answer was heard; 1.0 s went by",
    ]


def test_a_negative_part_and_a_sum_that_fails_are_shown(script: Callable[..., Any], tmp_path: Path) -> None:
    early = script()
    early.asks(1000, 2000, "Hello?", noticed_ms=300, closed_ms=500)
    early.answers(2400, "Hi.", buffer_ms=50)
    early.asks(4500, 5000, "And?")
    early.answers(5700, "So.", buffer_ms=50, audible_ms=6100)
    html = page_html([Recording.open(early.record(tmp_path))])
    first, second = Elements(html).named("button", "wait")
    assert "the model −100 ms" in (first["aria-label"] or "")
    assert "the parts miss the whole by" in (second["aria-label"] or "")
    assert len(Elements(html).named("i", "back")) == 1
    assert len(Elements(html).named("i", "whole")) == 2


def test_text_from_a_recording_stays_text(script: Callable[..., Any], tmp_path: Path) -> None:
    evil = script()
    question = evil.asks(1000, 2000, EVIL)
    evil.answers(2700, EVIL)
    evil.shows(
        4200,
        f"# {EVIL}\n\n{EVIL}\n\n[x](javascript:alert(3)) ![{EVIL}](/images/../../x.svg)",
        after=question,
        reason=EVIL,
    )
    path = evil.record(tmp_path, persona="voice", customer=EVIL, scenario=EVIL, consent=EVIL)
    elements = Elements(page_html([Recording.open(path)], names=[EVIL]))
    assert len(elements.named("script")) == 1
    assert elements.named("img") == []
    assert not any(name.startswith("on") for _, attrs in elements.found for name in attrs)
    assert elements.text.count("alert(1)") >= 6


def test_pictures_of_the_catalogue_are_inside_and_others_give_their_description(
    script: Callable[..., Any], tmp_path: Path
) -> None:
    shows = script()
    shows.shows(
        1000, "![Meadow Four](/images/TEN-02.svg)\n\n![a yak](/images/YAK-01.svg)\n\n![spy](https://spy.example/1.png)"
    )
    elements = Elements(page_html([Recording.open(shows.record(tmp_path))]))
    (picture,) = elements.named("img")
    assert picture["alt"] == "Meadow Four"
    assert (picture["src"] or "").startswith("data:image/svg+xml;base64,")
    assert "a yak" in elements.text
    assert "spy" in elements.text


def test_marks_say_what_happened_and_when(call: Recording) -> None:
    text = Elements(page_html([call])).text
    assert "0:03 suggestions appeared" in text
    assert "0:06 the customer cut in; the assistant fell silent 200 ms later" in text


def test_the_comparison_stands_on_top_and_facts_below(call: Recording) -> None:
    html = page_html([call], comparison=Table())  # type: ignore[arg-type]  # only its HTML is asked for
    assert html.index("the table") < html.index("What was said")
    text = Elements(html).text
    for fact in (
        "server_vad, silence duration 500 ms, threshold 0.5",
        "abababab",
        "reported by the player",
        "whisper-1",
    ):
        assert fact in text


def test_a_call_in_which_nothing_happened(script: Callable[..., Any], tmp_path: Path) -> None:
    text = Elements(page_html([Recording.open(script(length_ms=0).record(tmp_path))])).text
    for sentence in ("holds no sound", "Nobody spoke.", "No turn of the customer was heard", "No suggestions appeared"):
        assert sentence in text


def test_a_call_that_nobody_answered(script: Callable[..., Any], tmp_path: Path) -> None:
    lonely = script()
    lonely.asks(1000, 2000, "Hello?")
    lonely.asks(4000, 5000, "")
    text = Elements(page_html([Recording.open(lonely.record(tmp_path))])).text
    assert "0 of 2" in text
    assert text.count("no answer was heard") == 2
    assert "nothing was recognised" in text


def test_a_recording_without_its_sound_can_still_be_read(call: Recording) -> None:
    shutil.rmtree(call.path / "audio")
    elements = Elements(page_html([Recording.open(call.path)]))
    assert elements.named("audio") == []
    assert elements.named("button", "turn") == []
    assert "audio/in.wav is missing" in elements.text
    assert "I need a tent for four." in elements.text
    assert "no answer" not in elements.text.replace("no answer was heard", "")


def test_sound_that_cannot_be_decoded_is_a_problem_and_not_the_end(call: Recording) -> None:
    (call.path / "audio" / "in.wav").write_bytes(b"this is no sound")
    html = page_html([Recording.open(call.path)])
    assert "audio/in.wav is no sound" in html
    assert str(call.path) not in html
    assert "the waits are not known" in html


def test_a_recording_that_was_cut_says_so(script: Callable[..., Any], tmp_path: Path) -> None:
    torn = script()
    torn.answers(200, "Hello Maya.")
    path = torn.record(tmp_path, close=False)
    spool = path / "spool.bin"
    spool.write_bytes(spool.read_bytes()[:-20])
    text = Elements(page_html([Recording.open(path)])).text
    assert "it was cut before it was closed" in text
    assert "the last line was cut" in text


def test_the_page_says_when_playback_was_guessed(script: Callable[..., Any], tmp_path: Path) -> None:
    untold = script()
    untold.asks(1000, 2000, "Hello?")
    untold.answers(2700, "Hi.", told=False)
    text = Elements(page_html([Recording.open(untold.record(tmp_path))])).text
    assert "The player reported nothing" in text


def test_calls_with_one_persona_are_told_apart_by_their_ids(call: Recording) -> None:
    assert "voice · call" in page_html([call, call])


@pytest.mark.parametrize(
    ("count", "names", "said"), [(0, None, "give at least one"), (1, ["a", "b"], "1 calls need as many names, not 2")]
)
def test_what_cannot_be_shown_is_refused(call: Recording, count: int, names: list[str] | None, said: str) -> None:
    with pytest.raises(ScoringError, match=said):
        page_html([call] * count, names=names)


def test_a_place_that_cannot_be_written_is_named(call: Recording, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"call\.html: the page cannot be written"):
        page([call], tmp_path / "file" / "call.html")


@pytest.fixture
def browser() -> Iterator[Any]:
    """A real Chromium; where there is none, the tests that need it are skipped."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on the PATH: install it to test the page in a browser")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def wait_until(tab: Any, condition: str) -> None:
    """Wait in the page itself: its policy forbids the `eval` that Playwright's own waiting needs."""
    look = f"const look = () => ({condition}) ? done() : setTimeout(look, 20)"
    tab.evaluate(f"() => new Promise(done => {{ {look}; look() }})")


@pytest.mark.browser
def test_the_page_works_in_a_browser_from_a_file(browser: Any, two_calls: list[Recording], tmp_path: Path) -> None:
    place = page(two_calls, tmp_path / "call.html")
    tab = browser.new_page(viewport={"width": 420, "height": 800}, color_scheme="dark")
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(place.as_uri())
    sound = "document.querySelector('#call-{0} audio').{1}"
    wait_until(tab, sound.format(1, "readyState") + " >= 1")
    assert tab.evaluate("document.documentElement.scrollWidth") == 420
    # A turn of two seconds lasts twenty: time enough to look at it on a machine that has other things to do.
    tab.evaluate("document.querySelectorAll('audio').forEach((each) => { each.playbackRate = 0.1; })")

    tab.click("#call-1 .turn:has-text('The Meadow Four')")
    wait_until(tab, sound.format(1, "currentTime") + " > 2.8")
    assert tab.evaluate(sound.format(1, "currentTime")) < 6
    assert float(tab.get_attribute("#call-1 .tracks", "aria-valuenow")) > 2.7
    wait_until(tab, "parseFloat(document.querySelector('#call-1 .playhead').style.left) > 35")
    assert "The Meadow Four" in tab.text_content("#call-1 .turn.now")

    tab.click("[role=tab]:has-text('voice_brief')")
    assert tab.is_hidden("#call-1")
    assert tab.is_visible("#call-2")
    assert tab.evaluate(sound.format(1, "paused"))
    wait_until(tab, sound.format(2, "currentTime") + " > 2.8")
    assert "The Meadow Four" in tab.text_content("#call-2 .turn.now"), "the same turn of the other call goes on"
    tab.evaluate(sound.format(2, "pause()"))

    box = tab.locator("#call-2 .tracks").bounding_box()
    tab.locator("#call-2 .tracks").click(position={"x": box["width"] * 0.75, "y": 20})
    assert tab.evaluate(sound.format(2, "currentTime")) == pytest.approx(6.0, abs=0.1)
    tab.keyboard.press("Home")
    assert tab.evaluate(sound.format(2, "currentTime")) == 0
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(sound.format(2, "currentTime")) == pytest.approx(5, abs=0.1)
    tab.focus("#call-2-tab")
    tab.keyboard.press("ArrowLeft")
    assert tab.is_visible("#call-1")
    assert said == []
    assert all(url.startswith(("file:", "data:")) for url in asked)


@pytest.mark.browser
def test_the_policy_stops_what_would_leave_the_page(browser: Any, call: Recording, tmp_path: Path) -> None:
    place = page([call], tmp_path / "call.html")
    tab = browser.new_page()
    tab.goto(place.as_uri())
    blocked = """() => fetch('http://127.0.0.1:9/').then(() => 'sent', error => error.name)"""
    refused: list[str] = []
    tab.on("console", lambda message: refused.append(message.text))
    assert tab.evaluate(blocked) == "TypeError"
    script = "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
    tab.evaluate(f"() => {{ {script} }}")
    assert tab.evaluate("window.ran") is None
    assert any("Content Security Policy" in line for line in refused)
