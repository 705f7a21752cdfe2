"""JupyterLab as a person uses it: a real browser, a real server, the real engine, a microphone that hears our file."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
from pathlib import Path

import pytest

from contoso_lab.audio import read_audio
from contoso_lab.recording import Recording
from tests.browser.rig import LONG_MS, TOKEN, Lab, Tab, alike

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

ONE_CELL = "import contoso_lab as lab\nconsole = lab.talk()\nconsole"
ANSWERED = """() => { const turns = [...document.querySelectorAll('.clc-turn')];
  const asked = turns.findIndex((each) => each.classList.contains('is-user'));
  return asked >= 0 && turns.slice(asked + 1).some((each) =>
    each.classList.contains('is-assistant') && each.innerText.length > 20); }"""
BUSY = "import time\nuntil = time.time() + 8\nwhile time.time() < until: pass"
RUN = "[data-command='notebook:run-cell-and-select-next']"
"""The triangle above a notebook: it runs the cell that is chosen, at first the first one."""


def newest(lab: Lab) -> Recording:
    return Recording.open(max(path for path in lab.runs.iterdir() if (path / "manifest.json").exists()))


def spoken(tab: Tab, role: str) -> None:
    """Wait until words of this side stand in the transcript; three dots are none."""
    tab.until(
        f"() => [...document.querySelectorAll('.clc-turn.is-{role} .clc-heard')].some(each => each.innerText.trim())"
    )


def test_a_person_is_heard_while_the_kernel_computes_and_cuts_in(lab: Lab, tab: Tab, microphone: Path) -> None:
    tab.open_notebook(lab.notebook("talk.ipynb", ONE_CELL, BUSY))
    tab.click(RUN)
    tab.click(".clc >> text=Connect and talk")
    tab.phase("listening", "speaking", "thinking")
    spoken(tab, "assistant")
    assert tab.clicks <= 3

    # The kernel computes while the call goes on; the customer speaks, and is answered.
    tab.page.locator(".jp-CodeCell .jp-InputArea-editor").nth(1).click()
    tab.page.locator(RUN).click()
    tab.until(
        "() => [...document.querySelectorAll('.clc-turn.is-user .clc-heard')]"
        ".some(each => /\\btent/i.test(each.innerText))"
    )
    tab.until("() => document.querySelectorAll('.clc-turn.is-assistant').length >= 2")

    # They speak into an answer: the loudspeaker falls silent, and what was not heard is struck out.
    tab.until("() => cuts.some(({ frame }) => heard.frames.at(-1) > frame + heard.rate / 4)")
    tab.until("() => [...document.querySelectorAll('.clc-turn.is-assistant s')].some(each => each.innerText.trim())")
    tab.until("() => window.heard.blocks.length * 128 / window.heard.rate > 8")

    taken = tab.close_microphone()
    tab.click(".clc >> text=Hang up")
    tab.phase("ended", "idle")
    assert max(tab.cuts()) <= 60
    recording = newest(lab)
    assert recording.manifest.console.startswith("console-")
    assert recording.manifest.playback.measured
    assert recording.manifest.counts["samples_in"] == taken, "every sample of the microphone has arrived"
    assert alike(recording.user_audio, read_audio(microphone)) > 0.9
    assert alike(tab.heard(), recording.assistant_audio) > 0.9
    assert "interrupted" in set(recording.turns.status)
    assert any(event.type == "conversation.item.truncate" for event in recording.events)

    # The kernel has it, too.
    asked = "import json; json.dumps([list(console.turns.heard), console.recording.id])"
    turns, known = json.loads(evaluate(tab, asked))
    assert turns == list(recording.turns.heard)
    assert known == recording.id

    # What is saved holds no sound, no token, no key, also when the widgets' state is saved with it.
    tab.save()
    saved = (lab.root / "talk.ipynb").read_text()
    state = evaluate(tab, "import json, ipywidgets; json.dumps(ipywidgets.Widget.get_manager_state(), default=repr)")
    assert "VoiceConsole" in saved, "it was saved after the run"
    assert recording.manifest.console in state
    models = [model["state"] for model in json.loads(state)["state"].values()]
    ours = [{name: value for name, value in model.items() if name not in ("_esm", "_css")} for model in models]
    for kept in (saved, json.dumps(ours)):
        assert TOKEN not in kept
        assert lab.entry()["secret"] not in kept
        assert not re.search(r"[A-Za-z0-9+/]{400}", kept), "something long in base64"
        assert not re.search(r"openai-insecure|Bearer |\"token\"|api[_-]?key", kept)
    assert tab.errors == []
    assert tab.strangers == []


def evaluate(tab: Tab, code: str) -> str:
    """Run code in the notebook's kernel and take the value of its last line, a string."""
    found = tab.page.evaluate(
        """async (code) => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          const lines = code.split("; "); const last = lines.pop();
          const future = kernel.requestExecute({ code: lines.join("\\n"), user_expressions: { it: last } });
          const reply = await future.done;
          return JSON.stringify(reply.content);
        }""",
        code,
    )
    content = json.loads(found)
    assert content["status"] == "ok", content
    it = content["user_expressions"]["it"]
    assert it["status"] == "ok", it
    return str(ast.literal_eval(it["data"]["text/plain"]))


@pytest.mark.slow
def test_a_page_that_is_loaded_again_and_a_relay_that_is_lost(lab: Lab, tab: Tab) -> None:
    tab.open_notebook(lab.notebook("again.ipynb", ONE_CELL))
    tab.run_all()
    tab.click(".clc >> text=Connect and talk")
    spoken(tab, "assistant")
    tab.save()

    # The page goes in the middle of the call; the widget and its kernel are there when it comes back.
    tab.page.reload(wait_until="domcontentloaded")
    tab.wait_for_notebook()
    tab.click(".clc >> text=Connect and talk")
    spoken(tab, "assistant")
    first, second = newest_two(lab)
    assert first.manifest.console == second.manifest.console
    assert first.manifest.status == "closed"

    # The relay dies; the console says so, and the next call finds a new relay.
    before = lab.entry()
    os.kill(before["relay"]["pid"], signal.SIGKILL)
    tab.until("() => !document.querySelector('.clc-failure').hidden")
    assert len(tab.page.locator(".clc-failure").inner_text()) > 40
    tab.click(".clc-failure >> text=Try again")
    tab.phase("listening", "speaking", "thinking")
    tab.until("() => document.querySelectorAll('.clc-mark').length >= 3")
    after = lab.entry()
    assert after["relay"]["pid"] != before["relay"]["pid"]
    assert after["engine"] == before["engine"], "the models are not loaded again"
    tab.click(".clc >> text=Hang up")
    tab.phase("ended", "idle")
    ended = json.loads(evaluate(tab, "import json; json.dumps([call.ended for call in console.calls.calls])"))
    assert ended == [True, True, True]
    assert tab.errors == []


def newest_two(lab: Lab) -> tuple[Recording, Recording]:
    places = sorted(path for path in lab.runs.iterdir() if (path / "manifest.json").exists())
    return Recording.open(places[-2]), Recording.open(places[-1])


def test_without_a_microphone_there_is_a_sentence_and_a_way_on(lab: Lab, tab: Tab) -> None:
    tab.deny_microphone()
    tab.open_notebook(lab.notebook("denied.ipynb", ONE_CELL))
    tab.run_all()
    tab.click(".clc >> text=Connect and talk")
    tab.until("() => !document.querySelector('.clc-failure')?.hidden")
    said = tab.page.locator(".clc-failure").inner_text()
    assert "microphone" in said.lower()
    assert "allow" in said.lower()
    tab.click(".clc-failure >> text=Go on without a microphone")
    tab.phase("listening", "speaking", "thinking")
    spoken(tab, "assistant")
    tab.page.locator(".clc-write input").fill("Do you have boots for rain?")
    tab.page.locator(".clc-write input").press("Enter")
    tab.until(ANSWERED)
    tab.phase("listening")  # who goes on writing would cut off the answer, and what nobody heard was not talked of

    # What they ask to see stands beside it, with the picture of the relay's catalogue.
    tab.page.locator(".clc-write input").fill("Please show them on my screen.")
    tab.page.locator(".clc-write input").press("Enter")
    tab.until("() => document.querySelector('.clc-page img')?.naturalWidth > 0")
    assert "$" in tab.page.locator(".clc-page").inner_text()
    tab.click(".clc >> text=Hang up")
    tab.phase("ended", "idle")
    assert tab.errors == []


@pytest.mark.slow
def test_a_stream_of_ipywebrtc_is_heard_and_records_a_line(lab: Lab, tab: Tab, microphone: Path) -> None:
    cell = (
        "import contoso_lab as lab\nfrom ipywidgets import VBox\n"
        "from contoso_lab.widgets.record_line import RecordLine, microphone\n"
        "stream = microphone(echoCancellation=False, noiseSuppression=False, autoGainControl=False)\n"
        "line = RecordLine(stream, trim=False)\nconsole = lab.talk(stream=stream)\nVBox([console, line])"
    )
    tab.open_notebook(lab.notebook("stream.ipynb", cell))
    tab.run_all()
    tab.click(".clc >> text=Connect and talk")
    spoken(tab, "assistant")
    evaluate(tab, "line.recording = True; 'on'")
    spoken(tab, "user")
    evaluate(tab, "line.recording = False; 'off'")
    tab.click(".clc >> text=Hang up")
    tab.phase("ended", "idle")
    reference = read_audio(microphone)
    assert alike(newest(lab).user_audio, reference) > 0.9
    found = ""
    for _ in range(100):
        found = evaluate(tab, "str(line.error or (line.clip and line.clip.duration_ms) or '')")
        if found:
            break
        tab.page.wait_for_timeout(200)
    assert float(found) > 1_000, found
    evaluate(tab, f"line.clip.save({str(lab.root / 'line.wav')!r}); 'saved'")
    assert alike(read_audio(lab.root / "line.wav"), reference) > 0.8, "Opus is not PCM"


@pytest.mark.slow
def test_the_demo_page_has_no_code_and_asks_nobody_else(lab: Lab, tab: Tab) -> None:
    tab.page.goto(f"{lab.url}contoso-lab/demo?token={TOKEN}", wait_until="domcontentloaded")
    assert "/voila/render/demo.ipynb" in tab.page.url
    tab.page.wait_for_selector(".clc", timeout=LONG_MS)
    assert tab.page.locator(".jp-InputArea-editor, .jp-InputArea .highlight").count() == 0
    assert "import contoso_lab" not in tab.page.inner_text("body")
    tab.click(".clc >> text=Let Daniel speak")
    tab.phase("listening", "speaking", "thinking")
    spoken(tab, "user")
    tab.until("() => document.querySelectorAll('.clc-turn.is-assistant').length >= 2")
    tab.until("() => document.querySelectorAll('.clc-page img, .clc-page h1, .clc-page h2, .clc-page p').length > 0")
    tab.click(".clc >> text=Hang up")
    tab.phase("ended", "idle")
    assert alike(tab.heard(), newest(lab).assistant_audio) > 0.9
    with tab.page.expect_download(timeout=LONG_MS) as download:
        tab.click(".cl-share >> text=Share this call")
    shared = lab.root / "shared.html"
    download.value.save_as(shared)
    assert newest(lab).id in shared.read_text() or "Meadow" in shared.read_text() or "tent" in shared.read_text()
    assert tab.errors == []
    assert tab.strangers == []


@pytest.mark.slow
def test_the_launcher_leads_to_the_demo_page(lab: Lab, tab: Tab) -> None:
    tab.page.goto(f"{lab.url}lab?token={TOKEN}&reset", wait_until="domcontentloaded")
    tile = tab.page.locator(".jp-LauncherCard", has_text="Contoso voice demo")
    tile.wait_for(timeout=LONG_MS)
    with tab.page.context.expect_page(timeout=LONG_MS) as opened:
        tile.click()
    opened.value.wait_for_selector(".clc >> text=Connect and talk", timeout=LONG_MS)
    assert "/voila/render/demo.ipynb" in opened.value.url
    assert tab.strangers == []
