"""Let the customers of a suite talk with its variants anew, before anything is scored.

All variants go into one plan of the fleet, interleaved, so that a slow minute of a target hits all alike. A run that is
killed is gone on with: what was played is not played again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from contoso_lab.errors import ReplayError
from contoso_lab.evaluation.suite import Play, Suite, Variant
from contoso_lab.replay import fleet
from contoso_lab.settings import Target

Progress = Callable[[str], None]


async def played(
    suite: Suite,
    calls: Mapping[str, Sequence[Path]],
    into: Path,
    *,
    workers: int = 0,
    progress: Progress = lambda _: None,
) -> dict[str, list[Path]]:
    """Play recordings to variants, or let simulated callers call them, and give the new recordings of each.

    Args:
        suite: how, and what is different about each variant.
        calls: the recordings that each variant answers, or the files of the scenarios.
        into: where the new recordings go; a folder of an earlier, unfinished run is gone on with.
        workers: how many processes; 0 does it in this one.
        progress: called now and then with how far it is.

    Raises:
        ReplayError: a call could not be played; what could is kept.
    """
    found: dict[str, list[Path]] = {}
    for plan in plans_of(suite, calls, into):
        limits = limits_of(suite.play, workers)
        run = await fleet.run_fleet(plan, limits=limits, workers=workers, progress=_teller(progress))
        if run.failed:
            raise ReplayError(
                f"{len(run.failed)} of {len(plan.units)} calls could not be played, first {run.failed[0]}"
            )
        for name in plan.variants:
            found[name] = [recording.path for recording in run.recordings(name)]
    return found


def plans_of(suite: Suite, calls: Mapping[str, Sequence[Path]], into: Path) -> list[fleet.Plan]:
    """The plan of all calls that have to be held; one for each variant where they answer different recordings."""
    wanted = {variant: [path.resolve() for path in paths] for variant, paths in calls.items()}
    same = len({tuple(paths) for paths in wanted.values()}) == 1
    groups = [list(wanted)] if same else [[variant] for variant in wanted]
    target = None
    if suite.play.target:
        named = Target.from_env()
        target = {"kind": named.kind, "base_url": named.base_url, "model": named.model, "chat_model": named.chat_model}
    return [
        fleet.plan(
            into if same else into / group[0],
            wanted[group[0]],
            {name: _variant(suite.variants[name], suite.play) for name in group},
            epochs=suite.play.epochs,
            seed=suite.seed,
            scorers=(),
            target=target,
        )
        for group in groups
    ]


def limits_of(play: Play, workers: int = 0) -> fleet.Limits:
    """What the calls of a suite must not pass."""
    return fleet.Limits(max(play.at_once, 2 * workers), play.per_minute, play.max_usd)


def _variant(variant: Variant, play: Play) -> fleet.Variant:
    detection: dict[str, Any] | None = None
    if variant.vad is not None:
        names = {"threshold": "threshold", "silence_ms": "silence_duration_ms", "prefix_ms": "prefix_padding_ms"}
        asked = variant.vad.model_dump(exclude_none=True)
        detection = {"type": "server_vad", **{names[key]: value for key, value in asked.items()}}
    return fleet.Variant(
        mode="caller" if play.mode == "simulated" else play.mode,
        forced=not play.free_running if play.mode in ("fast", "paced") else None,
        persona=variant.persona,
        voice=variant.voice,
        turn_detection=detection,
        without=tuple(variant.without),
    )


def _teller(progress: Progress) -> Callable[[int, int, float], None]:
    """Say every tenth of the way, and what it has cost."""
    told = -1

    def tell(done: int, units: int, usd: float) -> None:
        nonlocal told
        tenth = 10 * done // max(units, 1)
        if tenth != told:
            told = tenth
            progress(f"{done} of {units} calls played" + (f", ${usd:.2f}" if usd else ""))

    return tell
