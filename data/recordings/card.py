"""The tables of the data card: what is in the bundles, counted in the bundles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scenario import Scenario

from contoso_lab.recording import Recording

BEGIN, END = "<!-- begin: made by make.py -->", "<!-- end -->"


@dataclass(frozen=True, slots=True)
class Totals:
    """What there is in all; the card says it, and a test counts it again."""

    calls: int
    scenarios: int
    pairs: int
    customers: int
    voices: int
    personas: int
    minutes: float
    turns: int
    megabytes: float

    def lines(self) -> list[str]:
        """The rows of the card's first table."""
        rows = {
            "calls": f"{self.calls}",
            "scenarios": f"{self.scenarios}",
            "scenarios held with two personas": f"{self.pairs}",
            "customers": f"{self.customers}",
            "customers' voices": f"{self.voices}",
            "personas": f"{self.personas}",
            "minutes": f"{self.minutes:.1f}",
            "labelled turns of customers": f"{self.turns}",
            "size, MB": f"{self.megabytes:.1f}",
        }
        return ["| what | how much |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]


def bundles(folder: Path) -> list[Recording]:
    """Every recording of the corpus, by name."""
    return [Recording.open(place.parents[1]) for place in sorted(folder.glob("*/labels/author.json"))]


def totals(recordings: Iterable[Recording], scenarios: Mapping[str, Scenario]) -> Totals:
    """Count."""
    found = list(recordings)
    held = Counter(recording.manifest.scenario for recording in found)
    labels = [recording.labels() for recording in found]
    return Totals(
        calls=len(found),
        scenarios=len(held),
        pairs=sum(count > 1 for count in held.values()),
        customers=len({recording.manifest.customer for recording in found}),
        voices=len({scenarios[name].voice for name in held if scenarios[name].lines}),
        personas=len({recording.manifest.persona for recording in found}),
        minutes=sum(recording.duration_ms for recording in found) / 60_000,
        turns=sum(len(one.turns) for one in labels if one is not None),
        megabytes=sum(size_bytes(recording.path) for recording in found) / 1e6,
    )


def size_bytes(folder: Path) -> int:
    """What a bundle takes, without what is derived from it."""
    files = (file for file in folder.rglob("*") if file.is_file() and "derived" not in file.parts)
    return sum(file.stat().st_size for file in files)


def write_card(folder: Path, scenarios: Iterable[Scenario]) -> None:
    """Replace the tables in README.md by what is in the bundles now."""
    by_name = {scenario.id: scenario for scenario in scenarios}
    recordings = bundles(folder)
    table = [*totals(recordings, by_name).lines(), "", *_calls(recordings, by_name)]
    place = folder / "README.md"
    text = place.read_text("utf-8")
    before, rest = text.split(BEGIN)
    place.write_text(f"{before}{BEGIN}\n" + "\n".join(table) + f"\n{END}{rest.split(END)[1]}", encoding="utf-8")


def _calls(recordings: Iterable[Recording], scenarios: Mapping[str, Scenario]) -> list[str]:
    rows = ["| call | customer, voice | line, room | delays | s | what it is for |", "|---|---|---|---|---|---|"]
    for recording in recordings:
        scenario = scenarios[recording.manifest.scenario]
        snr = "" if scenario.room.snr_db is None else f" {scenario.room.snr_db:g} dB"
        rows.append(
            f"| {recording.id} | {scenario.customer}, {scenario.voice} | {scenario.line}, {scenario.room.kind}{snr} | "
            f"{scenario.waits} | {recording.duration_ms / 1000:.0f} | {scenario.about} |"
        )
    return rows
