"""Rows of words as a table: for a terminal, and for a notebook in light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

_LAST = "padding:0.15em 0.8em 0.15em 0;text-align:left"
_CELL = f"{_LAST};white-space:nowrap"
_SENTENCES = f"{_LAST};min-width:24em"
"""So that a column of sentences is not squeezed to a word a line; the table scrolls instead."""
_SENTENCE_LETTERS = 40
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
    long = any(len(cells[-1]) > _SENTENCE_LETTERS for cells in rows)
    styles = [_CELL] * (len(head) - 1) + [_SENTENCES if long else _LAST]
    parts = [f"<tr>{''.join(_cell('th', name, _CELL) for name in head)}</tr>"]
    for cells, title in zip(rows, titles, strict=True):
        body = "".join(_cell("td", cell, style) for cell, style in zip(cells, styles, strict=True))
        parts.append(f'<tr title="{escape(title)}">{body}</tr>')
    return f'<table style="border-collapse:collapse">{"".join(parts)}</table>'


def _cell(kind: str, text: str, style: str) -> str:
    style = ";".join(filter(None, (style, _WORDS.get(text))))
    return f'<{kind} style="{style}">{escape(text)}</{kind}>'
