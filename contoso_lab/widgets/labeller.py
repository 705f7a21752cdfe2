"""Rate calls and products without knowing who answered: by ear, by keyboard, each answer kept at once."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from contoso_lab.errors import RecordingError
from contoso_lab.recording import Labels, Recording
from contoso_lab.recording.ratings import (
    Rating,
    add_rating,
    ratings_frame,
    ratings_place,
    read_ratings,
    replace,
    standing,
)
from contoso_lab.report.view import look
from contoso_lab.report.written import written_html
from contoso_lab.shop import Catalog
from contoso_lab.shop.writeup import shown_skus, skus_in
from contoso_lab.widgets.call_sound import CallSound
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.rubric import Rubric
from contoso_lab.widgets.shown import Shown, Sound
from contoso_lab.widgets.suggestion_cards import product_card
from contoso_lab.widgets.turn_table import rows_of

if TYPE_CHECKING:
    import pandas as pd

_ROW = ("role", "who", "start_ms", "from_ms", "to_ms", "heard", "unheard")
"""What a rater sees of a turn: not what it waited, nor which tools it used."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to rate."""

    name: str
    recording: Recording
    page: str = ""
    until_ms: float | None = None
    """The rater reads up to here: what came later could not be known."""
    sku: str = ""


class Labeller(Shown):
    """Rate blind: the rater hears and reads a call, and sees neither persona nor run nor what a judge said.

    Digits answer, the arrows go on and back, U takes back, space plays. Every answer is a line in
    `labels/<rater>.jsonl` of the recording, or in `folder`; run the same cell again and it goes on where you stopped.

    Args:
        recordings: what to rate.
        rater: your name in the file: letters, digits, `-`, `_` and `.`.
        ask: `grade` for the products that were shown (0 to 3), or the name of a judge whose rubric to answer (1 to 5).
        folder: where ratings go instead of into the recordings.
        seed: for the order, which is another one for every rater.
        catalog: where the products stand; the one in use unless given.

    Raises:
        RecordingError: the rater's name is unsafe, or earlier ratings cannot be read.
        PromptError: there is no such rubric, or it cannot be asked blind.
    """

    _esm = assemble("labeller.js")
    _css = style("results.css", "suggestion_cards.css", "labeller.css")

    question: traitlets.Dict[str, Any] = traitlets.Dict(read_only=True).tag(sync=True)
    item: traitlets.Dict[str, Any] = traitlets.Dict(read_only=True, help="What is rated now.").tag(sync=True)
    at = traitlets.Int(0, help="Place of the item in the order, from 0.").tag(sync=True)
    total = traitlets.Int(0, read_only=True).tag(sync=True)
    rated = traitlets.Int(0, read_only=True).tag(sync=True)
    given: traitlets.Int[int | None, int | None] = traitlets.Int(None, allow_none=True, read_only=True).tag(sync=True)

    def __init__(
        self,
        recordings: Recording | Sequence[Recording] = (),
        rater: str = "author",
        *,
        ask: str = "grade",
        folder: str | PathLike[str] | None = None,
        seed: int = 0,
        catalog: Catalog | None = None,
    ) -> None:
        super().__init__(label="labeller")
        own = [recordings] if isinstance(recordings, Recording) else list(recordings)
        self.rater, self.seed, self._folder = rater, seed, None if folder is None else Path(folder)
        self._catalog = catalog if catalog is not None else Catalog.load()
        self.rubric = Rubric.of(ask)
        ratings_place(".", rater)  # an unsafe name is told now, not with the first answer
        self._items = items_of(own, self.rubric, self._catalog)
        random.Random(f"{seed} {rater} {self.rubric.name}").shuffle(self._items)
        self._places = {item.name: at for at, item in enumerate(self._items)}
        self._sounds: dict[str, CallSound] = {}
        self._rows: dict[str, tuple[list[dict[str, Any]], bool]] = {}
        read = read_ratings(*dict.fromkeys(self._file(item) for item in self._items))
        self.problems = tuple(read.problems)
        """What of earlier ratings could not be read, one sentence each."""
        self._log = [one for one in read.ratings if self._mine(one)]
        self.set_trait(
            "question",
            {
                "name": self.rubric.name,
                "asked": self.rubric.asked,
                "rules": list(self.rubric.rules),
                "anchors": [[value, meaning] for value, meaning in sorted(self.rubric.anchors.items())],
            },
        )
        self.set_trait("total", len(self._items))
        self.error = " ".join(read.problems)
        done = self._standing
        self.at = next((at for at, item in enumerate(self._items) if item.name not in done), 0)
        self._show()

    def rate(self, rating: int, *, heard_ms: float = 0.0) -> None:
        """Answer for the item that is shown, keep it, and go to the next that has no answer.

        Raises:
            RecordingError: there is no item, the rating is none of the answers, or it cannot be kept.
        """
        if not self._items:
            raise RecordingError("there is nothing to rate; give recordings in which something was shown or said")
        if rating not in self.rubric.anchors:
            answers = ", ".join(map(str, sorted(self.rubric.anchors)))
            raise RecordingError(f"{rating} is no answer to {self.rubric.name}; there are {answers}")
        self._keep(self._items[self.at], rating, heard_ms)
        self.error = ""
        done = self._standing
        after = [*range(self.at + 1, len(self._items)), *range(self.at)]
        self.at = next((at for at in after if self._items[at].name not in done), min(self.at + 1, len(self._items) - 1))
        self._show()

    def undo(self) -> None:
        """Take the newest answer back and show its item again; nothing happens when there is none."""
        kept = list(self._standing.values())
        if kept:
            at = self._places[kept[-1].item]
            self._keep(self._items[at], None, 0.0)
            self.at = at
            self._show()

    def go(self, step: int) -> None:
        """Show the next item (1) or the one before (-1), answered or not."""
        self.at = max(0, min(len(self._items) - 1, self.at + step))
        self._show()

    @property
    def ratings(self) -> list[Rating]:
        """What this rater's answers are now, in the order in which they were given."""
        return list(self._standing.values())

    @property
    def frame(self) -> pd.DataFrame:
        """The same as a data frame, one row an answer."""
        return ratings_frame(self.ratings)

    def labels(self, recording: Recording) -> Labels:
        """This rater's grades of a recording as `Labels`, for `recording.add_labels(…, rater)`.

        Raises:
            RecordingError: what was asked here are no grades of products.
        """
        if self.rubric.name != "grade":
            raise RecordingError(
                f"the answers to {self.rubric.name} are no grades of products; ask='grade' gives those"
            )
        found = {
            one.sku: one.rating for one in self.ratings if one.recording == recording.id and one.rating is not None
        }
        return Labels(policy_version=self.rubric.policy_version, customer=recording.manifest.customer, products=found)

    @traitlets.observe("at")
    def _moved(self, _: object) -> None:
        if hasattr(self, "_log"):
            self._show()

    @traitlets.validate("at")
    def _inside(self, proposal: Mapping[str, Any]) -> int:
        return max(0, min(int(proposal["value"]), max(0, getattr(self, "total", 1) - 1)))

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """An answer, a step or a wish to take back."""
        match content.get("kind"):
            case "rate":
                self.rate(int(content.get("rating", -1)), heard_ms=float(content.get("heard_ms", 0.0)))
            case "undo":
                self.undo()
            case "go":
                self.go(1 if content.get("step", 1) > 0 else -1)

    def sound(self, key: str, from_ms: float | None, to_ms: float | None) -> Sound:
        """The call at this place of the order."""
        if not key.isdecimal() or int(key) >= len(self._items):
            return super().sound(key, from_ms, to_ms)
        recording = self._items[int(key)].recording
        return self._sounds.setdefault(recording.id, CallSound(recording)).cut(from_ms, to_ms)

    @property
    def _standing(self) -> dict[str, Rating]:
        return {one.item: one for one in standing(self._log)}

    def _mine(self, one: Rating) -> bool:
        asked = (self.rater, self.rubric.name, self.rubric.policy_version)
        return (one.rater, one.question, one.policy_version) == asked and one.item in self._places

    def _file(self, item: Item) -> Path:
        return ratings_place(self._folder or item.recording.path / "labels", self.rater)

    def _keep(self, item: Item, rating: int | None, heard_ms: float) -> None:
        one = Rating(
            item=item.name,
            question=self.rubric.name,
            rating=rating,
            rater=self.rater,
            policy_version=self.rubric.policy_version,
            place=self._places[item.name] + 1,
            seed=self.seed,
            recording=item.recording.id,
            sku=item.sku,
            heard_ms=round(heard_ms, 1),
        )
        self._log.append(replace(one, at=add_rating(self._file(item), one).at))

    def _show(self) -> None:
        done = self._standing
        with self.hold_sync():
            self.set_trait("rated", len(done))
            if not self._items:
                return
            item = self._items[self.at]
            self.set_trait("given", done[item.name].rating if item.name in done else None)
            self.set_trait("item", {"at": self.at, **self._drawn(item)})

    def _drawn(self, item: Item) -> dict[str, Any]:
        """What the rater sees of an item, and nothing that tells whose it is."""
        rows, has_sound = self._looked_at(item.recording)
        kept = [row for row in rows if item.until_ms is None or row["start_ms"] <= item.until_ms]
        shown = self.rubric.shows
        words = " ".join(row["heard"] for row in kept)
        products = [self._catalog.get(sku) for sku in skus_in(words, self._catalog)] if "facts" in shown else []
        return {
            "rows": [
                {name: row[name] for name in ("role", "who", "start_ms", "from_ms", "to_ms", "heard", "unheard")}
                for row in kept
            ],
            "has_sound": has_sound,
            "until_ms": item.until_ms,
            "card": product_card(self._catalog.get(item.sku)) if item.sku else None,
            "page": written_html(item.page) if item.page and "page" in shown else "",
            "facts": [f"{one.name}, {one.price}: {one.facts_line}" for one in products],
        }

    def _looked_at(self, recording: Recording) -> tuple[list[dict[str, Any]], bool]:
        """The rows of a call, and whether it can be heard; read once, for several items may lie in it."""
        if recording.id not in self._rows:
            call = look(recording, "a call")
            rows = rows_of(call, [turn.item_id for turn in recording.conversation.turns])
            self._rows[recording.id] = rows, call.customer is not None
        return self._rows[recording.id]

    def __repr__(self) -> str:
        asked = f"{self.rubric.name} {self.rubric.policy_version}"
        return f"<Labeller: {self.rater} has rated {self.rated} of {self.total}, {asked}>"

    def _html(self) -> str:
        return f"<p>{escape(repr(self)[1:-1])}. {escape(self.rubric.asked)}</p>"


def items_of(recordings: Sequence[Recording], rubric: Rubric, catalog: Catalog) -> list[Item]:
    """What there is to rate: each product of each page, each page, or each call; in a fixed order."""
    found: list[Item] = []
    for recording in sorted(recordings, key=lambda each: each.id):
        pages = [event for event in recording.events if event.dir == "local" and event.type == "suggestion.shown"]
        for number, event in enumerate(pages, start=1):
            page, name = str(event.ev.get("text") or ""), f"{recording.id}/page-{number}"
            if "product" in rubric.shows:
                skus = [sku for sku in shown_skus(page, catalog) if sku in catalog]
                found += [Item(f"{name}/{sku}", recording, page, event.t_ms, sku) for sku in skus]
            elif "page" in rubric.shows:
                found.append(Item(name, recording, page, event.t_ms))
        if not {"page", "product"} & set(rubric.shows) and recording.conversation.turns:
            found.append(Item(f"{recording.id}/call", recording))
    return found
