"""What a client says of the write-ups on its screen, and of the button that buys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from contoso_lab.relay.calls.actions import Agree, Show

_SUM = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?")
MOST_NAME_CHARS = 80
MOST_SKUS = 50
MOST_TEXT_CHARS = 64 * 1024

BAD = "needs a suggestion_id, and may have skus (a list of names) and text: plain text, none of it too long"


def read_shown(event: Mapping[str, Any]) -> Show | None:
    """What a `lab.suggestions.shown` says; `None` when it cannot be read.

    >>> read_shown({"suggestion_id": "s1", "skus": ["TEN-02"]})
    Show(suggestion_id='s1', skus=('TEN-02',), text=None)
    """
    name, skus, text = event.get("suggestion_id"), event.get("skus", []), event.get("text")
    if not _plain(name, MOST_NAME_CHARS) or not isinstance(skus, list) or len(skus) > MOST_SKUS:
        return None
    if not all(_plain(sku, MOST_NAME_CHARS) for sku in skus) or not (text is None or _plain(text, MOST_TEXT_CHARS)):
        return None
    return Show(str(name), tuple(skus), text)


def noted(shown: Show) -> dict[str, Any]:
    """As the recording keeps it."""
    text = {} if shown.text is None else {"text": shown.text}
    return {"type": "suggestion.shown", "suggestion_id": shown.suggestion_id, "skus": list(shown.skus), **text}


def read_clicked(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a `lab.suggestions.clicked` says, as the recording keeps it; `None` when it cannot be read.

    >>> read_clicked({"suggestion_id": "s1", "sku": "TEN-02"})
    {'type': 'suggestion.clicked', 'suggestion_id': 's1', 'sku': 'TEN-02'}
    """
    given = {name: event[name] for name in ("suggestion_id", "sku") if event.get(name) is not None}
    if "suggestion_id" not in given or not all(_plain(value, MOST_NAME_CHARS) for value in given.values()):
        return None
    return {"type": "suggestion.clicked", **given}


BAD_ORDER = 'needs a total: the sum that the button showed, as text such as "279.00"'


def read_agreed(event: Mapping[str, Any]) -> Agree | None:
    """What a `lab.order.agreed` says; `None` when it cannot be read.

    >>> read_agreed({"total": "279.00"}), read_agreed({"total": "a lot"})
    (Agree(total='279.00'), None)
    """
    total = event.get("total")
    return Agree(total) if isinstance(total, str) and _SUM.fullmatch(total) else None


def _plain(value: object, most_chars: int) -> bool:
    """Whether it is text that can be written down: not empty, not too long, without halves of characters."""
    if not isinstance(value, str) or not 0 < len(value) <= most_chars:
        return False
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
