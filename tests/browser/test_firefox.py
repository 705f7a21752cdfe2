"""Once in Firefox: the page loads, the microphone is heard, the assistant answers."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from contoso_lab.recording import Recording
from tests.browser.bidi import running_firefox, running_loudspeaker
from tests.browser.rig import TOKEN, Lab, free_port

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PULSEAUDIO = shutil.which("pulseaudio")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.slow,
    pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox on this machine: apt-get install firefox-esr"),
    pytest.mark.skipif(PULSEAUDIO is None, reason="there is no sound on this machine: apt-get install pulseaudio"),
]
LAMP = "{phases}.includes(document.querySelector('.clc')?.dataset.phase)"
WORDS = "[...document.querySelectorAll('.clc-turn.is-assistant .clc-heard')].some((each) => each.innerText.trim())"
BUTTON = "[...document.querySelectorAll('.clc button')].find((each) => each.innerText.includes({text!r}))"
IDLE = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
CELL = "document.querySelector('.jp-Notebook .jp-CodeCell .cm-content')"


async def test_a_call_in_firefox(lab: Lab, tmp_path: Path) -> None:
    assert FIREFOX is not None
    assert PULSEAUDIO is not None
    profile, sound = tmp_path / "profile", tmp_path / "sound"
    profile.mkdir()
    sound.mkdir()
    name = lab.notebook("firefox.ipynb", "import contoso_lab as lab\nconsole = lab.talk()\nconsole")
    async with (
        running_loudspeaker(PULSEAUDIO, sound) as loudspeaker,
        running_firefox(FIREFOX, profile, free_port(), loudspeaker) as firefox,
    ):
        await firefox.go(f"{lab.url}lab/tree/{name}?token={TOKEN}&reset")
        await firefox.until(CELL)
        await firefox.click(CELL)
        # A window of a headless Firefox has never the focus, and JupyterLab takes what has it for the current document.
        await firefox.ask(f"void {CELL}.dispatchEvent(new FocusEvent('focus'))")
        await firefox.until(IDLE)
        await firefox.ask("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        connect = BUTTON.format(text="Connect and talk")
        await firefox.until(connect)
        await firefox.click(connect)
        await firefox.until(LAMP.format(phases=["listening", "speaking", "thinking"]))
        await firefox.until(WORDS)
        await asyncio.sleep(3)
        await firefox.click(BUTTON.format(text="Hang up"))
        await firefox.until(LAMP.format(phases=["ended", "idle"]))
    newest = max(path for path in lab.runs.iterdir() if (path / "manifest.json").exists())
    recording = await asyncio.to_thread(Recording.open, newest)
    assert recording.turns.heard.iloc[0].startswith("Hello")
    heard = recording.user_audio.samples
    assert len(heard) > 24_000
    loudest = np.abs(np.fft.rfft(heard[-24_000:]))
    assert np.abs(heard).max() > 0.01, "its fake microphone is a tone"
    assert loudest.max() > 50 * np.median(loudest), "and a tone is what was recorded"
