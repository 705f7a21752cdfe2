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
from contoso_lab.evaluation.advice import Advice, advice
from contoso_lab.evaluation.answer import answer, listed, reasons
from contoso_lab.evaluation.gates import GateResult
from contoso_lab.evaluation.pictures import pictures
from contoso_lab.evaluation.results import Results
from contoso_lab.evaluation.run import gates_of
from contoso_lab.recording import Recording
from contoso_lab.report.comparison import Comparison, compare
from contoso_lab.report.waits import milliseconds, waits_of
from contoso_lab.report.webpage import page
from contoso_lab.scoring.scores import Row, Scores
from contoso_lab.scoring.tables import html_table

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
    drawn = pictures(scores, comparisons, places)
    summary = _summary(results, scores, comparisons, gates_of(results), worst, anchors, drawn)
    place = path or results.path / "report.html"
    return page(recordings, place, names=names, summary=summary, title=_title(results), lede=_lede(results, scores))


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
    pictures: Sequence[tuple[Figure, str]],
) -> str:
    question = str(results.about["suite"].get("question") or "")
    parts = [f"<p class='question'>{escape(question)}</p>" if question else ""]
    for comparison in comparisons:
        parts += [f"<p class='answer'>{escape(answer(comparison))}</p>", _reasons(comparison)]
    if gates:
        items = "".join(f"<li class='{gate.outcome.split()[0]}'>{escape(str(gate))}</li>" for gate in gates)
        parts.append(f"<h2>{_held(gates)}</h2><ul class='gates'>{items}</ul>")
    if worst:
        items = "".join(_item(turn, anchors) for turn in worst)
        parts.append(f"<h2>Listen to these first</h2><ul class='worst'>{items}</ul>")
    parts.append(f"<div class='pictures'>{''.join(_picture(*picture) for picture in pictures)}</div>")
    for comparison in comparisons:
        first, second = comparison.names
        parts.append(f"<h2>All numbers, from {escape(first)} to {escape(second)}</h2>")
        parts.append(_wide(comparison._repr_html_()))
        if found := advice(scores[first], scores[second], comparison):
            titles = [comparison[one.metric].metric.about for one in found]
            table = html_table(Advice.HEAD, [one.cells for one in found], titles=titles)
            parts.append(f"<h2>What to buy next</h2>{_wide(table)}")
    if not comparisons:
        parts += [f"<h2>{escape(name)}</h2>{_wide(found._repr_html_())}" for name, found in scores.items()]
    return f"<section class='run'>{''.join(parts)}</section>"


def _reasons(comparison: Comparison) -> str:
    """Why, as a list: what is better or worse in full, all else in a line for each word."""
    found = reasons(comparison)
    said = [one for one in found if one.word in ("better", "worse")] or [
        one for one in found if one.word == "equivalent"
    ]
    items = "".join(
        f"<li class='{one.word}'><b>{one.word}</b> {escape(one.about)}<br>"
        f"<span>{escape(one.numbers)}</span> <code>{escape(one.metric)}</code></li>"
        for one in said
    )
    rest = {one.word: [other.metric for other in found if other.word == one.word] for one in found if one not in said}
    lines = "".join(
        f"<li class='rest'><b>{_SAID.get(word, word)}</b>: {escape(listed(names))}</li>" for word, names in rest.items()
    )
    return f"<ul class='reasons'>{items}{lines}</ul>" if items or lines else ""


_SAID = {"not shown": "no difference shown"}
"""Under a headline the bare word of a verdict would be read as left out."""


def _held(gates: Sequence[GateResult]) -> str:
    broken = sum(not gate.passed for gate in gates)
    if not broken:
        return f"All {len(gates)} conditions hold" if len(gates) > 1 else "The condition holds"
    return f"{broken} of {len(gates)} conditions do{'es' if broken == 1 else ''} not hold"


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


def _lede(results: Results, scores: dict[str, Scores]) -> str:
    """What was looked at, in a line."""
    calls = [f"{len(found.recordings)} with {name}" for name, found in scores.items()]
    mode = str(results.about["suite"].get("play", {}).get("mode", "rescore"))
    how = {
        "rescore": "as they were recorded",
        "cassette": "from their cassettes",
        "fast": "answered anew",
        "paced": "answered anew in real time",
        "simulated": "of simulated callers",
    }[mode]
    day = str(results.about["made_at"])[:10]
    return f"calls {how}: {listed(calls)} · {len(results.about['metrics'])} metrics · scored {day}"


def _title(results: Results) -> str:
    return f"{results.about['suite']['suite']}: {' against '.join(results.variants)}"
