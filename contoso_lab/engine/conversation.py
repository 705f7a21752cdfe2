"""The conversation of a call: its items in order."""

from __future__ import annotations

from collections.abc import Iterator

from contoso_lab.engine.items import Item
from contoso_lab.engine.refusals import Refused

MOST_AUDIO_BYTES = 20 * 1024 * 1024
"""About seven minutes of PCM16 at 24 kHz are kept for `conversation.item.retrieve`; then the oldest fall silent."""

ROOT = "root"
"""As a `previous_item_id`: put the item before all others."""

_DOING = {"retrieve": "retrieving", "truncate": "truncating", "delete": "deleting"}


class Items:
    """Items in the order of the conversation, which is not the order in which they came.

    >>> items = Items()
    >>> items.add(Item({"id": "b"})), items.add(Item({"id": "a"}), after="root"), items.previous_of("b")
    (None, None, 'a')
    """

    def __init__(self) -> None:
        self._items: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        return iter(tuple(self._items))

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item_id: object) -> bool:
        return any(item.id == item_id for item in self._items)

    def holds(self, item: Item) -> bool:
        """Whether this very item is here; a client may have deleted it, and given its id to another."""
        return any(each is item for each in self._items)

    def has_call(self, call_id: str) -> bool:
        """Whether a tool was called under this id."""
        return any(each.wire["type"] == "function_call" and each.wire["call_id"] == call_id for each in self._items)

    def previous_of(self, item_id: str) -> str | None:
        """The id of the item before this one; None when it is the first, or not here."""
        index = next((n for n, item in enumerate(self._items) if item.id == item_id), 0)
        return self._items[index - 1].id if index else None

    def find(self, item_id: str, *, doing: str, param: str | None = None) -> Item:
        """Give an item.

        Raises:
            Refused: there is none with this id; `doing` ("truncate", …) makes the code and the words.
        """
        for item in self._items:
            if item.id == item_id:
                return item
        raise Refused(
            f"Error {_DOING[doing]} item: the item with id '{item_id}' does not exist.",
            code=f"item_{doing}_invalid_item_id",
            param=param,
        )

    def add(self, item: Item, *, after: str | None = None) -> str | None:
        """Put an item at the end, after another one, or after `root`; gives the id of the one before it.

        Raises:
            Refused: the id is taken, or there is no such item to stand after.
        """
        if item.id in self:
            raise Refused(f"Item with id '{item.id}' already exists.", param="item.id")
        if not after:  # the real service takes an empty id for none
            index = len(self._items)
        elif after == ROOT:
            index = 0
        else:
            found = next((n for n, each in enumerate(self._items) if each.id == after), None)
            if found is None:
                raise Refused(
                    f"Error adding item: the previous item with id '{after}' does not exist.",
                    code="item_create_invalid_previous_item_id",
                    param="previous_item_id",
                )
            index = found + 1
        self._items.insert(index, item)
        self._forget_old_audio()
        return self._items[index - 1].id if index else None

    def remove(self, item_id: str) -> None:
        """Take an item out.

        Raises:
            Refused: there is none with this id.
        """
        self._items.remove(self.find(item_id, doing="delete"))

    def _forget_old_audio(self) -> None:
        spare_bytes = sum(len(item.audio) for item in self._items) - MOST_AUDIO_BYTES
        for item in self._items:
            if spare_bytes <= 0:
                return
            spare_bytes -= len(item.audio)
            item.audio = b""
