"""JupyterLab as a person uses it: a real browser, a real server, the real engine, a microphone that hears our file."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from contoso_lab.audio import read_audio
from contoso_lab.recording import Recording
from tests.browser.conftest import TOKEN, Lab, Tab, alike

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

ONE_CELL = "import contoso_lab as lab\nconsole = lab.talk()\nconsole"
KERNEL = 'import json, pathlib; pathlib.Path("{name}").write_text(json.dumps({value}))'
BUSY = "import time\nuntil = time.time() + 8\nwhile time.time() < until: pass"
RUN = "[data-command='notebook:run-cell-and-select-next']"
"""The triangle above a notebook: it runs the cell that is chosen, at first the first one."""


def newest(lab: Lab) -> Recording:
    return Recording.open(max(path for path in lab.runs.iterdir() if (path / "manifest.json").exists()))


def texts(tab: Tab, role: str) -> list[str]:
    return list(tab.page.locator(f".clc-turn.is-{role} .clc-heard").all_inner_texts())


def spoken(tab: Tab, role: str) -> None:
    """Wait until something of this side stands in the transcript."""
    tab.until(
        f"() => [...document.querySelectorAll('.clc-turn.is-{role} .clc-words')].some(each => each.innerText.trim())"
    )


def test_from_an_open_notebook_to_an_answer_in_three_clicks(lab: Lab, tab: Tab, microphone: Any) -> None:
    began_s = time.monotonic()
    tab.open_notebook(lab.notebook("talk.ipynb", ONE_CELL, BUSY))
    tab.click(RUN)
    tab.click(".clc >> text=Connect and talk")
    tab.phase("listening", "speaking", "thinking")
    spoken(tab, "assistant")
    assert tab.clicks <= 3
    assert time.monotonic() - began_s < 120

    # The kernel computes while the call goes on; the customer speaks, and is answered.
    tab.page.locator(".jp-CodeCell .jp-InputArea-editor").nth(1).click()
    tab.page.locator(RUN).click()
    spoken(tab, "user")
    assert re.search(r"\btent\b", " ".join(texts(tab, "user")).lower())
    tab.until("() => document.querySelectorAll('.clc-turn.is-assistant').length >= 2")
    tab.until("() => window.heard.blocks.length * 128 / window.heard.rate > 8")

    # Cut in: what was not heard is struck out, and the loudspeaker falls silent.
    tab.phase("speaking")
    tab.page.locator(".clc-write input").fill("Stop. Which boots are waterproof?")
    tab.page.locator(".clc-write input").press("Enter")
    tab.until("() => [...document.querySelectorAll('.clc-turn.is-assistant s')].some(each => each.innerText.trim())")

    tab.click(".clc >> text=Hang up")
    tab.phase("ended", "idle")
    heard = tab.heard()
    recording = newest(lab)
    assert recording.manifest.console.startswith("console-")
    assert recording.manifest.playback.measured
    assert alike(recording.user_audio, read_audio(microphone)) > 0.9
    assert alike(heard, recording.assistant_audio) > 0.9
    assert "interrupted" in set(recording.turns.status)
    appended = recording.user_audio.duration_ms
    assert appended == pytest.approx(recording.duration_ms, abs=4_000), "no sample was lost while the kernel computed"

    # The kernel has it, too.
    tab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    asked = "json.dumps([list(console.turns.heard), console.recording.id, console.state])"
    said = evaluate(tab, f"import json; {asked}")
    turns, known, _ = json.loads(said)
    assert turns == list(recording.turns.heard)
    assert known == recording.id

    # What is saved holds no sound, no token, no key.
    tab.command("docmanager:save")
    tab.until("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    saved = (lab.root / "talk.ipynb").read_text()
    assert "VoiceConsole" in saved, "it was saved after the run"
    assert TOKEN not in saved
    assert not re.search(r"[A-Za-z0-9+/]{400}", saved), "something long in base64"
    assert not re.search(r"openai-insecure|Bearer |\"token\"|api[_-]?key", saved)
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
    import ast

    return str(ast.literal_eval(it["data"]["text/plain"]))
