"""Make the corpus of recorded calls: the bundles beside this file, and the tables of their card.

    python data/recordings/make.py                    # all of them
    python data/recordings/make.py family_tent        # the calls of one scenario
    python data/recordings/make.py --card             # only the tables in README.md

The customers are synthetic, the assistant is the engine's clerk, the time is virtual: README.md says what that means.
The same packages give the same bytes: every wait, every noise and every id is drawn from a seed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from card import write_card  # noqa: E402 - this folder's
from hold import hold_call  # noqa: E402
from scenario import Scenario, load_scenarios  # noqa: E402
from truth import relabel  # noqa: E402

from contoso_lab.engine.build import Engine, build_engine  # noqa: E402
from contoso_lab.engine.voice import VOICES, Tint  # noqa: E402
from contoso_lab.recording import Recording  # noqa: E402

CUSTOMERS = {
    "deep": Tint(0.53, 0.80),
    "alto": Tint(0.88, 1.09),
    "bright": Tint(1.22, 1.10),
    "young": Tint(1.46, 1.24),
    "tenor": Tint(0.70, 0.90),
    "gruff": Tint(0.60, 0.78),
}
"""Customers' voices beside the engine's own `low` and `high`: the same speaker, with other pitches and formants."""


def main(argv: list[str] | None = None) -> None:
    """Hold the calls that are asked for and write the card."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help="scenarios, or calls as scenario--persona; all by default")
    parser.add_argument("--card", action="store_true", help="write only the tables of README.md")
    parser.add_argument("--labels", action="store_true", help="write only the labels, for lines that stayed the same")
    parser.add_argument("--into", type=Path, default=HERE, help="the folder of the bundles")
    given = parser.parse_args(argv)
    calls = all_calls()
    if given.labels:
        for _, scenario, persona in calls:
            place = given.into / f"{scenario.id}--{persona}"
            if place.exists() and (old := (recording := Recording.open(place)).labels()) is not None:
                recording.add_labels(relabel(scenario, old))
    elif not given.card:
        wanted = [
            call
            for call in calls
            if not given.names or call[1].id in given.names or f"{call[1].id}--{call[2]}" in given.names
        ]
        engine = open_engine()
        for number, scenario, persona in wanted:
            path = hold_call(scenario, persona, engine, given.into, number=number)
            print(f"{path.name}: {sum(file.stat().st_size for file in path.rglob('*') if file.is_file()) >> 10} KiB")
    if given.into == HERE:
        write_card(HERE, load_scenarios())


def all_calls() -> list[tuple[int, Scenario, str]]:
    """Every call with its place in the corpus."""
    pairs = [(scenario, persona) for scenario in load_scenarios() for persona in scenario.personas]
    return [(number, *pair) for number, pair in enumerate(pairs)]


def open_engine() -> Engine:
    """The engine's real parts, with the customers' voices."""
    VOICES.update(CUSTOMERS)
    return build_engine(lambda _: None)


if __name__ == "__main__":
    main()
