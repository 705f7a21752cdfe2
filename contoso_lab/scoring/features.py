"""What many scorers need of one recording, found once: who sounded when, what was shown, what it was held with.

Scorers are small functions of a recording. Each of them would read the same events, and listen to the same sound, anew;
here that is done once and kept as long as the recording is. Labels that change on disk are noticed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from contoso_lab.errors import LabError
from contoso_lab.recording.clock import LocalClock
from contoso_lab.recording.sound_spans import Stretch, joined
from contoso_lab.scoring.anchors import Anchors, read_anchors
from contoso_lab.scoring.exchanges import FRAME_MS, Exchange, find_exchanges
from contoso_lab.scoring.matching import Interval
from contoso_lab.scoring.pages import Shown, catalog_of, pages_shown
from contoso_lab.wire import ga_name

if TYPE_CHECKING:
    from contoso_lab.prompts.persona import Persona
    from contoso_lab.recording.bundle import Recording
    from contoso_lab.recording.labels import Labels
    from contoso_lab.recording.log import RecordedEvent
    from contoso_lab.recording.playback import PlayedItem
    from contoso_lab.shop.catalog import Catalog
    from contoso_lab.shop.customers import Customer
    from contoso_lab.shop.truth import Finding
    from contoso_lab.wire import Turn


_KEPT_AS, _SETTLED_AS = "_scoring_features", "_scoring_settled"
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Sounding:
    """A stretch in which the assistant was audible at the caller's end. Times on the session clock, in ms."""

    start_ms: float
    end_ms: float
    item_id: str
    response_id: str | None

    @property
    def interval(self) -> Interval:
        """From when to when."""
        return Interval(self.start_ms, self.end_ms)


class Features:
    """One recording, read once; use `features(recording)`."""

    def __init__(self, recording: Recording, labels: Labels | None) -> None:
        self.recording = recording
        self.labels = labels
        self.worked_out: dict[Callable[..., Any], Any] = {}
        """What `once` has worked out, by the function that did."""

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """All that was said, in spoken order; a conversation makes its turns anew for whoever asks."""
        return self.recording.conversation.turns

    @cached_property
    def anchors(self) -> Anchors:
        """The moments that every latency is made of."""
        return read_anchors(self.recording)

    @cached_property
    def exchanges(self) -> list[Exchange]:
        """The caller's turns and what followed each."""
        return find_exchanges(self.recording, self.anchors, self.labels)

    @cached_property
    def played(self) -> dict[str, PlayedItem]:
        """What was played of each answer."""
        return {item.item_id: item for item in self.recording.timeline().items}

    @cached_property
    def spoken(self) -> list[Interval]:
        """Where the caller's track holds sound."""
        return [Interval(span.start_ms, span.end_ms) for span in self.recording.timeline().user_spans]

    def spoken_in(self, span: Interval) -> list[Interval]:
        """The caller's sound that lies in a stretch."""
        return [sound for sound in self.spoken if sound.overlap_ms(span) > 0]

    @cached_property
    def sounding(self) -> list[Sounding]:
        """Where the assistant was audible, in order of time; pauses under 200 ms stay inside."""
        heard = self.recording.sound_spans
        found: list[Sounding] = []
        for item in self.played.values():
            for piece in item.pieces:
                for span in heard.of("out", [(piece.off, piece.len)], shortest_ms=FRAME_MS):
                    start, end = piece.start_ms + span.start_ms, piece.start_ms + span.end_ms
                    found.append(Sounding(start, end, item.item_id, item.response_id))
        return sorted(found, key=lambda span: span.start_ms)

    def leading_silence_ms(self, item_id: str) -> float | None:
        """Quiet at the front of an answer as it was received; None when it holds no audible sound at all."""
        spans = self.recording.sound_spans.of("out", self._stretches.get(item_id, ()), shortest_ms=FRAME_MS)
        return float(spans[0].start_ms) if spans else None

    @cached_property
    def responses_done(self) -> dict[str, dict[str, Any]]:
        """The `response` of each `response.done`, by its id: a repeated event counts once."""
        found: dict[str, dict[str, Any]] = {}
        for event in self.of_type("response.done", "s2c"):
            response = event.ev.get("response")
            if isinstance(response, dict):
                found.setdefault(str(response.get("id") or f"at {event.seq}"), response)
        return found

    def of_type(self, type_: str, direction: str) -> list[RecordedEvent]:
        """All events of one type (GA name), in order."""
        return self._by_type.get((direction, type_), [])

    @cached_property
    def local_clock(self) -> LocalClock:
        """When a local event happened."""
        return self.recording.local_clock

    @cached_property
    def pages(self) -> list[Shown]:
        """Every page of suggestions that was shown."""
        return pages_shown(self.recording)

    @cached_property
    def catalog(self) -> Catalog | None:
        """The catalogue that the call was held with; None when ours has changed since."""
        return catalog_of(self.recording)

    @cached_property
    def customer(self) -> Customer | None:
        """Who called; None when the shop does not know them."""
        from contoso_lab.shop.customers import load_customers

        known = load_customers().get(self.recording.manifest.customer)
        if known is not None and self.labels is not None and self.labels.bought:
            return known.model_copy(update={"purchases": tuple(self.labels.bought)})
        return known

    @cached_property
    def persona(self) -> Persona | str:
        """Who answered, as data; or the sentence that says why that is not known."""
        name = self.recording.manifest.persona
        if not name:
            return "the recording does not say which persona answered"
        try:
            return _persona(name, _stamps(name))
        except LabError as error:
            return f"the persona is not known here: {error}"

    @cached_property
    def language(self) -> str | None:
        """The language in which the persona begins, where that is known."""
        persona = self.persona
        return None if isinstance(persona, str) else persona.language

    @cached_property
    def findings_said(self) -> list[Finding]:
        """All that the assistant claimed in what was heard of it, held against the catalogue.

        Findings of the kind `language` are against the persona's language; the caller may have changed it.
        """
        from contoso_lab.shop.truth import check_recording

        if self.catalog is None:
            return []
        return check_recording(self.recording, self.catalog, self.customer, language=self.language)

    def mentions(self, text: str, language: str = "en") -> list[str]:
        """The products that a heard text names, once each, in order."""
        from contoso_lab.shop.mentions import find_mentions

        if self.catalog is None:
            return []
        key = (text, language)
        if key not in self._mentions:
            named = find_mentions(text, self.catalog, language=language, heard=True)
            self._mentions[key] = list(dict.fromkeys(mention.sku for mention in named))
        return self._mentions[key]

    @cached_property
    def _mentions(self) -> dict[tuple[str, str], list[str]]:
        return {}

    @cached_property
    def findings_shown(self) -> list[list[Finding]]:
        """The same for each page."""
        from contoso_lab.shop.truth import check

        if self.catalog is None:
            return [[] for _ in self.pages]
        return [check(page.text, self.catalog, self.customer, medium="page") for page in self.pages]

    @cached_property
    def assistant_turns(self) -> list[tuple[str, str]]:
        """Item id and words of each reply that was heard."""
        return [(turn.item_id, turn.heard) for turn in self.turns if turn.role == "assistant" and turn.heard.strip()]

    @cached_property
    def _stretches(self) -> dict[str, list[Stretch]]:
        found: dict[str, list[Stretch]] = {}
        for event in self.of_type("response.output_audio.delta", "s2c"):
            delta = event.ev.get("delta")
            if isinstance(delta, dict) and delta.get("$audio") == "out":
                place = (int(delta["off"]), int(delta["len"]))
                found.setdefault(str(event.ev.get("item_id")), []).append(place)
        return {item_id: joined(stretches) for item_id, stretches in found.items()}

    @cached_property
    def _by_type(self) -> dict[tuple[str, str], list[RecordedEvent]]:
        found: dict[tuple[str, str], list[RecordedEvent]] = {}
        for event in self.recording.events:
            found.setdefault((event.dir, ga_name(event.type)), []).append(event)
        return found


@lru_cache(maxsize=16)
def _persona(name: str, stamps: tuple[tuple[str, int, int], ...]) -> Persona:
    """A persona, read once while its files do not change: the next call is by the same one."""
    from contoso_lab.shop.persona import persona

    return persona(name)


def _stamps(name: str) -> tuple[tuple[str, int, int], ...]:
    from contoso_lab.shop.persona import persona_files

    there = [(place, place.stat()) for place in persona_files(name) if place.exists()]
    return tuple((str(place), stat.st_mtime_ns, stat.st_size) for place, stat in there)


def features(recording: Recording) -> Features:
    """The features of a recording, made anew when its labels have changed."""
    # They hold the recording, so they are kept in it, as its own cached properties are: both go together.
    kept = vars(recording)
    if (settled := kept.get(_SETTLED_AS)) is not None:
        return cast(Features, settled)
    age = _age(recording)
    if kept.get(_KEPT_AS, (None, None))[0] != age:
        kept[_KEPT_AS] = (age, Features(recording, recording.labels()))
    found: Features = kept[_KEPT_AS][1]
    if _SETTLED_AS in kept:
        kept[_SETTLED_AS] = found
    return found


@contextlib.contextmanager
def settled(recording: Recording) -> Iterator[None]:
    """Look once whether the labels have changed, and not for every scorer that asks within the block."""
    vars(recording)[_SETTLED_AS] = None
    try:
        yield
    finally:
        vars(recording).pop(_SETTLED_AS, None)


def once(work: Callable[[Features], Found]) -> Callable[[Features], Found]:
    """Make a function of features that works once for each recording and is asked by many scorers.

    What it gives is theirs together, so nobody may change it.
    """

    @wraps(work)
    def kept(found: Features) -> Found:
        if work not in found.worked_out:
            found.worked_out[work] = work(found)
        result: Found = found.worked_out[work]
        return result

    return kept


def _age(recording: Recording) -> tuple[int, int]:
    """When the labels were last written, and how long they are: every scorer asks, and few have changed."""
    try:
        stat = os.stat(f"{recording.path}/labels/author.json")
    except OSError:
        return (-1, -1)
    return (stat.st_mtime_ns, stat.st_size)
