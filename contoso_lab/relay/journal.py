"""What the relay writes into its log: one line per step of a call, with the call's id.

A line never holds a token, a key, an instruction, a sentence that somebody spoke or audio. To keep that
true, only the fields given here are written: names, numbers and codes. Reasons that the two sides wrote
themselves go into the recording, which belongs to the people in it.
"""

from __future__ import annotations

import json
import logging

logger = logging.getLogger("contoso_lab.relay")

# At DEBUG the websockets library writes headers (the key) and frames (the talk); it is not to be asked.
websocket_logger = logging.getLogger("contoso_lab.relay.websocket")
websocket_logger.setLevel(logging.WARNING)


def line(call: str, event: str, **fields: str | float | None) -> str:
    """One line of `name=value`, values quoted where they need it.

    >>> line("4f1c", "opened", persona="voice", door="query", recording=None)
    'call=4f1c event=opened persona=voice door=query recording=-'
    """
    pairs = {"call": call, "event": event, **fields}
    return " ".join(f"{name}={_value(value)}" for name, value in pairs.items())


def _value(value: str | float | None) -> str:
    if value is None:
        return "-"
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' "=') else json.dumps(text)
