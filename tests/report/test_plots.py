from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contoso_lab.errors import MissingExtra, ScoringError
from contoso_lab.recording import Recording
from contoso_lab.report import timeline, waterfall


def words(figure: Any) -> list[str]:
    """All text in a figure."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def widths(axes: Any) -> list[float]:
    return [round(bar.get_width()) for bar in axes.patches]


def test_a_waterfall_has_a_panel_for_each_call_and_a_bar_for_each_turn(two_calls: list[Recording]) -> None:
    figure = waterfall(two_calls)
    first, second = figure.axes
    assert widths(first) == widths(second) == [500, 200, 60, 80, 500, 150, 60, 0]
    assert first.get_xlim() == second.get_xlim()
    told = words(figure)
    assert "voice  ·  median 775 ms" in told
    assert "I need a tent for four.  1" in told
    assert {"840 ms", "710 ms", "no answer"} <= set(told)
    assert told.count("the model") == 1


def test_names_are_ours_to_give(two_calls: list[Recording]) -> None:
    assert "before  ·  median 775 ms" in words(waterfall(two_calls, names=["before", "after"]))
    with pytest.raises(ScoringError, match="2 calls need as many names"):
        waterfall(two_calls, names=["before"])


def test_a_negative_part_goes_back_and_a_sum_that_fails_has_its_own_line(
    script: Callable[..., Any], tmp_path: Path
) -> None:
    early = script()
    early.asks(1000, 2000, "Hello?", noticed_ms=300, closed_ms=500)
    early.answers(2400, "Hi.", buffer_ms=50)
    (axes,) = waterfall([Recording.open(early.record(tmp_path))]).axes
    model = axes.patches[1]
    assert (model.get_x(), model.get_width()) == (pytest.approx(200), pytest.approx(100))
    assert model.get_hatch()
    assert any("≠ sum of parts" in text.get_text() for text in axes.texts)


def test_a_call_without_turns_has_an_empty_panel(script: Callable[..., Any], tmp_path: Path) -> None:
    figure = waterfall([Recording.open(script(length_ms=0).record(tmp_path))])
    assert "no turn of the customer was heard" in words(figure)
    figure.savefig(tmp_path / "empty.png")


def test_dollars_are_no_formula(call: Recording, tmp_path: Path) -> None:
    figure = waterfall([call])
    assert any("$279 or $189" in text for text in words(figure))
    figure.savefig(tmp_path / "dollars.png")


def test_a_timeline_has_two_lanes_and_marks(call: Recording, tmp_path: Path) -> None:
    figure = timeline(call)
    upper, lower = figure.axes
    assert upper.get_ylabel() == "Customer"
    assert lower.get_ylabel() == "Assistant"
    assert {"suggestions appeared", "an answer was cut off"} <= set(words(figure))
    figure.savefig(tmp_path / "timeline.png")


def test_a_timeline_without_sound_says_so(script: Callable[..., Any], tmp_path: Path) -> None:
    assert words(timeline(Recording.open(script(length_ms=0).record(tmp_path)))).count("no sound") == 2


def test_a_figure_shows_itself(call: Recording) -> None:
    png, size = waterfall([call])._repr_png_()  # type: ignore[attr-defined]
    assert png.startswith(b"\x89PNG")
    assert size["width"] == 720


def test_reports_are_imported_without_what_they_draw_with() -> None:
    heavy = {"matplotlib", "jinja2", "markdown_it"}
    code = f"import sys, contoso_lab.report; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pyplot_is_left_alone(call: Recording) -> None:
    code = (
        "import sys; from contoso_lab.recording import Recording; from contoso_lab.report import waterfall, timeline;"
        f"call = Recording.open({str(call.path)!r}); waterfall([call]); timeline(call);"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_matplotlib_the_error_names_the_extra(call: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"contoso-lab\[eval\]"):
        waterfall([call])
