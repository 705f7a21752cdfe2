"""Pictures of every widget, in light and dark: with something to show, empty, busy and failed.

`make screenshots` writes all of them into `build/screenshots`, and the few that the documents show into
`docs/screenshots`. The widgets are the real ones with the example recordings of the lab; those that are put together
from ipywidgets are shown by Voila, with a microphone that plays a recorded customer.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import sync_playwright

import contoso_lab as lab
from contoso_lab.settings import HOME
from contoso_lab.widgets.console import VoiceConsole
from contoso_lab.widgets.stage import Stage

THEMES = ("light", "dark")
BEST = {
    "clip_player_light",
    "turn_table_light",
    "waterfall_dark",
    "suggestion_cards_light",
    "persona_editor_dark",
    "compare_calls_light",
    "labeller_dark",
    "catalog_browser_light",
    "record_line_light",
    "voice_console_dark",
}
"""What the documents show."""
MOST_BYTES = 150_000
Do = Callable[[Any, Stage], None]


def calls(scenario: str) -> list[lab.Recording]:
    """The example calls of one customer's script."""
    return lab.example_calls(scenario=scenario)


def busy(_: Any, stage: Stage) -> None:
    """Something long is being done."""
    stage.widget.busy = "Scoring both calls …"


def failed(_: Any, stage: Stage) -> None:
    """Something went wrong."""
    stage.widget.error = "the engine has ended: start it again with lab.start(); it said: out of memory"


def select_sound(page: Any, stage: Stage) -> None:
    """A stretch is selected."""
    stage.widget.selection_ms = (9000, 16500)


def choose_turns(page: Any, stage: Stage) -> None:
    """One turn is selected and is heard."""
    page.click(".cl-turn >> nth=2")
    page.click(".cl-turn >> nth=2 >> button")
    stage.until("document.querySelector('.is-sounding')")


def pick_wait(page: Any, stage: Stage) -> None:
    """One wait was clicked."""
    page.click(".cl-bar-line >> nth=1")
    stage.until("document.querySelector('.is-sounding')")


def click_card(page: Any, stage: Stage) -> None:
    """One card was clicked."""
    page.click(".cl-card >> nth=0")


def edit_persona(page: Any, stage: Stage) -> None:
    """A change, and what it changes."""
    stage.widget.text = stage.widget.text.replace("most_sentences: 3", "most_sentences: 1")
    stage.pump()
    page.click("text=What changes")


def break_persona(page: Any, stage: Stage) -> None:
    """Two faults with their lines."""
    text = stage.widget.text.replace("most_sentences: 3", "most_sentences: 30").replace("who: Robin", "whoo: Robin")
    stage.widget.text = text


def hear_both(page: Any, stage: Stage) -> None:
    """The second call is heard."""
    page.click(".cl-line[data-side=b] >> nth=2")
    stage.until("document.querySelector('.cl-line.cl-on')")


def rate_two(page: Any, stage: Stage) -> None:
    """Two answers are given."""
    stage.widget.rate(3)
    stage.widget.rate(2)


def connect(page: Any, stage: Stage) -> None:
    """Connect where no relay is."""
    page.get_by_role("button", name="Connect and talk").click()
    stage.until(lambda: bool(stage.widget.error))


def labeller(**more: Any) -> Any:
    """A rater whose answers go nowhere that lasts."""
    folder = tempfile.mkdtemp()
    return lab.Labeller([*calls("family_tent"), *calls("winter_bag")], "kim", folder=folder, **more)


STAGED: dict[str, tuple[Callable[[], Any], Do | None]] = {
    "voice_console": (lambda: VoiceConsole(customer="maya"), None),
    "voice_console_failed": (lambda: VoiceConsole(customer="maya"), connect),
    "clip_player": (lambda: lab.ClipPlayer(calls("cuts_in_on_price")[0]), select_sound),
    "clip_player_empty": (lab.ClipPlayer, None),
    "clip_player_busy": (lambda: lab.ClipPlayer(calls("cuts_in_on_price")[0]), busy),
    "clip_player_failed": (lambda: lab.ClipPlayer(calls("cuts_in_on_price")[0]), failed),
    "turn_table": (lambda: lab.TurnTable(calls("cuts_in_on_price")[0]), choose_turns),
    "turn_table_empty": (lab.TurnTable, None),
    "turn_table_busy": (lambda: lab.TurnTable(calls("winter_bag")[0]), busy),
    "turn_table_failed": (lab.TurnTable, failed),
    "waterfall": (lambda: lab.Waterfall(calls("family_tent")), pick_wait),
    "waterfall_empty": (lab.Waterfall, None),
    "waterfall_busy": (lambda: lab.Waterfall(calls("winter_bag")[:1]), busy),
    "waterfall_failed": (lambda: lab.Waterfall(calls("winter_bag")[:1]), failed),
    "suggestion_cards": (lambda: lab.SuggestionCards(calls("family_tent")[0]), click_card),
    "suggestion_cards_empty": (lab.SuggestionCards, None),
    "suggestion_cards_busy": (lab.SuggestionCards, busy),
    "suggestion_cards_failed": (lambda: lab.SuggestionCards(calls("family_tent")[0]), failed),
    "persona_editor": (lab.PersonaEditor, edit_persona),
    "persona_editor_faults": (lab.PersonaEditor, break_persona),
    "persona_editor_busy": (lab.PersonaEditor, busy),
    "persona_editor_failed": (lab.PersonaEditor, failed),
    "compare_calls": (lambda: lab.CompareCalls(*calls("family_tent")), hear_both),
    "compare_calls_empty": (lab.CompareCalls, None),
    "compare_calls_busy": (lambda: lab.CompareCalls(*calls("winter_bag")), busy),
    "compare_calls_failed": (lambda: lab.CompareCalls(*calls("winter_bag")), failed),
    "labeller": (labeller, rate_two),
    "labeller_rubric": (lambda: labeller(ask="helpfulness"), None),
    "labeller_empty": (lab.Labeller, None),
    "labeller_busy": (labeller, busy),
    "labeller_failed": (labeller, failed),
}
COOKED: dict[str, tuple[str, str]] = {
    "catalog_browser": ("lab.CatalogBrowser(query='tent for four')", "open"),
    "catalog_browser_empty": ("lab.CatalogBrowser(query='qzxv')", ""),
    "record_line": ("lab.RecordLine()", "record"),
    "record_line_empty": ("lab.RecordLine()", ""),
    "record_line_failed": (
        "line = lab.RecordLine()\nline.error = 'the line is silent; check the microphone'\nline",
        "",
    ),
}


def staged(browser: Any, out: Path, wanted: Callable[[str], bool]) -> None:
    """The widgets that are ours alone, on a plain page."""
    for name, (make, do) in STAGED.items():
        if not wanted(name):
            continue
        for theme in THEMES:
            page = browser.new_page(viewport={"width": 900, "height": 1000}, color_scheme=theme)
            stage = Stage(page, make())
            if do is not None:
                do(page, stage)
            stage.pump()
            picture(page, "#place", out / f"{name}_{theme}.png")
            # A console whose relay is gone complains in the browser's log too, as it should.
            if stage.faults and not name.startswith("voice_console"):
                raise SystemExit(f"{name}: the page complained: {stage.faults}")
            page.close()
        say(name)


def cooked(browser: Any, out: Path, wanted: Callable[[str], bool]) -> None:
    """The widgets that are put together from ipywidgets, by Voila."""
    chosen = {name: what for name, what in COOKED.items() if wanted(name)}
    for theme in THEMES if chosen else ():
        with tempfile.TemporaryDirectory() as folder:
            for name, (code, _) in chosen.items():
                source = f"import contoso_lab as lab\n{code}"
                book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
                nbformat.write(book, Path(folder) / f"{name}.ipynb")
            with voila(Path(folder), theme) as url:
                for name, (_, do) in chosen.items():
                    page = browser.new_page(viewport={"width": 940, "height": 1000}, color_scheme=theme)
                    page.goto(f"{url}/voila/render/{name}.ipynb", timeout=120_000)
                    page.wait_for_selector(".widget-box, .jupyter-widgets", timeout=120_000)
                    page.wait_for_timeout(1500)
                    if do == "open":
                        page.locator(".cl-card").first.click()
                        page.get_by_text("User guide").wait_for(timeout=60_000)
                    if do == "record":
                        page.get_by_text("Record a line").click()
                        page.get_by_text("recording; press").wait_for(timeout=60_000)
                        page.wait_for_timeout(8000)
                        page.get_by_text("Stop", exact=True).click()
                        page.get_by_text("Clip(").wait_for(timeout=60_000)
                        page.wait_for_timeout(800)
                    picture(page, ".widget-vbox", out / f"{name}_{theme}.png")
                    page.close()
                    say(f"{name} ({theme})")


def picture(page: Any, selector: str, place: Path, *, margin: int = 14) -> None:
    """Photograph one part of a page with a little room around it; what lies below the window is not painted."""
    box = page.locator(selector).first.bounding_box()
    left, top = max(0, box["x"] - margin), max(0, box["y"] - margin)
    size = {"width": box["width"] + 2 * margin, "height": min(box["height"] + 2 * margin, 1000 - top)}
    page.screenshot(path=place, clip={"x": left, "y": top, **size})


@contextlib.contextmanager
def voila(folder: Path, theme: str) -> Iterator[str]:
    """A Voila server over a folder, for as long as it is needed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    server = subprocess.Popen(
        [*command, f"--theme={theme}", str(folder)],
        env={**os.environ, "PYTHONPATH": str(HOME)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def keep_best(out: Path) -> None:
    """Put the few that the documents show beside them, small."""
    from PIL import Image

    place = HOME / "docs" / "screenshots"
    place.mkdir(exist_ok=True)
    for name in sorted(BEST):
        source, target = out / f"{name}.png", place / f"{name}.png"
        if not source.exists():
            continue
        whole = Image.open(source).convert("RGB")
        shown = whole.crop((0, 0, whole.width, min(whole.height, 900)))
        shown.quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size > MOST_BYTES:
            raise SystemExit(f"{target.name} has {target.stat().st_size} bytes, more than {MOST_BYTES}: show less")


def say(line: str) -> None:
    """Progress, one line each."""
    sys.stdout.write(f"▸ {line}\n")
    sys.stdout.flush()


def main() -> None:
    """Make the pictures that were asked for; all of them unless some are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="only widgets whose name begins like this")
    parser.add_argument("--out", type=Path, default=HOME / "build" / "screenshots")
    asked = parser.parse_args()
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("no Chromium on the PATH: install it to make pictures")
    asked.out.mkdir(parents=True, exist_ok=True)

    def wanted(name: str) -> bool:
        return not asked.names or any(name.startswith(one) for one in asked.names)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={HOME / 'data' / 'speech' / 'short_call.wav'}",
            ],
        )
        staged(browser, asked.out, wanted)
        cooked(browser, asked.out, wanted)
        browser.close()
    keep_best(asked.out)
    say(f"{asked.out}")


if __name__ == "__main__":
    main()
