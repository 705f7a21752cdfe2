"""How much of a long conversation a response is given to read: `truncation` of a session.

| truncation | when the conversation no longer fits |
|---|---|
| "auto" | the oldest items are left out until it fits |
| retention_ratio | more is left out, down to that part of the limit, so that it need not be done each time |
| "disabled" | the response fails |

What was left out once stays out: a window that moved back would tell a brain what it had already forgotten. The
items themselves stay in the conversation and can be retrieved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contoso_lab.engine.items import Item
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.usage import item_tokens

MOST_INPUT_TOKENS = 28_224
"""Of a context of 32 768 tokens, 4 096 are kept for the answer; OpenAI documents this sum of what is left."""


class Window:
    """What one conversation still remembers.

    >>> says = Item({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a tent"}]})
    >>> Window().fit([says], rule="auto", head_tokens=100) == (says,)
    True
    """

    def __init__(self) -> None:
        self._dropped: set[Item] = set()

    def fit(self, items: Sequence[Item], *, rule: Any, head_tokens: int, ahead: bool = False) -> tuple[Item, ...]:
        """The items of the conversation that fit; the last one always does.

        Args:
            items: the whole conversation.
            rule: the `truncation` of the session.
            head_tokens: what the instructions and tools take.
            ahead: it is only a guess what the conversation will be: nothing is left out for good.

        Raises:
            Refused: they do not fit, and nothing may be left out.
        """
        if not ahead:
            self._dropped.intersection_update(items)
        kept = [item for item in items if item not in self._dropped]
        limit, target = _limits(rule, head_tokens)
        costs = [item_tokens(item).total for item in kept]
        total = sum(costs)
        if total <= limit:
            return tuple(kept)
        if rule == "disabled":
            raise Refused(
                f"The conversation of {total + head_tokens} tokens exceeds the input limit of {MOST_INPUT_TOKENS} "
                "tokens: delete items, or set 'truncation' to 'auto'.",
                code="context_length_exceeded",
            )
        first = 0
        while total > target and first < len(kept) - 1:
            total -= costs[first]
            first += 1
        if not ahead:
            self._dropped.update(kept[:first])
        return tuple(kept[first:])


def _limits(rule: Any, head_tokens: int) -> tuple[int, float]:
    """How many tokens of items are too many, and how many are left after leaving some out."""
    limit = max(0, MOST_INPUT_TOKENS - head_tokens)
    if not isinstance(rule, Mapping):
        return limit, limit
    asked = (rule.get("token_limits") or {}).get("post_instructions")
    limit = limit if asked is None else min(limit, asked)
    return limit, limit * rule["retention_ratio"]
