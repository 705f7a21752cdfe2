"""From words of a turn to seconds of the sound, and whole conversations checked turn by turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import Customer
from contoso_lab.shop.mentions import find_mentions
from contoso_lab.shop.truth.check import check
from contoso_lab.shop.truth.finding import Finding, Timing
from contoso_lab.wire import Turn
from contoso_lab.wire.heard import WordTime

if TYPE_CHECKING:
    from contoso_lab.recording import Recording


def check_turns(
    turns: Iterable[Turn],
    catalog: Catalog,
    customer: Customer | None = None,
    *,
    language: str | None = None,
    words: Mapping[str, Sequence[WordTime]] | None = None,
    starts_s: Mapping[str, float] | None = None,
) -> list[Finding]:
    """Everything that the assistant claims in a call, as far as it was heard, each with its turn and its second.

    Args:
        language: the one that the assistant should speak; None: any.
        words: when each word of a turn has been spoken, by item id, as `heard_text` takes it.
        starts_s: when a turn's sound begins, by item id, where that is known better than from the turn.

    >>> turn = Turn("item_1", "assistant", "It is the Meadow Four for $250.", "It is the Meadow Four for $250.", "done",
    ...     2000.0, 5000.0, audio_ms=3000.0, heard_ms=3000.0)
    >>> [(f.words, f.turn_id, f.at_s, f.timing) for f in check_turns([turn], Catalog.load()) if f.verdict == "false"]
    [('$250', 'item_1', 4.52, 'interpolated')]
    """
    found: list[Finding] = []
    spoken_of: list[str] = []
    for turn in turns:
        if not turn.heard.strip():
            continue
        if turn.role == "assistant":
            timed = (words or {}).get(turn.item_id, ())
            start_s = (starts_s or {}).get(turn.item_id, turn.started_ms / 1000)
            for finding in check(turn.heard, catalog, customer, medium="speech", language=language, earlier=spoken_of):
                at_s, timing = second(turn, finding.start, timed, start_s)
                found.append(replace(finding, turn_id=turn.item_id, at_s=at_s, timing=timing))
        if turn.role in ("assistant", "user"):
            named = [m.sku for m in find_mentions(turn.heard, catalog, heard=True)]
            spoken_of = list(dict.fromkeys(named)) or spoken_of
    return found


def check_recording(
    recording: Recording, catalog: Catalog, customer: Customer | None = None, *, language: str | None = None
) -> list[Finding]:
    """The same for a recording: seconds are on its session clock, from what the player really played."""
    starts = {item.item_id: item.started_ms / 1000 for item in recording.timeline().items}
    return check_turns(recording.conversation.turns, catalog, customer, language=language, starts_s=starts)


def second(
    turn: Turn, at: int, words: Sequence[WordTime] = (), start_s: float | None = None
) -> tuple[float | None, Timing | None]:
    """When the letter at this place of a turn was spoken, and how that is known.

    With the times of the words it is the end of the word before; without, the share of the text that stands before
    is taken for the share of the sound. A turn without sound has no second.
    """
    begin = turn.started_ms / 1000 if start_s is None else start_s
    spoken = list(re.finditer(r"\S+", turn.text))
    if words and [word.word for word in words] == [match[0] for match in spoken]:
        index = sum(match.end() <= at for match in spoken)
        return round(begin + (words[index - 1].end_ms / 1000 if index else 0.0), 2), "words"
    if turn.audio_ms <= 0 or not turn.text:
        return None, None
    return round(begin + turn.audio_ms / 1000 * at / len(turn.text), 2), "interpolated"
