"""The widgets of results in a real Chromium, with the real Python behind them and no Jupyter between."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.audio import silence, tone
from contoso_lab.recording import Recording
from contoso_lab.widgets.clip_player import ClipPlayer
from contoso_lab.widgets.compare_calls import CompareCalls
from contoso_lab.widgets.labeller import Labeller
from contoso_lab.widgets.persona_editor import PersonaEditor
from contoso_lab.widgets.shown import Shown
from contoso_lab.widgets.stage import Stage
from contoso_lab.widgets.suggestion_cards import SuggestionCards
from contoso_lab.widgets.turn_table import TurnTable
from contoso_lab.widgets.waterfall import Waterfall

pytestmark = pytest.mark.browser
SOUNDS = "document.querySelector('[aria-label=Pause], .is-sounding')"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on the PATH: install it to test the widgets in a browser")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def stage(chromium: Any) -> Iterator[Callable[[Shown], Stage]]:
    """Put a widget on a page; afterwards it must have let go of everything and complained of nothing."""
    shown: list[Stage] = []

    def show(widget: Shown, *, width: int = 900) -> Stage:
        page = chromium.new_page(viewport={"width": width, "height": 800})
        shown.append(Stage(page, widget))
        return shown[-1]

    yield show
    for one in shown:
        assert one.end() == 0, "the view left listeners on its model"
        assert one.page.evaluate("() => document.querySelector('#place').textContent.trim()") == ""
        assert one.faults == []
        one.page.close()


def test_the_player_by_mouse_and_by_keyboard(stage: Callable[[Shown], Stage]) -> None:
    player = ClipPlayer(silence(1000) + tone(3000), markers=[(1000, "the tone")])
    on = stage(player)
    track = on.page.locator(".cl-track")
    box = track.bounding_box()
    on.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    on.page.mouse.down()
    on.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20, steps=4)
    on.page.mouse.up()
    on.until(lambda: player.selection_ms is not None)
    assert player.selection_ms == (pytest.approx(1000, abs=20), pytest.approx(2000, abs=20))
    on.page.click("text=Play selection")
    on.until(SOUNDS)
    on.until(lambda: not player.playing and player.position_ms > 1900)  # it stops at the end of the selection
    assert player.position_ms < 2600
    track.focus()
    on.page.keyboard.press("Escape")
    on.until(lambda: player.selection_ms is None)
    on.page.keyboard.press("Home")
    on.page.keyboard.press("Shift+ArrowRight")
    on.page.keyboard.press("Shift+ArrowRight")
    on.until(lambda: player.selection_ms == (0, pytest.approx(200, abs=1)))
    assert float(track.get_attribute("aria-valuenow")) == pytest.approx(0.2, abs=0.01)
    on.page.select_option("[aria-label=speed]", "2")
    on.until(lambda: player.speed == 2)
    player.play(0)
    on.until("document.querySelector('[aria-label=Pause]')")
    player.pause()
    on.until("document.querySelector('[aria-label=Play]')")
    player.load(None)
    on.until("document.querySelector('.cl-empty:not([hidden])')")


def test_a_sound_that_cannot_be_had_is_one_sentence(stage: Callable[[Shown], Stage], call: Recording) -> None:
    player = ClipPlayer(call)
    player._sound = None
    on = stage(player)
    on.page.click("[aria-label=Play]")
    on.until("document.querySelector('[role=alert]').textContent.includes('there is no sound called')")
    player.error = "the engine has ended; start it again"
    player.busy = "Scoring …"
    on.pump()
    assert on.page.get_attribute(".cl-clip-player", "aria-busy") == "true"
    assert on.page.is_visible("text=Scoring …")


def test_turns_are_found_heard_and_selected(stage: Callable[[Shown], Stage], call: Recording) -> None:
    table = TurnTable(call)
    on = stage(table)
    rows = on.page.locator(".cl-turn:visible")
    assert rows.count() == 6
    assert on.page.locator("s").all_text_contents() == ["is waterproof as well."]
    on.page.fill("[type=search]", "FOUR")
    on.until(lambda: table.query == "FOUR" and rows.count() == 2)
    on.page.fill("[type=search]", "")
    on.until(lambda: rows.count() == 6)
    on.page.select_option(".cl-select", "cut")
    on.until(lambda: rows.count() == 1)
    on.page.select_option(".cl-select", "all")
    on.until(lambda: rows.count() == 6)
    rows.nth(0).focus()
    on.page.keyboard.press("ArrowDown")
    on.page.keyboard.press("Space")
    on.page.keyboard.press("Shift+ArrowDown")
    on.until(lambda: table.chosen == [1, 2])
    assert list(table.selected.role) == ["user", "assistant"]
    on.page.keyboard.press("Enter")
    on.until("document.querySelector('.cl-turn.is-sounding')?.dataset.place === '2'")
    table.chosen = [4]
    on.until("document.querySelector('[aria-selected=true]')?.dataset.place === '4'")


def test_a_call_of_two_thousand_turns_stays_quick(stage: Callable[[Shown], Stage], call: Recording) -> None:
    """It takes some ten milliseconds; the limit is one for the busiest of machines."""
    table = TurnTable(call)
    one = table.rows[1]
    table.set_trait("rows", [{**one, "heard": f"turn {number} of a long call"} for number in range(2000)])
    on = stage(table)
    seen, took_ms = on.page.evaluate(
        """() => {
          const start = performance.now();
          stage.model.set("query", "turn 1321 ");
          const seen = document.querySelectorAll(".cl-turn:not([hidden])").length;
          document.querySelector(".cl-rows").getBoundingClientRect();
          return [seen, performance.now() - start];
        }"""
    )
    assert seen == 1
    assert took_ms < 2000


def test_a_bar_is_heard_where_it_lies(stage: Callable[[Shown], Stage], two_calls: list[Recording]) -> None:
    fall = Waterfall(two_calls)
    on = stage(fall)
    bars = on.page.locator(".cl-bar-line")
    assert bars.count() == 6
    assert bars.nth(0).get_attribute("aria-label").startswith("Turn 1: 840 ms (noticing the end of the turn 500 ms")
    bars.nth(0).focus()
    on.page.keyboard.press("ArrowDown")
    on.page.keyboard.press("Enter")
    on.until(lambda: fall.picked is not None and fall.picked.total_ms == pytest.approx(710, abs=1))
    on.until(SOUNDS)
    assert "Turn 2: 710 ms" in on.page.text_content("[role=status]:not([hidden])")


def test_cards_are_clicked_and_walked(stage: Callable[[Shown], Stage]) -> None:
    cards = SuggestionCards(["TEN-02", "SLE-02", "SLE-03"])
    seen: list[str] = []
    cards.on_click(lambda product: seen.append(product.sku))
    on = stage(cards)
    on.page.click("text=Meadow Four")
    on.page.keyboard.press("ArrowRight")
    on.page.keyboard.press("Enter")
    on.until(lambda: seen == ["TEN-02", "SLE-02"])
    on.until("document.querySelector('[aria-pressed=true]')?.dataset.sku === 'SLE-02'")
    cards.load([])
    on.until("document.querySelector('.cl-empty:not([hidden])')?.textContent === 'Nothing was suggested yet.'")


def test_one_rates_with_digits_only(
    stage: Callable[[Shown], Stage], two_calls: list[Recording], tmp_path: Path
) -> None:
    labeller = Labeller(two_calls, "kim", folder=tmp_path)
    on = stage(labeller)
    on.page.focus(".cl-labeller")
    on.page.keyboard.press("3")
    on.until(lambda: labeller.rated == 1)
    on.until("document.querySelector('[role=status].cl-num').textContent.startsWith('2 of 2')")
    on.page.keyboard.press("9")  # no answer
    on.page.keyboard.press("ArrowLeft")
    on.until("document.querySelector('[aria-checked=true]')?.dataset.value === '3'")
    on.page.keyboard.press("u")
    on.until(lambda: labeller.rated == 0)
    on.page.keyboard.press("Space")
    on.until("document.querySelector('.cl-labeller').textContent.includes('Pause')")
    on.page.keyboard.press("1")
    on.until(lambda: labeller.rated == 1)
    assert labeller.ratings[0].rating == 1
    on.page.click(".cl-answer >> nth=2")
    on.until("document.querySelector('[role=status].cl-num').textContent.startsWith('All 2 are rated')")


def test_one_button_leads_from_one_voice_to_the_other(
    stage: Callable[[Shown], Stage], two_calls: list[Recording]
) -> None:
    compare = CompareCalls(*two_calls)
    on = stage(compare)
    assert "Here they part" in on.page.text_content(".cl-pair.is-parted")
    on.page.click(".cl-line[data-side=a][data-pair='1'] >> nth=0")
    on.until("document.querySelector('[aria-label=Pause]')")
    on.page.keyboard.press("x")
    on.until(lambda: compare.side == "b")
    on.until("document.querySelector('.cl-line.cl-on[data-side=b]')")
    on.page.click("text=First difference")
    on.until("document.querySelector('.cl-pair.is-here.is-parted')")
    on.page.click("[aria-label=Pause]")
    on.until("document.querySelector('[aria-label=Play]')")


def test_a_persona_is_edited_with_its_faults_beside_it(stage: Callable[[Shown], Stage]) -> None:
    editor = PersonaEditor("voice")
    on = stage(editor)
    text = on.page.locator("textarea")
    text.fill(text.input_value().replace("most_sentences: 3", "most_sentences: 30"))
    on.until("document.querySelector('.cl-gutter .is-fault')")
    on.page.click(".cl-goto")
    assert "most_sentences: 30" in on.page.evaluate(
        "() => { const t = document.querySelector('textarea'); return t.value.slice(t.selectionStart, t.selectionEnd) }"
    )
    text.fill(text.input_value().replace("most_sentences: 30", "most_sentences: 1"))
    on.until("document.querySelector('.cl-pre').textContent.includes('Answer in at most one sentence.')")
    on.page.click("text=What changes")
    on.until("document.querySelector('.is-plus')")
    assert on.page.is_disabled("text=Hear it")
    on.page.fill(".cl-copy", "voice_brief")
    assert on.page.is_visible("text=replace the persona of that name")
    on.page.click("text=Save a copy")
    on.until("document.querySelector('[role=alert]').textContent.includes('exists already')")
    on.page.click("text=Back to the file")
    on.until(lambda: not editor.changed)
    on.until("document.querySelector('textarea').value === stage.model.get('text')")


@pytest.mark.parametrize("make", [ClipPlayer, TurnTable, Waterfall, SuggestionCards, CompareCalls, Labeller])
def test_with_nothing_to_show_a_widget_says_so(make: Callable[[], Shown], stage: Callable[..., Stage]) -> None:
    on = stage(make(), width=360)
    assert on.page.locator(".cl-empty:visible").count() == 1
    assert on.page.evaluate("document.documentElement.scrollWidth") <= 360
