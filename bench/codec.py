"""Sound into bytes and back, and from one rate to another: how quick are we beside others? One command, two minutes.

    python bench/codec.py            # writes bench/results/codec.md, .json and .png
    python bench/codec.py --quick    # fewer rounds, prints only

All take turns on the same clip, in one run and one thread; what is told is processor time, and the ratio of the same
round. `soxr` (LGPL) and `librosa` are no dependencies of ours: they are put into a folder of their own, as is
`audioop-lts` where Python has no audioop any more, and who cannot be had is named. *copy* is a plain copy of what goes
in and of what comes out: nothing that is done in memory can be quicker.
"""

from __future__ import annotations

import argparse
import base64
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from figures import Figure, machine, machine_line, write_figures

from contoso_lab.audio import (
    ALAW_8K,
    PCM16_24K,
    ULAW_8K,
    Clip,
    Resampler,
    decode,
    encode,
    from_base64,
    resample,
    to_base64,
)  # fmt: skip

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
PEERS = ("soxr", "librosa", "pydub", "audioop-lts; python_version >= '3.13'")
SIZES_S = {"20 ms": 0.02, "2 minutes": 120.0}
GROWTH_S = (0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 240.0)
RATES = ((24_000, 16_000), (24_000, 8_000), (48_000, 24_000), (8_000, 24_000), (24_000, 48_000), (44_100, 24_000))
resampling = importlib.import_module("contoso_lab.audio.resample")

Work = Callable[[], object]


class Contest(NamedTuple):
    """One thing that all do, each in its way."""

    name: str
    size: str
    who: dict[str, Work]
    goal: dict[str, float]
    """How many times another's time ours may take."""


class Outcome(NamedTuple):
    """What came of one contest, by name: the time in µs, and ours divided by it, round by round."""

    name: str
    size: str
    us: dict[str, float]
    ratios: dict[str, list[float]]
    goal: dict[str, float]

    def ratio(self, peer: str) -> tuple[float, float, float]:
        """Quartile, median, quartile."""
        low, middle, high = np.percentile(self.ratios[peer], [25, 50, 75])
        return float(low), float(middle), float(high)


def main() -> None:
    """Let them run, and say who was how quick."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--results", type=Path, help="where the table goes; with --quick nowhere")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "codec-bench", help="for the peers")
    asked = parser.parse_args()
    before = machine("numpy", "scipy", "pybase64")
    peers, missing = get_peers(asked.work)
    rounds = 7 if asked.quick else 25
    outcomes = []
    for contest in contests(peers):
        print(f"… {contest.name}, {contest.size}", file=sys.stderr, flush=True)
        outcomes.append(hold(contest, rounds))
    growth = {} if asked.quick else grow()
    quality = {} if asked.quick else aliases(peers)
    waiting = held_back(peers)
    text = report(before, outcomes, waiting, quality, missing, peers)
    place = asked.results or (None if asked.quick else RESULTS)
    if place is not None:
        draw(outcomes, growth, place / "codec.png")
        text += "\n![Time beside others, and with the length of the clip](codec.png)\n"
        (place / "codec.md").write_text(text, encoding="utf-8")
        rows = [{**outcome._asdict(), "ratios": {k: outcome.ratio(k) for k in outcome.ratios}} for outcome in outcomes]
        (place / "codec.json").write_text(json.dumps({"machine": before, "rows": rows}, indent=1) + "\n", "utf-8")
    write_figures("codec", figures(outcomes, waiting), growth=growth)
    print(text)


def get_peers(work: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The peers' modules by name, and why others are not there."""
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    sys.path.append(str(work))  # at the end: what we have ourselves is not replaced
    for wanted in PEERS:
        name = {"audioop-lts": "audioop"}.get(plain := wanted.partition(";")[0], plain)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    found[name] = importlib.import_module(name)
                except ImportError:
                    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(work), wanted]
                    subprocess.run(pip, check=True, capture_output=True, timeout=240)
                    importlib.invalidate_caches()
                    found[name] = importlib.import_module(name)
        except (ImportError, subprocess.SubprocessError) as error:
            missing[plain] = f"it could not be installed or imported here ({type(error).__name__})"
    return found, missing


def contests(peers: dict[str, Any]) -> list[Contest]:
    """All that is measured."""
    speech = Clip.load(next(iter(sorted((ROOT / "data" / "speech").glob("*.wav"))))).resampled(24_000).samples
    found: list[Contest] = []
    for size, seconds in SIZES_S.items():
        floats = cut(speech, seconds, 24_000)
        found += pcm_contests(size, floats, peers)
        found += law_contests(size, cut(speech, seconds, 8_000), peers)
    for from_hz, to_hz in RATES:
        found += rate_contests(cut(speech, 10.0, from_hz), from_hz, to_hz, peers)
    return found


def cut(samples: np.ndarray, seconds: float, rate_hz: int) -> np.ndarray:
    """So many seconds of it, taken to be at that rate; it begins again where it ends."""
    return np.resize(samples, round(seconds * rate_hz)).astype(np.float32)


def pcm_contests(size: str, floats: np.ndarray, peers: dict[str, Any]) -> list[Contest]:
    """PCM16 and base64."""
    data = encode(floats, PCM16_24K)
    text = to_base64(data)
    wide, narrow = np.empty_like(floats), np.empty(len(floats), np.int16)

    def copy() -> None:
        np.copyto(wide, floats)
        narrow.tobytes()

    from_pcm: dict[str, Work] = {
        "ours": lambda: decode(data, PCM16_24K),
        "plain numpy": lambda: np.frombuffer(data, "<i2").astype(np.float32) / 32768,
        "copy": copy,
    }
    if "librosa" in peers:
        from_pcm["librosa"] = lambda: peers["librosa"].util.buf_to_float(data)
    return [
        Contest(
            "float32 to PCM16", size,
            {
                "ours": lambda: encode(floats, PCM16_24K),
                "plain numpy": lambda: np.clip(np.rint(floats * 32768), -32768, 32767).astype("<i2").tobytes(),
                "copy": copy,
            },
            {"plain numpy": 2.0},
        ),
        Contest("PCM16 to float32", size, from_pcm, {"plain numpy": 2.0, "librosa": 1.0}),
        Contest(
            "base64, to text", size,
            {"ours": lambda: to_base64(data), "standard library": lambda: base64.b64encode(data).decode()},
            {"standard library": 1.0},
        ),
        Contest(
            "base64, to bytes", size,
            {
                "ours": lambda: from_base64(text),
                "standard library": lambda: base64.b64decode(text, validate=True),
            },
            {"standard library": 1.0},
        ),
    ]  # fmt: skip


def law_contests(size: str, floats: np.ndarray, peers: dict[str, Any]) -> list[Contest]:
    """G.711: from float32 to the line and back."""
    found = []
    for law, fmt in (("ulaw", ULAW_8K), ("alaw", ALAW_8K)):
        codes = encode(floats, fmt)
        table = np.arange(65536, dtype=np.uint8)
        back = np.arange(256, dtype=np.float32)
        coding: dict[str, Work] = {
            "ours": lambda fmt=fmt: encode(floats, fmt),
            "plain numpy": lambda table=table: table[
                np.clip(np.rint(floats * 32768), -32768, 32767).astype(np.int16).view(np.uint16)
            ].tobytes(),
        }
        decoding: dict[str, Work] = {
            "ours": lambda codes=codes, fmt=fmt: decode(codes, fmt),
            "plain numpy": lambda codes=codes, back=back: back[np.frombuffer(codes, np.uint8)],
        }
        if "audioop" in peers:
            lin2, to_lin = getattr(peers["audioop"], f"lin2{law}"), getattr(peers["audioop"], f"{law}2lin")
            coding["audioop"] = lambda lin2=lin2: lin2(
                np.clip(np.rint(floats * 32768), -32768, 32767).astype("<i2").tobytes(), 2
            )
            decoding["audioop"] = lambda codes=codes, to_lin=to_lin: (
                np.frombuffer(to_lin(codes, 2), "<i2").astype(np.float32) / 32768
            )
        goal = {"plain numpy": 2.0, "audioop": 1.0}
        found += [Contest(f"float32 to {law}", size, coding, goal), Contest(f"{law} to float32", size, decoding, goal)]
    return found


def rate_contests(floats: np.ndarray, from_hz: int, to_hz: int, peers: dict[str, Any]) -> list[Contest]:
    """The whole clip, and in chunks of 20 ms with memory in between."""
    from scipy.signal import resample_poly

    name = f"{from_hz} to {to_hz} Hz"
    divisor = int(np.gcd(from_hz, to_hz))
    up, down = to_hz // divisor, from_hz // divisor
    size = from_hz // 50
    chunks = [floats[start : start + size] for start in range(0, len(floats), size)]
    pcm = encode(floats, PCM16_24K)
    pieces = [encode(chunk, PCM16_24K) for chunk in chunks]

    def by_taps(what: Work) -> Work:
        def work() -> object:
            kept, resampling._tile = resampling._tile, lambda up, down: None
            try:
                return what()
            finally:
                resampling._tile = kept

        return work

    def stream() -> None:
        resampler = Resampler(from_hz, to_hz)
        for chunk in chunks:
            resampler.push(chunk)

    whole: dict[str, Work] = {
        "ours": lambda: resample(floats, from_hz, to_hz),
        "ours, before": by_taps(lambda: resample(floats, from_hz, to_hz)),
        "scipy": lambda: resample_poly(floats, up, down),
    }
    streamed: dict[str, Work] = {"ours": stream, "ours, before": by_taps(stream)}
    if "soxr" in peers:
        soxr = peers["soxr"]
        whole["soxr"] = lambda: soxr.resample(floats, from_hz, to_hz, "HQ")

        def soxr_stream() -> None:
            resampler = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
            for chunk in chunks:
                resampler.resample_chunk(chunk)

        streamed["soxr"] = soxr_stream
    if "librosa" in peers:
        whole["librosa"] = lambda: peers["librosa"].resample(floats, orig_sr=from_hz, target_sr=to_hz)
    if "pydub" in peers:
        segment = peers["pydub"].AudioSegment(pcm, sample_width=2, frame_rate=from_hz, channels=1)
        whole["pydub"] = lambda: segment.set_frame_rate(to_hz)
    if "audioop" in peers:
        ratecv = peers["audioop"].ratecv

        def ratecv_stream() -> None:
            state = None
            for piece in pieces:
                _, state = ratecv(piece, 2, 1, from_hz, to_hz, state)

        streamed["audioop"] = ratecv_stream
    goal = {peer: 1.0 for peer in ("soxr", "librosa", "pydub", "scipy", "audioop")}
    return [Contest(name, "10 s", whole, goal), Contest(name, "500 chunks of 20 ms", streamed, goal)]


def hold(contest: Contest, rounds: int) -> Outcome:
    """Let all take turns; the order changes every round."""
    repeats = {who: max(1, round(0.004 / max(1e-7, _once(work, 1)))) for who, work in contest.who.items()}
    taken: dict[str, list[float]] = {who: [] for who in contest.who}
    order = list(contest.who)
    for _ in range(rounds):
        order.append(order.pop(0))
        for who in order:
            taken[who].append(_once(contest.who[who], repeats[who]))
    us = {who: 1e6 * float(np.median(times)) for who, times in taken.items()}
    ratios = {
        who: [ours / theirs for ours, theirs in zip(taken["ours"], times, strict=True)]
        for who, times in taken.items()
        if who != "ours"
    }
    return Outcome(contest.name, contest.size, us, ratios, contest.goal)


def _once(work: Work, repeats: int) -> float:
    work()
    began = time.thread_time()
    for _ in range(repeats):
        work()
    return (time.thread_time() - began) / repeats


def grow() -> dict[str, list[tuple[float, float]]]:
    """How our time grows with the length of the clip: (seconds, ms)."""
    works: dict[str, Callable[[np.ndarray], object]] = {
        "float32 to PCM16": lambda floats: encode(floats, PCM16_24K),
        "float32 to ulaw": lambda floats: encode(floats, ULAW_8K),
        "24000 to 16000 Hz": lambda floats: resample(floats, 24_000, 16_000),
        "base64, to text": lambda floats: to_base64(floats),
    }
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, round(GROWTH_S[-1] * 24_000)).astype(np.float32)
    found: dict[str, list[tuple[float, float]]] = {}
    for name, work in works.items():
        for seconds in GROWTH_S:
            clip = noise[: round(seconds * 24_000)]
            best = min(_once(lambda clip=clip, work=work: work(clip), 1) for _ in range(7))
            found.setdefault(name, []).append((seconds, 1000 * best))
    return found


def aliases(peers: dict[str, Any]) -> dict[str, float]:
    """How far below itself each holds a tone of 7 kHz that 24 to 8 kHz must not let through, in dB."""
    from scipy.signal import resample_poly

    tone = (0.5 * np.sin(2 * np.pi * 7_000 / 24_000 * np.arange(24_000))).astype(np.float32)
    heard: dict[str, np.ndarray] = {"ours": resample(tone, 24_000, 8_000), "scipy": resample_poly(tone, 1, 3)}
    if "soxr" in peers:
        heard["soxr"] = peers["soxr"].resample(tone, 24_000, 8_000, "HQ")
    if "audioop" in peers:
        data, _ = peers["audioop"].ratecv(encode(tone, PCM16_24K), 2, 1, 24_000, 8_000, None)
        heard["audioop, pydub"] = decode(data, PCM16_24K)
    level = float(np.mean(tone.astype(float) ** 2))
    middle = slice(400, -400)
    return {
        who: float(10 * np.log10(level / (np.mean(out[middle].astype(float) ** 2) + 1e-30)))
        for who, out in heard.items()
    }


def held_back(peers: dict[str, Any]) -> dict[str, dict[str, float]]:
    """How much sound waits inside at most when it comes in chunks of 20 ms, in ms: a call adds that to every wait."""
    found: dict[str, dict[str, float]] = {}
    for from_hz, to_hz in RATES:
        streams: dict[str, Callable[[np.ndarray], np.ndarray]] = {"ours": Resampler(from_hz, to_hz).push}
        if "soxr" in peers:
            streams["soxr"] = peers["soxr"].ResampleStream(from_hz, to_hz, 1, "float32", "HQ").resample_chunk
        silence = np.zeros(from_hz // 50, dtype=np.float32)
        for who, push in streams.items():
            given = np.cumsum([len(push(silence)) for _ in range(100)])
            waiting = 20.0 * np.arange(1, 101) - 1000 * given / to_hz
            found.setdefault(f"{from_hz} to {to_hz} Hz", {})[who] = float(waiting[20:].max())
    return found


def figures(outcomes: list[Outcome], waiting: dict[str, dict[str, float]]) -> list[Figure]:
    """What goes into the one table of all benches."""
    found = []
    for outcome in outcomes:
        for peer in outcome.ratios:
            if peer in outcome.goal:
                name = f"{outcome.name}, {outcome.size}: of {peer}'s time"
                found.append(Figure(name, outcome.ratio(peer)[1], "×", outcome.goal[peer]))
            elif peer == "ours, before":
                found.append(Figure(f"{outcome.name}, {outcome.size}: of our own before", outcome.ratio(peer)[1], "×"))
    for name, ms in waiting.items():
        if "soxr" in ms:
            found.append(
                Figure(f"{name}, as it streams: sound held back, of soxr's", ms["ours"] / ms["soxr"], "×", 1.0)
            )
    return found


def report(
    before: dict[str, str],
    outcomes: list[Outcome],
    waiting: dict[str, dict[str, float]],
    quality: dict[str, float],
    missing: dict[str, str],
    peers: dict[str, Any],
) -> str:
    """The findings as Markdown."""
    found = figures(outcomes, waiting)
    slower = [each for each in found if each.met is False]
    lines = [
        "# The codec, measured beside others",
        "",
        f"`python bench/codec.py`, {machine_line(before)}",
        "",
        "Processor time of one thread; ratios are ours divided by theirs in the same round, the median of the rounds "
        "with quartiles: below 1 we are quicker. *Before* is our resampler as it was, by `scipy.signal.upfirdn`.",
        "",
        "| what | how much | ours | beside |",
        "|---|---|--:|---|",
    ]
    for outcome in outcomes:
        beside = []
        for peer in outcome.ratios:
            low, middle, high = outcome.ratio(peer)
            missed = middle > outcome.goal.get(peer, float("inf"))
            words = f"{middle:.2f} [{low:.2f} to {high:.2f}] × {peer}"
            beside.append(f"**{words}**" if missed else words)
        lines.append(f"| {outcome.name} | {outcome.size} | {_time(outcome.us['ours'])} | {'; '.join(beside)} |")
    lines += [
        "",
        f"Goals missed (bold): {len(slower)} of {sum(each.met is not None for each in found)}.",
        "",
    ]
    held = "; ".join(
        f"{name} " + ", ".join(f"{who} {ms:.1f} ms" for who, ms in each.items()) for name, each in waiting.items()
    )
    lines += [
        "A call pays for sound that a resampler holds back more than for the processor: each answer waits for it. In "
        f"chunks of 20 ms there is at most so much inside: {held}.",
        "",
    ]
    if quality:
        said = ", ".join(f"{who} {db:.0f} dB" for who, db in quality.items())
        lines += [
            f"Speed is not all: a tone of 7 kHz that 24 to 8 kHz must not let through comes out lower by: {said}.",
            "",
        ]
    versions = ", ".join(f"{name} {getattr(each, '__version__', 'of Python')}" for name, each in peers.items())
    lines += [f"Peers: {versions}, and scipy's `resample_poly`.", ""]
    lines += [f"- **{name}** is left out: {why}." for name, why in missing.items()]
    return "\n".join(lines)


def _time(us: float) -> str:
    return f"{us:.1f} µs" if us < 1000 else f"{us / 1000:.2f} ms"


def draw(outcomes: list[Outcome], growth: dict[str, list[tuple[float, float]]], place: Path) -> None:
    """Ratios as points on a log axis, and time over length on two."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 8), layout="constrained", width_ratios=(3, 2))
    colors = {}
    for row, outcome in enumerate(outcomes):
        for peer in outcome.ratios:
            if peer == "copy":
                continue
            colors.setdefault(peer, f"C{len(colors)}")
            left.plot(outcome.ratio(peer)[1], row, "o", color=colors[peer], markersize=5)
    for peer, color in colors.items():
        left.plot([], [], "o", color=color, label=peer)
    left.set_xscale("log")
    left.axvline(1, color="grey", linewidth=1)
    left.set_yticks(range(len(outcomes)), [f"{each.name}, {each.size}" for each in outcomes], fontsize=8)
    left.invert_yaxis()
    left.set_xlabel("our time divided by theirs; left of the line we are quicker")
    left.legend(frameon=False, fontsize=8)
    for name, points in growth.items():
        right.plot(*zip(*points, strict=True), "o-", label=name, markersize=4)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel("seconds of sound")
    right.set_ylabel("ms")
    right.legend(frameon=False, fontsize=8)
    figure.savefig(place, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
