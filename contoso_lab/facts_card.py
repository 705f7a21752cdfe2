"""A few facts under a name, as HTML: how an object that is no table shows itself in a notebook, in light and in dark.

It stands below all rooms, because objects of every room are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_LINE = "1px solid rgba(128,128,128,.35)"
_NAME = "text-align:left;vertical-align:top;opacity:.7;padding:1px 14px 1px 0;white-space:nowrap"
_VALUE = "text-align:left;vertical-align:top;padding:1px 0"


def facts_html(title: str, facts: Iterable[tuple[str, object]]) -> str:
    """A card with a title and a row for each fact that there is; everything is escaped.

    >>> card = facts_html("Kim", [("voice", "<sage>"), ("speed", None)])
    >>> "&lt;sage&gt;" in card, "speed" in card
    (True, False)
    """
    rows = "".join(
        f'<tr><td style="{_NAME}">{escape(name)}</td><td style="{_VALUE}">{escape(str(value))}</td></tr>'
        for name, value in facts
        if value not in (None, "", (), [])
    )
    table = f'<table style="border-collapse:collapse;color:inherit;font:inherit">{rows}</table>'
    frame = f"max-width:720px;padding:10px 12px;border:{_LINE};border-radius:12px"
    return f'<div style="{frame}"><b>{escape(title)}</b>{table}</div>'
