"""Rows of words as a table: for a terminal, and for a notebook in light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

_LAST = "padding:0.15em 0.8em 0.15em 0;text-align:left"
_CELL = f"{_LAST};white-space:nowrap"
# Both colours can be read on white and on near-black.
_WORDS = {"better": "color:seagreen;font-weight:bold", "worse": "color:indianred;font-weight:bold"}


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines with aligned columns.

    >>> list(text_table(("metric", "value"), [("wer", "0.1")]))
    ['metric  value', 'wer     0.1']
    """
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, titles: Sequence[str]) -> str:
    """An HTML table in which only the last column breaks its lines.

    Args:
        head: The names of the columns.
        rows: The cells; everything is escaped.
        titles: What each row is about, shown when a pointer rests on it.
    """
    parts = [f"<tr>{''.join(_cell('th', name, last=False) for name in head)}</tr>"]
    for cells, title in zip(rows, titles, strict=True):
        body = "".join(_cell("td", cell, last=place == len(cells) - 1) for place, cell in enumerate(cells))
        parts.append(f'<tr title="{escape(title)}">{body}</tr>')
    return f'<table style="border-collapse:collapse">{"".join(parts)}</table>'


def _cell(kind: str, text: str, *, last: bool) -> str:
    style = ";".join(filter(None, (_LAST if last else _CELL, _WORDS.get(text))))
    return f'<{kind} style="{style}">{escape(text)}</{kind}>'
