"""What a fleet does: each recording with each variant, as often as asked, in an order that is fair.

The order is interleaved: all variants of one call follow each other, so that a slow minute of a target hits all alike.
Everything here is data that JSON can hold, so that a worker on another machine can be told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recording
from contoso_lab.replay.agent import Changes
from contoso_lab.replay.modes import Cassette, Fast, Paced, Rescore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Variant(_Part):
    """How the recordings are played: a mode, and what is different about the agent.

    In the mode `caller` there are no recordings: a simulated caller holds a call of its own.
    """

    mode: Literal["rescore", "cassette", "fast", "paced", "caller"] = "rescore"
    forced: bool | None = None
    """Teacher-forced or free-running; the mode's own way unless given."""
    persona: str | None = None
    voice: str | None = None
    turn_detection: dict[str, Any] | None = None
    tools: bool | None = None
    without: tuple[str, ...] = ()

    @property
    def changes(self) -> Changes:
        """What is different about the agent."""
        return Changes(self.persona, None, self.voice, self.turn_detection, self.tools, None, self.without)

    @property
    def how(self) -> Rescore | Cassette | Fast | Paced:
        """The mode as a value."""
        match self.mode:
            case "rescore":
                return Rescore()
            case "cassette":
                return Cassette()
            case "fast":
                return Fast() if self.forced is None else Fast(forced=self.forced)
            case "paced":
                return Paced() if self.forced is None else Paced(forced=self.forced)
            case "caller":
                raise ReplayError("a simulated caller replays nothing: it has a scenario in place of a recording")

    @property
    def asks(self) -> bool:
        """Whether a target is asked, and so may cost money."""
        return self.mode in ("fast", "paced", "caller")


class Unit(_Part):
    """One piece of work: one recording, played once in one way, or one call of a simulated caller."""

    number: int
    """Its place in the plan, which is also its place in the results."""
    session: str
    """The recording's folder, or the file of a scenario."""
    variant: str
    epoch: int
    seed: int

    @property
    def key(self) -> str:
        """Its name: the same in every run of the same plan."""
        return f"{_name(Path(self.session))}.{self.variant}.{self.epoch}"


class Plan(_Part):
    """All units, and what a worker has to know to do one."""

    run: str
    """The folder of the run, absolute; workers elsewhere see the same file system."""
    units: tuple[Unit, ...]
    variants: dict[str, Variant]
    scorers: tuple[str, ...] | None = None
    """Names of scorers; all of ours unless given, none when empty."""
    relay_url: str | None = None
    engine: str | None = None
    """A function without arguments that gives an engine, as `module:function`; the local engine unless given."""
    target: dict[str, Any] | None = Field(default=None, repr=False)
    """Kind, address and models of a target that is called directly. Its key is read from the environment where the
    work is done: it stands in no file."""

    @property
    def sha256(self) -> str:
        """What makes it this plan: its units and variants."""
        told = self.model_dump_json(exclude={"run"})
        return hashlib.sha256(told.encode()).hexdigest()


def plan(
    run: Path | str,
    recordings: Iterable[Recording | Path | str],
    variants: Mapping[str, Variant],
    *,
    epochs: int = 1,
    seed: int = 0,
    scorers: Iterable[str] | None = None,
    relay_url: str | None = None,
    target: Mapping[str, Any] | None = None,
    engine: str | None = None,
) -> Plan:
    """Lay out the work.

    Args:
        run: the folder of the run; one that exists is gone on with.
        recordings: opened or as folders; for variants of the mode `caller` the files of scenarios. Their order is kept.
        variants: by name.
        epochs: how often each recording is played in each way.
        seed: of the whole run; each unit has one of its own that follows from it.
        scorers: names of scorers of ours; all unless given.
        relay_url: the relay to call through.
        target: `kind`, `base_url`, `model` of a target to call directly.
        engine: where an engine comes from; see `Plan.engine`.

    Raises:
        ReplayError: there is nothing to do, or a name cannot be a folder, or two recordings have the same one.
    """
    folders = [Path(each.path if isinstance(each, Recording) else each).resolve() for each in recordings]
    if not folders or not variants or epochs < 1:
        raise ReplayError("a fleet needs at least one recording, one variant and one epoch")
    bad = [name for name in variants if not _NAME.fullmatch(name)]
    if bad:
        raise ReplayError(
            f"a variant's name names folders, too: {bad[0]!r} cannot be one; use letters, digits, - and _"
        )
    if any((each.mode == "caller") != (folder.suffix == ".yaml") for each in variants.values() for folder in folders):
        raise ReplayError("simulated callers need the files of scenarios (.yaml), and all other modes recordings")
    names = [_name(folder) for folder in folders]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ReplayError(f"two recordings have the name {twice}: their results could not be told apart")
    units = [
        Unit(
            number=0, session=str(folder), variant=variant, epoch=epoch,
            seed=_seed(seed, folder, variant, epoch, variants[variant].mode),
        )
        for epoch in range(epochs)
        for folder in folders
        for variant in variants
    ]  # fmt: skip
    numbered = tuple(unit.model_copy(update={"number": number}) for number, unit in enumerate(units))
    return Plan(
        run=str(Path(run).resolve()), units=numbered, variants=dict(variants), relay_url=relay_url, engine=engine,
        scorers=None if scorers is None else tuple(scorers), target=None if target is None else dict(target),
    )  # fmt: skip


def _name(session: Path) -> str:
    return session.stem if session.suffix == ".yaml" else session.name


def _seed(seed: int, session: Path, variant: str, epoch: int, mode: str) -> int:
    """A seed of the unit's own; the moods of a simulated caller are the same whoever answers: pairs are fair."""
    if mode == "caller":
        return derived_seed(seed, _name(session), epoch)
    return derived_seed(seed, session.name, variant, epoch)


def derived_seed(*parts: object) -> int:
    """A seed that follows from its parts, the same on every machine (Python's own `hash` is salted).

    >>> derived_seed(0, "call", "voice", 0) == derived_seed(0, "call", "voice", 0)
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big")
