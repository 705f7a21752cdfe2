"""What a server plays: the engine as it is, a script, or a cassette; and what goes wrong on its line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from contoso_lab.engine.build import Engine
from contoso_lab.engine.cassette import Cassette
from contoso_lab.engine.cassette_server import cassette_app
from contoso_lab.engine.faults.kinds import Fault
from contoso_lab.engine.faults.middleware import Faulty
from contoso_lab.engine.script import Script, load_script
from contoso_lab.engine.scripted import scripted_engine
from contoso_lab.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Play:
    """What was asked for, read and found good."""

    script: Script | None = None
    source: Path = Path()
    """Where the script was read."""
    cassette: Cassette | None = None
    faults: tuple[Fault, ...] = ()

    @classmethod
    def read(cls, *, script: Path | None, cassette: Path | None, faults: tuple[Fault, ...]) -> Play:
        """Read the files that were asked for.

        Raises:
            ConfigError: a file is no script or no recording, or both were asked for.
        """
        if script is not None and cassette is not None:
            raise ConfigError("--script and --cassette both say what is played: give one of them")
        found = None if script is None else load_script(script)
        tape = found.cassette if found is not None else cassette
        return cls(
            script=found if tape is None else None,
            source=script or Path(),
            cassette=None if tape is None else Cassette.load(tape),
            faults=faults,
        )

    def app(self, build: Callable[[], Engine], create: Callable[[Engine], ASGIApp]) -> ASGIApp:
        """Make the application.

        Args:
            build: opens the models; called only if any are needed.
            create: makes the engine's application.
        """
        app: ASGIApp
        if self.cassette is not None:
            app = cassette_app(self.cassette)
        elif self.script is not None:
            app = create(scripted_engine(self.script, self.source, build))
        else:
            app = create(build())
        return Faulty(app, self.faults) if self.faults else app
