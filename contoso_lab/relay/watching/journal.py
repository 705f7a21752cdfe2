"""What the relay writes into its log: one line per step of a call, with the call's id.

A line never holds a token, a key, an instruction, a sentence that somebody spoke or audio. To keep that
true at every level:

* only the fields given here are written: names, numbers and codes. Reasons that the two sides wrote
  themselves go into the recording, which belongs to the people in it;
* of other libraries only warnings are written: at DEBUG they show headers (the key) and frames (the talk);
* of an exception its type and its places in the code are written, not its text: many quote what they were given.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

OURS = "contoso_lab"
LogFormat = Literal["text", "json"]

logger = logging.getLogger("contoso_lab.relay")

# Handed to the WebSocket libraries in place of their own, so that they cannot be asked for more.
websocket_logger = logging.getLogger("contoso_lab.relay.websocket")
websocket_logger.setLevel(logging.WARNING)

Value = str | float | bool | None


class Line(str):
    """A line of `name=value` that still knows its fields."""

    fields: dict[str, Value]


def line(call: str, event: str, **fields: Value) -> Line:
    """One line of `name=value`, values quoted where they need it.

    >>> line("4f1c", "opened", persona="voice", door="query", recording=None)
    'call=4f1c event=opened persona=voice door=query recording=-'
    """
    pairs: dict[str, Value] = {"call": call, "event": event, **fields}
    made = Line(" ".join(f"{name}={_value(value)}" for name, value in pairs.items()))
    made.fields = pairs
    return made


def start_log(*, format: LogFormat = "text", level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Write this process's log to `stream` (standard error), in place of what was set up before.

    Args:
        format: `text` is for people and `key=value` tools, `json` is one object per line.
        level: of our own lines; other libraries are heard from WARNING on, whatever it is.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    handler.addFilter(_ours_or_serious)
    logging.basicConfig(level=level, handlers=[handler], force=True)


class TextFormatter(logging.Formatter):
    """`2026-11-22 18:00:00,000 INFO contoso_lab.relay call=… event=…`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatException(self, ei: _ExcInfo) -> str:
        """The type and the places, not the text."""
        return without_text(ei)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, and the fields of the line or its text."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        out: dict[str, Value] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if isinstance(record.msg, Line):
            out |= record.msg.fields
        else:
            out["message"] = record.getMessage()
        if record.exc_info:
            out["exception"] = without_text(record.exc_info)
        return json.dumps(out, ensure_ascii=False)


_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def without_text(info: _ExcInfo) -> str:
    """An exception as its type and where it passed, innermost last; its text may quote a caller."""
    kind, error, trace = info
    if kind is None or error is None:
        return ""
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]
    return " < ".join([kind.__name__, *reversed(places)])


def _ours_or_serious(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] == OURS


def _value(value: Value) -> str:
    if value is None:
        return "-"
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' "=') else json.dumps(text)
