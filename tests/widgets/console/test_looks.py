"""The console as it looks, light and dark, wide and narrow: every text can be read, and nothing sticks out.

`CONTOSO_LAB_SHOTS=folder` keeps the pictures.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
PATIENCE_MS = 40_000


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., None]:
    """Look at a state in several widths; it has to be readable in each."""
    folder = Path(os.environ.get("CONTOSO_LAB_SHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def at(tab: Any, name: str, scheme: str) -> None:
        for width in (1180, 620, 380):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.wait_for_timeout(120)  # colours change gently
            tab.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
            seen = tab.evaluate((HERE / "looks.js").read_text(encoding="utf-8"))
            assert seen == {"pale": [], "out": []}, f"{name}, {scheme}, {width} pixels wide"
        tab.set_viewport_size({"width": 1180, "height": 900})

    return at


def write(tab: Any, text: str) -> None:
    line = tab.get_by_role("textbox", name="Write to the assistant")
    line.fill(text)
    line.press("Enter")


SCHEMES = [pytest.param("light", marks=pytest.mark.slow), "dark"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_state_can_be_read(console: Any, house: Any, look: Callable[..., None], scheme: str) -> None:
    tab = console(None, scheme=scheme, customer="daniel", kept={"open": {"settings": False, "chat": True}})
    look(tab, "1-before-the-first-click", scheme)
    tab.get_by_role("button", name="Connect and talk").click()
    tab.locator(".clc-failure").wait_for(timeout=PATIENCE_MS)
    look(tab, "2-no-microphone", scheme)
    write(tab, "Which tent is for two people?")
    tab.locator(".clc-turns", has_text="Harbor Two").wait_for(timeout=PATIENCE_MS)
    write(tab, "Please call me now.")
    tab.get_by_role("button", name="Accept").wait_for(timeout=PATIENCE_MS)
    look(tab, "3-ringing", scheme)
    tab.get_by_role("button", name="Decline").click()
    tab.get_by_role("button", name="Settings").click()
    tab.get_by_role("button", name="Let Daniel speak").or_(tab.get_by_role("button", name="Connect")).first.wait_for()
    tab.evaluate("model.set('relay_url', 'http://127.0.0.1:9')")
    tab.get_by_role("button", name="Connect").click()
    tab.locator(".clc-failure").wait_for(timeout=PATIENCE_MS)
    look(tab, "4-settings", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_call_and_its_page_can_be_read(console: Any, look: Callable[..., None], scheme: str) -> None:
    tab = console(None, scheme=scheme, kept={"open": {"waits": True, "log": True, "chat": True}})
    tab.get_by_role("button", name="Let Daniel speak").click()
    tab.locator(".clc-turns", has_text="Hello Daniel").wait_for(timeout=PATIENCE_MS)
    write(tab, "Which tent is for two people?")  # cuts the greeting short
    tab.locator(".clc-turn.is-assistant s:not(:empty)").first.wait_for(timeout=PATIENCE_MS)
    look(tab, "5-interrupted", scheme)
    tab.locator(".clc-page h4").first.wait_for(timeout=60_000)
    look(tab, "6-page", scheme)
    tab.keyboard.press("Escape")
    tab.wait_for_function("model.state.state === 'ended'", timeout=PATIENCE_MS)
    look(tab, "7-over", scheme)
