"""The order in which things were said, whatever the order in which we were told.

A transcript is often ready after the answer to it, and a customer may type while on a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from contoso_lab.memory.values import Message, micros


def spoken_order(messages: Iterable[Message]) -> list[Message]:
    """Put messages in the order in which they were spoken.

    A message stands behind the one that it names in `after`. One that names nobody, or somebody who never arrived,
    stands behind those that arrived before it and name nobody either. What this leaves open is decided by the time
    it was said, and by arrival where the times are the same. A message is never taken to be later than what follows
    it: the time of a late transcript may be that of its arrival.

    >>> question = Message("call", "user", "How heavy?", id="q", seq=2)
    >>> answer = Message("call", "assistant", "Two kilos.", id="a", after="q", seq=1)
    >>> [message.text for message in spoken_order([answer, question])]
    ['How heavy?', 'Two kilos.']
    """
    arrived = {message.id: message for message in sorted(messages, key=lambda message: message.seq or 0)}
    parent = _followed(arrived)
    behind: dict[str | None, list[str]] = {}
    for id_, before in parent.items():
        behind.setdefault(before, []).append(id_)

    times = {id_: micros(message.at) if message.at else 0 for id_, message in arrived.items()}
    numbers = {id_: message.seq or 0 for id_, message in arrived.items()}
    for id_ in reversed(_from_the_first(behind)):
        if (before := parent[id_]) is not None:
            times[before] = min(times[before], times[id_])
            numbers[before] = min(numbers[before], numbers[id_])

    found: list[Message] = []
    ready: list[tuple[int, int, str]] = []
    following: str | None = None
    while True:
        for id_ in behind.get(following, ()):
            heappush(ready, (times[id_], numbers[id_], id_))
        if not ready:
            return found
        following = heappop(ready)[-1]
        found.append(arrived[following])


def _followed(arrived: Mapping[str, Message]) -> dict[str, str | None]:
    """For each message, in the order of arrival, the one that it stands behind; None for the first of all."""
    heads = {id_ for id_, message in arrived.items() if message.after not in arrived}
    settled = set(heads)
    for id_ in arrived:
        path: list[str] = []
        while id_ not in settled:
            settled.add(id_)
            path.append(id_)
            id_ = str(arrived[id_].after)
        if id_ in path:  # they name each other in a ring: the one that came first begins
            heads.add(min(path[path.index(id_) :], key=lambda each: arrived[each].seq or 0))
    parent: dict[str, str | None] = {}
    last: str | None = None
    for id_, message in arrived.items():
        if id_ in heads:
            parent[id_], last = last, id_
        else:
            parent[id_] = message.after
    return parent


def _from_the_first(behind: Mapping[str | None, list[str]]) -> list[str]:
    """All messages, each one before those that stand behind it."""
    found = list(behind.get(None, ()))
    for id_ in found:  # grows while we walk
        found += behind.get(id_, ())
    return found
