"""Fuzz everything that strangers hand us, with atheris, for as long as you like.

    pip install atheris
    python fuzz/run.py --minutes 3                 # every target in turn, three minutes altogether
    python fuzz/run.py --minutes 10 --only prompt recording

It begins with the samples of this repository (`corpus`), follows the branches of our own code, and stops a target at
the first input that raises anything but an error of ours, takes longer than a minute or more than 3 GB. Such an
input is left in `runs/fuzz/`, and belongs into `tests/trust` with the fix.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUT = ROOT / "runs" / "fuzz"
READERS = [
    "contoso_lab.agent.pictures", "contoso_lab.audio", "contoso_lab.engine.script", "contoso_lab.evaluation.suite",
    "contoso_lab.marked_yaml", "contoso_lab.prompts", "contoso_lab.recording", "contoso_lab.relay.access",
    "contoso_lab.replay.scenario", "contoso_lab.shop.catalog_file", "contoso_lab.shop.files", "contoso_lab.shop.manual",
    "contoso_lab.shop.own_catalogue", "contoso_lab.wire",
]  # fmt: skip
"""Whose branches are followed."""
SLOWEST_S, MOST_MB, LONGEST_BYTES = 60, 3000, 20_000


def corpus(name: str) -> Iterator[bytes]:
    """Well-formed samples of what a target reads, to begin with."""
    call = next(iter(sorted((ROOT / "data" / "recordings").glob("*--voice"))))
    events = (call / "events.jsonl").read_bytes()
    yield b""
    yield from (path.read_bytes() for path in sorted((HERE / "corpus" / name).glob("*")) if path.is_file())
    match name:
        case "wire":
            for line in events.splitlines()[:60]:
                yield json.dumps(json.loads(line)["ev"]).encode()
        case "recording":
            yield (call / "manifest.json").read_bytes() + b"\0" + b"\n".join(events.splitlines()[:40]) + b"\n"
        case "import_openai":
            yield b"\n".join(json.dumps(json.loads(line)["ev"]).encode() for line in events.splitlines()[:20])
        case "import_eva":
            yield from _files("tests/recording/samples", "user_simulator_events.jsonl")
        case "prompt":
            yield from _files("prompts", "*.prompty")
        case "persona":
            yield from _files("prompts/personas", "*.yaml")
        case "suite" | "scenario" | "script":
            yield from _files(
                {"suite": "evals", "scenario": "evals/scenarios", "script": "evals/scripts"}[name], "*.yaml"
            )
        case "catalogue_json":
            yield b'{"currency": "EUR", "products": [{"name": "Kayak", "price": "1.249,50", "aliases_de": "Boot"}]}'
            yield b'[{"sku": "TEN-01", "name": "Tent", "price": 9, "packed_cm": "1 x 2 x 3", "manual": "m.md"}]'
        case "catalogue_csv":
            yield b"id;title;cost;features\n1;Kayak;1.249,50 \xe2\x82\xac;a|b\n"
        case "manual":
            yield from _files("data/manuals", "*.md")
        case "sound" | "import_wav":
            yield from _sounds()
        case "picture":
            yield b"data:image/png;base64," + base64.b64encode(next(_pictures()))
            yield from _pictures()
        case "token":
            yield b'Bearer x\0{"persona": "voice", "customer": "maya", "consent": true}'
            yield b'{"session": {"type": "realtime"}, "expires_after": {"anchor": "created_at", "seconds": 60}}'


def _files(folder: str, pattern: str) -> Iterator[bytes]:
    for path in sorted((ROOT / folder).rglob(pattern))[:12]:
        yield path.read_bytes()[:LONGEST_BYTES]


def _pictures() -> Iterator[bytes]:
    import io

    from PIL import Image

    for form in ("PNG", "JPEG", "WEBP", "GIF"):
        file = io.BytesIO()
        Image.new("RGB", (4, 4)).save(file, form)
        yield file.getvalue()


def _sounds() -> Iterator[bytes]:
    import io

    import numpy as np
    import soundfile

    tone = np.sin(np.arange(400) / 5).astype(np.float32) / 2
    for container, subtype in (
        ("WAV", "PCM_16"), ("WAV", "ULAW"), ("WAV", "ALAW"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
    ):  # fmt: skip
        file = io.BytesIO()
        soundfile.write(file, tone, 8000, format=container, subtype=subtype)
        yield file.getvalue()


def one(name: str, seconds: int) -> None:
    """Fuzz one target in this process; libFuzzer ends it."""
    import atheris

    sys.path.insert(0, str(HERE))
    with atheris.instrument_imports(include=READERS):
        import targets

        for sample in corpus(name):  # what it needs is imported now, and watched
            targets.check(name, sample)
    place = OUT / "corpus" / name
    place.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus(name)):
        (place / f"seed-{number}").write_bytes(data)
    options = [
        f"-max_total_time={seconds}", f"-timeout={SLOWEST_S}", f"-rss_limit_mb={MOST_MB}", f"-max_len={LONGEST_BYTES}",
        f"-artifact_prefix={OUT}/{name}-", "-print_final_stats=1", "-verbosity=0", "-seed=20261129",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(place)], lambda data: targets.check(name, data))
    atheris.Fuzz()


def main() -> int:
    """Every target in a process of its own; a table at the end, and 1 when one of them broke."""
    sys.path.insert(0, str(HERE))
    from targets import MEMORY, TARGETS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0, help="altogether")
    parser.add_argument("--only", nargs="+", choices=sorted(TARGETS), help="these targets")
    parser.add_argument("--one", choices=sorted(TARGETS), help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=60, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(args.one, args.seconds)
        return 0
    try:
        import atheris  # noqa: F401 - only asked whether it is there
    except ImportError:
        print("fuzz/run.py needs atheris: pip install atheris (Linux, CPython 3.11 to 3.13)")
        return 2
    names = args.only or list(TARGETS)
    seconds = max(5, round(60 * args.minutes / len(names)))
    OUT.mkdir(parents=True, exist_ok=True)
    broken = 0
    print(f"{'target':<16} {'inputs':>9}  verdict", flush=True)
    for name in names:
        command = [sys.executable, str(Path(__file__)), "--one", name, "--seconds", str(seconds)]
        # libFuzzer ends a process without a chance to tidy up, so what its readers had on disk goes from here.
        with tempfile.TemporaryDirectory(prefix="contoso-lab-fuzz-", dir=MEMORY) as place:
            around = {**os.environ, "TMPDIR": place}
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=around)
        said = done.stdout + done.stderr
        ran = re.search(r"number_of_executed_units:\s*(\d+)", said)
        verdict = "held"
        if done.returncode:
            broken += 1
            log = OUT / f"{name}.log"
            log.write_text(said, encoding="utf-8")
            what = re.search(r"(?m)^ *=== Uncaught Python exception: ===\n(.*)$|^==\d+== ?ERROR: (.*)$", said)
            verdict = f"BROKE: {(what[1] or what[2]) if what else said.strip()[-200:]} ({log})"
        print(f"{name:<16} {ran[1] if ran else '?':>9}  {verdict}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
