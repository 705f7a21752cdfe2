"""Two calls beside each other: the same customer, two answers, one button from one voice to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import traitlets

from contoso_lab.recording import Recording
from contoso_lab.report.lanes import clock
from contoso_lab.report.view import look
from contoso_lab.report.waits import median_ms, milliseconds
from contoso_lab.report.webpage import chosen_names
from contoso_lab.widgets.call_sound import CallSound
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.shown import Shown, Sound
from contoso_lab.widgets.turn_table import row_words, rows_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one call holds from one turn of the customer to the next."""

    rows: tuple[dict[str, Any], ...]
    from_ms: float
    to_ms: float

    def words(self, role: str) -> str:
        """What one side said in it, heard or not."""
        return " ".join(filter(None, (row_words(row) for row in self.rows if row["role"] == role)))


class CompareCalls(Shown):
    """Two recordings side by side, exchange by exchange, with one switch from the sound of one to the other.

    Rows are paired by the turns of the customer: in a replay these are the same words. By *turn* the switch goes to the
    same place of the same exchange, by *time* to the same moment of the other call. `diverged` is the first exchange in
    which the assistants say different things.

    Args:
        a: the call to start from.
        b: the other one.
        names: what to call them; their personas unless given.

    >>> CompareCalls()
    <CompareCalls: two recordings are needed>
    """

    _esm = assemble("compare_calls.js")
    _css = style("results.css", "compare_calls.css")

    calls: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    pairs: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    diverged: traitlets.Int[int | None, int | None] = traitlets.Int(
        None, allow_none=True, read_only=True, help="Place of the first exchange that differs, from 0."
    ).tag(sync=True)
    synchronised = traitlets.Enum(("turn", "time"), "turn", help="What A and B have in common when you switch.").tag(
        sync=True
    )
    side = traitlets.Enum(("a", "b"), "a", help="Which call is heard.").tag(sync=True)

    def __init__(
        self, a: Recording | None = None, b: Recording | None = None, *, names: Sequence[str] | None = None
    ) -> None:
        super().__init__(label="two calls side by side")
        self._sounds: dict[str, CallSound] = {}
        self._exchanges: tuple[list[Exchange], ...] = ([], [])
        if a is not None and b is not None:
            self.load(a, b, names=names)

    def load(self, a: Recording, b: Recording, *, names: Sequence[str] | None = None) -> None:
        """Show two other recordings."""
        called = chosen_names([a, b], names)
        looked = [look(recording, name) for recording, name in zip((a, b), called, strict=True)]
        self._sounds = {"a": CallSound(a), "b": CallSound(b)}
        rows = [
            rows_of(call, [turn.item_id for turn in recording.conversation.turns])
            for call, recording in zip(looked, (a, b), strict=True)
        ]
        self._exchanges = tuple(exchanges_of(own, call.duration_ms) for own, call in zip(rows, looked, strict=True))
        first, second = self._exchanges
        count = max(len(first), len(second))
        pairs = [
            {"a": _drawn(first[at]) if at < len(first) else None, "b": _drawn(second[at]) if at < len(second) else None}
            for at in range(count)
        ]
        with self.hold_sync():
            self.side = "a"
            self.set_trait("diverged", first_divergence(first, second))
            self.set_trait("pairs", pairs)
            self.set_trait(
                "calls",
                [
                    {
                        "name": call.name,
                        "duration_ms": call.duration_ms,
                        "has_sound": call.customer is not None,
                        "wait": "" if (middle := median_ms(call.waits)) is None else milliseconds(middle),
                    }
                    for call in looked
                ],
            )

    @property
    def frame(self) -> pd.DataFrame:
        """One row an exchange: what both customers and both assistants said, what each waited, whether they differ."""
        import pandas as pd

        first, second = self._exchanges
        rows = []
        for at in range(max(len(first), len(second))):
            a, b = (own[at] if at < len(own) else None for own in (first, second))
            rows.append(
                {
                    "customer_a": a.words("user") if a else None,
                    "assistant_a": a.words("assistant") if a else None,
                    "customer_b": b.words("user") if b else None,
                    "assistant_b": b.words("assistant") if b else None,
                    "wait_a_ms": _wait(a),
                    "wait_b_ms": _wait(b),
                    "same": bool(a and b and _plain(a.words("assistant")) == _plain(b.words("assistant"))),
                }
            )
        return pd.DataFrame(rows)

    def sound(self, key: str, from_ms: float | None, to_ms: float | None) -> Sound:
        """A stretch of call `a` or `b`."""
        if key not in self._sounds:
            return super().sound(key, from_ms, to_ms)
        return self._sounds[key].cut(from_ms, to_ms)

    def __repr__(self) -> str:
        if not self.calls:
            return "<CompareCalls: two recordings are needed>"
        names = " and ".join(call["name"] for call in self.calls)
        split = "they say the same" if self.diverged is None else f"they part at exchange {self.diverged + 1}"
        return f"<CompareCalls: {names}, {len(self.pairs)} exchanges; {split}>"

    def _html(self) -> str:
        if not self.calls:
            return "<i>Two recordings are needed.</i>"
        left = 'style="text-align:left;vertical-align:top;padding:4px 12px 4px 0"'
        head = "".join(f"<th {left}>{escape(call['name'])}</th>" for call in self.calls)
        body = "".join(
            f"<tr>{''.join(f'<td {left}>{_static(pair[side])}</td>' for side in ('a', 'b'))}</tr>"
            for pair in self.pairs
        )
        return f"<p>{escape(repr(self)[1:-1])}</p><table><tr>{head}</tr>{body}</table>"


def exchanges_of(rows: Sequence[dict[str, Any]], duration_ms: float) -> list[Exchange]:
    """Cut a call before each turn of the customer; what was said before the first stands alone."""
    starts = [
        at for at, row in enumerate(rows) if row["role"] == "user" and (at == 0 or rows[at - 1]["role"] != "user")
    ]
    edges = list(dict.fromkeys([0, *starts, len(rows)])) if rows else []
    found = []
    for start, stop in zip(edges, edges[1:], strict=False):
        end_ms = rows[stop]["from_ms"] if stop < len(rows) else duration_ms
        found.append(Exchange(tuple(rows[start:stop]), rows[start]["from_ms"], max(end_ms, rows[start]["from_ms"])))
    # A call that the customer begins has no exchange of the greeting: an empty one keeps the pairs in step.
    if found and starts and starts[0] == 0:
        found.insert(0, Exchange((), 0.0, found[0].from_ms))
    return found


def first_divergence(a: Sequence[Exchange], b: Sequence[Exchange]) -> int | None:
    """The first exchange in which the assistants' words differ, or that one call has alone; None when there is none."""
    for at in range(max(len(a), len(b))):
        if at >= len(a) or at >= len(b) or _plain(a[at].words("assistant")) != _plain(b[at].words("assistant")):
            return at
    return None


def _plain(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _wait(exchange: Exchange | None) -> float | None:
    return (
        None
        if exchange is None
        else next((row["wait_ms"] for row in exchange.rows if row["wait_ms"] is not None), None)
    )


def _drawn(exchange: Exchange) -> dict[str, Any]:
    return {"rows": list(exchange.rows), "from_ms": exchange.from_ms, "to_ms": exchange.to_ms}


def _static(exchange: dict[str, Any] | None) -> str:
    if exchange is None:
        return "–"
    return "<br>".join(
        f"<small>{clock(row['start_ms'])} {escape(row['who'])}</small> {escape(row['heard'])}"
        + (f" <s>{escape(row['unheard'])}</s>" if row["unheard"] else "")
        for row in exchange["rows"]
    )
