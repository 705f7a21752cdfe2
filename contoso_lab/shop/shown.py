"""What has been on a customer's screen, in the order in which it was shown: one list, whoever shows.

A page over HTTP, a write-up beside a call and the agent's own tool all write here, each with an id of its own; what is
told twice (the tool shows, and the client says that it did) is one page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_SHOWN = 50
"""Pages that a thread's state names; the oldest go first."""


def with_shown(state: Mapping[str, Any], page: Mapping[str, Any]) -> dict[str, Any]:
    """A thread's state with a page as the last that was shown; one that is there already only learns what is new of it.

    Args:
        page: its `skus`, and an `id` that it can be told by; whatever else is known of it.

    >>> state = with_shown({}, {"id": "p1", "skus": ["TEN-02"]})
    >>> with_shown(state, {"id": "p1", "skus": ["TEN-02"], "text": "A tent."})["shown"]
    [{'id': 'p1', 'skus': ['TEN-02'], 'text': 'A tent.'}]
    """
    shown = [dict(one) for one in state.get("shown") or () if isinstance(one, Mapping)]
    known = next((one for one in shown if page.get("id") and one.get("id") == page["id"]), None)
    if known is None:
        shown.append(dict(page))
    else:
        known.update({name: value for name, value in page.items() if value is not None and name not in known})
    return {**state, "shown": shown[-MOST_SHOWN:]}
