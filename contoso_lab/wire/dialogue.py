"""A conversation as people read one: who said what, and what was never heard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from contoso_lab.wire.turns import Turn

_NAMES = {"user": "Customer", "assistant": "Assistant", "system": "Note"}


def dialogue_html(turns: Iterable[Turn], *, title: str = "", notes: Sequence[str] = ()) -> str:
    """Draw turns as a dialogue, in the colours of the page around it.

    What was generated and never heard is struck out. All text is escaped: a transcript may hold anything.

    >>> turn = Turn("i", "assistant", "one <two>", "one", "interrupted", 1000.0, 2000.0)
    >>> "&lt;two&gt;</s>" in dialogue_html([turn])
    True
    """
    head = f'<div style="opacity:.7;margin-bottom:6px">{escape(title)}</div>' if title else ""
    warnings = "".join(f'<div style="color:#b45309">⚠ {escape(note)}</div>' for note in notes)
    return f'<div style="max-width:46em;line-height:1.45">{head}{warnings}{"".join(map(_row, turns))}</div>'


def _row(turn: Turn) -> str:
    cut = f" <s style='opacity:.5' title='never heard'>{escape(turn.unheard)}</s>" if turn.cut else ""
    calls = "".join(f" <code>{escape(call.name)}({escape(call.arguments)})</code>" for call in turn.tool_calls)
    state = "" if turn.status == "done" else f" <small style='opacity:.6'>{turn.status}</small>"
    side = "border-left:3px solid currentColor;padding-left:8px;" if turn.role == "assistant" else "padding-left:11px;"
    return (
        f'<div style="{side}margin:4px 0"><small style="opacity:.6">{turn.started_ms / 1000:.1f} s '
        f"{_NAMES[turn.role]}</small><br>{escape(turn.heard)}{cut}{calls}{state}</div>"
    )
