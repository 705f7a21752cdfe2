"""The pages of suggestions in a recording, and the products that each presents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.writeup import find_skus, shown_skus

if TYPE_CHECKING:
    from contoso_lab.recording.bundle import Recording

DEPTH = 3
"""A page shows about this many products; what stands below is not ranked."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of suggestions, as it stood on the screen."""

    suggestion_id: str
    at_ms: float
    text: str
    skus: tuple[str, ...]
    """In order of first mention, real or not."""


def pages_shown(recording: Recording) -> list[Shown]:
    """Every page of suggestions in a recording, in order of time."""
    pages: list[Shown] = []
    clock = recording.local_clock
    for event in recording.events:
        if event.dir == "local" and event.ev.get("type") == "suggestion.shown":
            text = str(event.ev.get("text") or "")
            # The text is what the customer saw; the list beside it was made by the program under test.
            skus = tuple(find_skus(text) if text else dict.fromkeys(event.ev.get("skus") or ()))
            pages.append(Shown(str(event.ev.get("suggestion_id", "")), clock.session_ms(event), text, skus))
    return pages


def catalog_of(recording: Recording) -> Catalog | None:
    """The catalogue that the call was held with; None when ours has changed since."""
    catalog = Catalog.load()
    recorded = recording.manifest.catalogue_sha
    return catalog if recorded in (None, "", catalog.sha256) else None


def ranking(page: Shown) -> tuple[str, ...]:
    """The products that a page presents, best first; one that does not exist takes its place like any other.

    What is only mentioned ("it goes with your boots") is not presented, unless nothing has a heading or picture.
    """
    catalog = Catalog.load()
    known = shown_skus(page.text, catalog) if page.text else []
    made_up = [sku for sku in page.skus if sku not in catalog]
    if not known:
        return page.skus
    if not made_up:
        return tuple(known)
    text = page.text.lower()

    def place(sku: str) -> int:
        names = [sku, catalog.get(sku).name] if sku in catalog else [sku]
        return min((at for name in names if (at := text.find(name.lower())) >= 0), default=len(text))

    return tuple(sorted([*known, *made_up], key=place))


CHANGED = "the call was held with another catalogue than the one that is here"
