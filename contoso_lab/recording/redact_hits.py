"""What the rules of the redaction find, and what they may know beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["name", "email", "phone", "card", "number", "order", "address"]


class Hit(NamedTuple):
    """A stretch of a text that tells who somebody is."""

    start: int
    end: int
    kind: Kind


@dataclass(slots=True)
class Known:
    """What is known about the people in a conversation, and what is never private."""

    names: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    words: dict[str, Kind] = field(default_factory=dict)
    """Addresses, ids and whatever else is to go wherever it stands, with its kind."""
    keep: set[str] = field(default_factory=set)
    """Names of products and the like, in small letters."""

    def learn(self, name: str) -> None:
        """Take in a name that somebody was introduced with; its parts count alone, too."""
        self.names |= {part for part in [name, *name.split()] if len(part) > 2 and part.lower() not in self.keep}

    def remember(self, text: str, kind: Kind) -> None:
        """Take in something that was said once, so that it goes where it is repeated; what is too short is left."""
        if kind == "name":
            self.learn(text)
        elif sum(sign.isalnum() for sign in text) >= 4:
            self.words.setdefault(text, kind)


def without_overlap(hits: Iterable[Hit]) -> list[Hit]:
    """One stretch for all that overlap, of the kind of the longest."""
    made: list[tuple[Hit, int]] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.end <= hit.start:
            continue
        if made and hit.start < made[-1][0].end:
            last, longest = made[-1]
            kind = hit.kind if hit.end - hit.start > longest else last.kind
            made[-1] = Hit(last.start, max(last.end, hit.end), kind), max(longest, hit.end - hit.start)
        else:
            made.append((hit, hit.end - hit.start))
    return [hit for hit, _ in made]
