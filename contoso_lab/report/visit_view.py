"""A visit as a notebook shows it: the one history of chat and call, and the customer's screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from contoso_lab.memory import Message
from contoso_lab.report.written import written_html

_SIGNS = {"chat": "⌨", "call": "☎"}
_NAMES = {"user": "Customer", "assistant": "Robin"}


@dataclass(frozen=True, slots=True, repr=False)
class History:
    """What was said, in spoken order, wherever it was said; what was never heard is struck out.

    >>> History((Message("call", "assistant", "One two", heard="One"),))
    ☎ Robin: One
    """

    messages: Sequence[Message]

    def __repr__(self) -> str:
        return "\n".join(f"{_SIGNS[one.source]} {_NAMES[one.role]}: {one.as_heard}" for one in self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def _repr_html_(self) -> str:
        return f'<div style="max-width:46em;line-height:1.45">{"".join(map(_row, self.messages))}</div>'


@dataclass(frozen=True, slots=True, repr=False)
class Screen:
    """The side window of the customer, with the page that was shown last.

    >>> Screen("### Meadow Four (TEN-02)")
    ### Meadow Four (TEN-02)
    """

    markdown: str

    def __repr__(self) -> str:
        return self.markdown or "nothing on the screen"

    def _repr_html_(self) -> str:
        inside = written_html(self.markdown) if self.markdown else "<i>nothing on the screen</i>"
        inside = inside.replace("<h5>", '<h5 style="font-weight:600">')  # some notebooks make small headings plain
        frame = "max-width:34em;border:1px solid #8886;border-radius:12px;padding:4px 20px;line-height:1.5"
        return f'<div style="{frame}">{inside}</div>'


def _row(message: Message) -> str:
    said = message.as_heard
    unheard = message.text[len(said) :].strip() if message.text.startswith(said) else ""
    cut = f' <s style="opacity:.5" title="never heard">{escape(unheard)}</s>' if unheard else ""
    side = "border-left:3px solid currentColor;padding-left:8px" if message.role == "assistant" else "padding-left:11px"
    who = f'<small style="opacity:.6">{_SIGNS[message.source]} {message.source} · {_NAMES[message.role]}</small>'
    return f'<div style="{side};margin:6px 0">{who}<br>{escape(said)}{cut}</div>'
