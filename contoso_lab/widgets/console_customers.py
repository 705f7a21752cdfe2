"""Recorded customers for the console: somebody who talks where there is no microphone.

Their sound stays in the kernel until somebody presses the button; then it goes to the page as bytes beside a message.
It is in no trait, so no notebook keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contoso_lab.audio import PCM16_24K, Clip, find_speech
from contoso_lab.audio.files import wav_bytes
from contoso_lab.errors import WidgetError
from contoso_lab.session import Caller, load_caller
from contoso_lab.session.caller import SPEECH
from contoso_lab.shop.customers import load_customers

LINE_GAP_MS = 900.0
"""A silence that is longer divides a clip into lines: after each the customer waits for the answer."""


@dataclass(frozen=True, slots=True)
class RecordedCustomer:
    """A clip, cut into the lines that are spoken one after the other."""

    name: str
    label: str
    """What stands on the button."""
    clip: Clip
    lines: tuple[Mapping[str, object], ...]
    """Each with `start_ms`, `end_ms` and `text`."""
    customer: str = ""
    """Who it is; empty lets the console's own choice stand."""

    def to_dict(self) -> dict[str, object]:
        """What the page needs to know before the button is pressed: no sound."""
        return {
            "name": self.name,
            "label": self.label,
            "customer": self.customer,
            "lines": [dict(line) for line in self.lines],
        }

    def to_bytes(self) -> bytes:
        """The sound as a WAV of 24 kHz."""
        return wav_bytes(self.clip.resampled(PCM16_24K.rate_hz))


def recorded_customers(given: Clip | Caller | Mapping[str, Clip | Caller] | None) -> tuple[RecordedCustomer, ...]:
    """Make recorded customers of what a notebook gives; of nothing, those that come with the lab.

    >>> [one.label for one in recorded_customers(None)]
    ['Let Maya speak', 'Let Daniel speak']

    Raises:
        WidgetError: a clip in which nobody speaks.
    """
    if given is None:
        names = sorted(path.stem for path in SPEECH.glob("*.wav"))
        return tuple(_of_the_lab(name) for name in names)
    if isinstance(given, Clip | Caller):
        given = {"clip": given}
    return tuple(_of_a_clip(name, one) for name, one in given.items())


def _of_the_lab(name: str) -> RecordedCustomer:
    caller, labels = load_caller(name)
    lines = [{"start_ms": turn.start_ms, "end_ms": turn.end_ms, "text": turn.text} for turn in labels.turns]
    return RecordedCustomer(name, _label(caller.customer), caller.clip, tuple(lines), caller.customer)


def _of_a_clip(name: str, given: Clip | Caller) -> RecordedCustomer:
    clip, customer = (given, "") if isinstance(given, Clip) else (given.clip, given.customer)
    spoken = find_speech(clip, gap_ms=LINE_GAP_MS)
    if not spoken:
        raise WidgetError(f"nobody speaks in the clip {name!r}: give one with a voice in it")
    lines: Sequence[Mapping[str, object]] = [
        {"start_ms": span.start_ms, "end_ms": span.end_ms, "text": ""} for span in spoken
    ]
    return RecordedCustomer(name, _label(customer) if customer else f"Play {name}", clip, tuple(lines), customer)


def _label(customer: str) -> str:
    known = load_customers().get(customer)
    return f"Let {known.first_name if known else customer} speak"
