"""A run of a suite as one page that can be sent to anybody: the answer first, then why, then the calls to listen to.

It is the page of `report.webpage` with a part on top: what to do, the gates, what changed from variant to variant,
pictures, and the worst turns, each a button that opens the call at that second. No server, no key, no kernel.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.audio import to_base64
from contoso_lab.errors import ScoringError
from contoso_lab.evaluation.gates import GateResult
from contoso_lab.evaluation.results import Results
from contoso_lab.evaluation.run import gates_of
from contoso_lab.recording import Recording
from contoso_lab.report.charts import paired_dots, waits_ecdf
from contoso_lab.report.comparison import Comparison, compare
from contoso_lab.report.waits import milliseconds, waits_of
from contoso_lab.report.webpage import page
from contoso_lab.scoring.scores import Row, Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAIT = "voice_to_voice_ms"
MOST_CALLS = 6
"""Calls whose sound is in the page; a call of five minutes takes about 5 MB."""
WORST = 8


@dataclass(frozen=True, slots=True)
class WorstTurn:
    """A turn that somebody should listen to."""

    variant: str
    recording: str
    said: str
    value: str
    at_ms: float | None
    """Where to listen from, on the session clock; None where the sound does not tell."""


def run_page(results: Results, path: Path | str | None = None, *, most_calls: int = MOST_CALLS) -> Path:
    """Write a run as a page, and return where it is; beside the results unless a path is given.

    Args:
        results: the run.
        path: the file to write.
        most_calls: calls whose sound goes into the page, the ones with the worst turns first.

    Raises:
        ScoringError: the run has no scores, or its recordings are gone.
        MissingExtra: matplotlib is not installed.
    """
    scores = {variant: results.scores(variant) for variant in results.variants}
    places = _places(results)
    worst = worst_turns(scores, places)
    chosen = _chosen(worst, scores, most_calls)
    recordings = [Recording.open(places[key]) for key in chosen]
    names = [
        f"{variant} · {recording.manifest.scenario or recording.id}"
        for (variant, _), recording in zip(chosen, recordings, strict=True)
    ]
    anchors = {key: f"call-{number}" for number, key in enumerate(chosen, start=1)}
    comparisons = _comparisons(scores)
    summary = _summary(results, scores, comparisons, gates_of(results), worst, anchors)
    return page(recordings, path or results.path / "report.html", names=names, summary=summary, title=_title(results))


def answer(comparison: Comparison) -> str:
    """What a comparison says to do, in a sentence or two.

    Better at something and worse at nothing is a reason to change; anything else is said as it is.
    """
    first, second = comparison.names
    words: dict[str, list[str]] = {}
    for difference in comparison:
        if difference.verdict is not None:
            words.setdefault(difference.verdict.word, []).append(difference.metric.name)
    better, worse = words.get("better", []), words.get("worse", [])
    if better and worse:
        return f"A trade: {second} is better at {_list(better)}, and worse at {_list(worse)}."
    if better:
        return f"Take {second}: it is better at {_list(better)}, and worse at nothing that was measured."
    if worse:
        return f"Keep {first}: {second} is worse at {_list(worse)}, and better at nothing that was measured."
    equivalent = words.get("equivalent", [])
    if equivalent and not words.get("not shown") and not words.get("too few calls to say"):
        return f"Either will do: {first} and {second} are equivalent at {_list(equivalent)}."
    more = [d.verdict.more_calls for d in comparison if d.verdict is not None and d.verdict.more_calls is not None]
    need = f" About {min(more)} more pairs of calls would show the largest of the differences seen." if more else ""
    return f"No difference between {first} and {second} was shown. That is not the same as none.{need}"


def worst_turns(
    scores: dict[str, Scores], places: dict[tuple[str, str], Path], *, most: int = WORST
) -> list[WorstTurn]:
    """The longest waits of a run, unanswered turns before all, and where to hear them."""
    rows = [(variant, row) for variant, found in scores.items() if WAIT in found.metrics for row in found.of(WAIT)]
    told = [(variant, row) for variant, row in rows if row.status in ("ok", "censored")]
    told.sort(key=lambda pair: (pair[1].status != "censored", -_length(pair[1])))
    found: list[WorstTurn] = []
    for variant, row in told[:most]:
        place = places.get((variant, row.recording))
        if place is None or not place.is_dir():
            continue
        number = None if row.turn is None else row.turn + 1
        wait = next((wait for wait in waits_of(Recording.open(place)) if wait.number == number), None)
        value = f"no answer in {milliseconds(_length(row))}" if row.status == "censored" else milliseconds(_length(row))
        asked = (wait.asked if wait else "") or "(no words)"
        found.append(WorstTurn(variant, row.recording, asked, value, wait.listen_ms if wait else None))
    return found


def _length(row: Row) -> float:
    value = row.at_least if row.status == "censored" else row.value
    return float(value or 0.0)


def _places(results: Results) -> dict[tuple[str, str], Path]:
    places = {(variant, path.name): path for variant in results.variants for path in results.recordings(variant)}
    if gone := [path for path in places.values() if not path.is_dir()]:
        raise ScoringError(
            f"{results.id}: {len(gone)} of its recordings are gone, first {gone[0]}: run the suite again"
        )
    return places


def _chosen(worst: Sequence[WorstTurn], scores: dict[str, Scores], most: int) -> list[tuple[str, str]]:
    """Which calls go in: those with the worst turns, and of each the same customer with the other variants."""
    scenario = {(variant, row.recording): row.scenario for variant, found in scores.items() for row in found}
    wanted: dict[tuple[str, str], None] = {}
    for turn in worst:
        key = (turn.variant, turn.recording)
        others = [other for other, name in scenario.items() if name == scenario[key] and other[0] != turn.variant]
        wanted.update(dict.fromkeys([key, *others[:1]]))
    wanted.update(dict.fromkeys(scenario))
    return list(wanted)[:most]


def _comparisons(scores: dict[str, Scores]) -> list[Comparison]:
    """The first variant against each of the others, where they share calls."""
    first, *others = scores
    found = []
    for other in others:
        if {row.scenario for row in scores[first]} & {row.scenario for row in scores[other]}:
            found.append(compare(scores[first], scores[other], names=(first, other)))
    return found


def _summary(
    results: Results,
    scores: dict[str, Scores],
    comparisons: Sequence[Comparison],
    gates: Sequence[GateResult],
    worst: Sequence[WorstTurn],
    anchors: dict[tuple[str, str], str],
) -> str:
    question = str(results.about["suite"].get("question") or "")
    parts = [f"<p class='question'>{escape(question)}</p>" if question else ""]
    parts += [f"<p class='answer'>{escape(answer(comparison))}</p>" for comparison in comparisons]
    if gates:
        items = "".join(f"<li class='{gate.outcome.split()[0]}'>{escape(str(gate))}</li>" for gate in gates)
        parts.append(f"<h2>What had to hold</h2><ul class='gates'>{items}</ul>")
    for comparison in comparisons:
        parts.append(f"<h2>From {escape(comparison.names[0])} to {escape(comparison.names[1])}</h2>")
        parts.append(_wide(comparison._repr_html_()))
    if not comparisons:
        parts += [f"<h2>{escape(name)}</h2>{_wide(found._repr_html_())}" for name, found in scores.items()]
    parts.append(f"<div class='pictures'>{''.join(_pictures(scores, comparisons))}</div>")
    if worst:
        parts.append(
            f"<h2>Listen to these first</h2><ul class='worst'>{''.join(_item(turn, anchors) for turn in worst)}</ul>"
        )
    return f"<section class='run'>{''.join(parts)}</section>"


def _pictures(scores: dict[str, Scores], comparisons: Sequence[Comparison]) -> list[str]:
    waited = {name: found for name, found in scores.items() if any(row.status == "ok" for row in _waits(found))}
    pictures = []
    if waited:
        pictures.append(
            _picture(waits_ecdf(dict(list(waited.items())[:5])), "Which share of turns was answered within a time")
        )
    for comparison in comparisons:
        first, second = comparison.names
        if first in waited and second in waited and comparison[WAIT].difference is not None:
            drawn = paired_dots(scores[first], scores[second], WAIT, names=comparison.names)
            pictures.append(_picture(drawn, f"The mean wait of each customer, with {first} and with {second}"))
    return pictures


def _waits(found: Scores) -> tuple[Row, ...]:
    return found.of(WAIT) if WAIT in found.metrics else ()


def _picture(figure: Figure, words: str) -> str:
    file = io.BytesIO()
    # No date in it: the same results make the same page.
    figure.savefig(file, format="svg", metadata={"Date": None})
    source = f"data:image/svg+xml;base64,{to_base64(file.getvalue())}"
    image = f"<img src='{source}' alt='{escape(words, quote=True)}'>"
    return f"<figure>{image}<figcaption>{escape(words)}</figcaption></figure>"


def _item(turn: WorstTurn, anchors: dict[tuple[str, str], str]) -> str:
    words = f"<b>{escape(turn.value)}</b> {escape(turn.variant)} · “{escape(turn.said)}”"
    anchor = anchors.get((turn.variant, turn.recording))
    if anchor is None:
        return f"<li><p>{words} <small>{escape(turn.recording)}, not in this page</small></p></li>"
    seek = "" if turn.at_ms is None else f" data-at='{turn.at_ms / 1000:.3f}'"
    return f"<li><button data-jump='{anchor}'{seek}>{words}</button></li>"


def _wide(html: str) -> str:
    return f"<div class='wide' tabindex='0' role='region' aria-label='table'>{html}</div>"


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _title(results: Results) -> str:
    return f"{results.about['suite']['suite']}: {' against '.join(results.variants)}"
