"""The order of a conversation's items, as the server declares it.

Transcripts arrive when they are ready, often after the answer to them. The only order that can be trusted is the
one the server states with `previous_item_id`, and it may name an item that we are told of later.
"""

from __future__ import annotations

from collections.abc import Iterator

FRONT = "root"
"""The protocol's name for the place in front of all items."""


class ItemOrder:
    """Item identifiers, put in order by "this one comes behind that one".

    The statements form a tree: behind each item stand those that named it, the latest first, as each was put
    directly behind it; items that named nobody, or somebody unknown, follow each other as they came.

    >>> order = ItemOrder()
    >>> order.place("answer", after="question")
    >>> order.place("question", after=None)
    >>> list(order)
    ['question', 'answer']
    """

    def __init__(self) -> None:
        self._after: dict[str, str | None] = {}  # in the order of arrival
        self._front: list[str] = []
        self._stated: list[str] = []  # in the order of their latest statement
        self._sorted: list[str] | None = None

    def __iter__(self) -> Iterator[str]:
        if self._sorted is None:
            self._sorted = self._sort()
        return iter(self._sorted)

    def note(self, item_id: str) -> None:
        """Put an item at the end, unless it has a place already."""
        if item_id not in self._after:
            self._after[item_id] = None
            self._sorted = None

    def place(self, item_id: str, *, after: str | None) -> None:
        """Put an item directly behind another, or in front of all; None means at the end, or where it is.

        An item whose forerunner is unknown goes to the end, and behind the forerunner when that one appears.
        """
        self.note(item_id)
        if after is None or after == self._after[item_id] or self._leads_to(after, item_id):
            return
        if after == FRONT:
            self._front.insert(0, item_id)
            after = None
        if item_id in self._stated:
            self._stated.remove(item_id)
        self._stated.append(item_id)
        self._after[item_id] = after
        self._sorted = None

    def _leads_to(self, start: str | None, item_id: str) -> bool:
        """Whether an item stands behind `item_id` by the statements so far; the reverse cannot be true as well."""
        while start is not None and start != item_id:
            start = self._after.get(start)
        return start is not None

    def _sort(self) -> list[str]:
        behind: dict[str, list[str]] = {}
        for item_id in self._stated:
            if (after := self._after[item_id]) in self._after:
                behind.setdefault(str(after), []).append(item_id)
        heads = [item for item, after in self._after.items() if after not in self._after and item not in self._front]
        found: list[str] = []
        waiting = [*reversed(heads), *reversed(self._front)]
        while waiting:
            item_id = waiting.pop()
            found.append(item_id)
            # The last one is taken first: what was put directly behind an item most recently stands nearest.
            waiting += behind.get(item_id, [])
        return found
