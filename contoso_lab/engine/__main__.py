"""`python -m contoso_lab.engine`: start the engine, say how far it is, and say when it is ready.

```
… Opening the ear (Whisper tiny.en).
… The engine is ready after 1.9 s.
READY http://127.0.0.1:40213
```

Whoever starts it waits for the line that begins with READY. It ends with 0 when it is told to stop (Ctrl-C,
SIGTERM), with 2 when it cannot run as asked, with 1 when something is broken; then one sentence says why.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contoso_lab.errors import ConfigError, LabError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from contoso_lab.engine.build import Engine
    from contoso_lab.engine.playing import Play
    from contoso_lab.engine.seams import Brain


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the engine until it is told to stop; gives the exit code."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=asked.log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        if "help" in asked.fault:
            from contoso_lab.engine.faults import describe_faults

            _say(describe_faults())
            return 0
        _run(asked)
    except ConfigError as error:
        return _give_up(error, 2)
    except LabError as error:
        return _give_up(error, 1)
    except KeyboardInterrupt:
        pass  # uvicorn has closed everything and passes the signal on
    return 0


def _run(asked: argparse.Namespace) -> None:
    api_key = _read_key(asked.key_file)
    brain = _read_brain(asked)
    # The port first: whoever cannot have it should not wait for models. The rest is imported late for the same reason,
    # and so that a relay that has lost its engine finds somebody to wait for while another one starts.
    from contoso_lab.listening import bind, settle, url_of

    with bind(asked.host, asked.port) as listener:
        play = _read_play(asked)
        # Uvicorn closes the calls and then raises the signal again: that is a good end, not a crash.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        from contoso_lab.engine.build import build_engine
        from contoso_lab.engine.server import create_app
        from contoso_lab.engine.serving import engine_server

        def build() -> Engine:
            return build_engine(lambda message: _say(f"… {message}"), brain=brain)

        def create(engine: Engine) -> ASGIApp:
            return create_app(engine, api_key=api_key, calls=asked.calls)

        app = create(build()) if play is None else play.app(build, create)
        settle()
        server = engine_server(app, on_ready=lambda: _say(f"READY {url_of(listener)}"))
        asyncio.run(server.serve(sockets=[listener]))


def _read_play(asked: argparse.Namespace) -> Play | None:
    """What is to be played instead of the engine as it is, or to go wrong; None: nothing."""
    if not (asked.script or asked.cassette or asked.fault):
        return None
    from contoso_lab.engine.faults import read_faults
    from contoso_lab.engine.playing import Play

    return Play.read(script=asked.script, cassette=asked.cassette, faults=read_faults(asked.fault))


def _read_brain(asked: argparse.Namespace) -> Brain | None:
    """The model that answers; None: the clerk."""
    if asked.brain == "small-lm":
        if asked.brain_url or asked.brain_sees:
            raise ConfigError("--brain small-lm runs here and is blind: leave --brain-url and --brain-sees out")
        from contoso_lab.engine.small_lm import SmallLm

        return SmallLm(Path(asked.brain_model) if asked.brain_model else None)
    if not asked.brain_url:
        if asked.brain_model or asked.brain_sees:
            raise ConfigError("--brain-model and --brain-sees describe the model at --brain-url: give that as well")
        return None
    if asked.brain == "clerk":
        raise ConfigError("--brain clerk and --brain-url are two brains: choose one")
    from contoso_lab.engine.remote import RemoteBrain

    return RemoteBrain.from_settings(asked.brain_url, model=asked.brain_model or "", sees=asked.brain_sees)


def _read_key(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        key = path.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError(f"cannot read the key file {path}: {error.strerror or error}") from error
    if not key:
        raise ConfigError(f"the key file {path} is empty: write the key into it, or leave --key-file out")
    return key


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()  # whoever waits for READY reads a pipe


def _give_up(error: LabError, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m contoso_lab.engine", description="A Realtime server that needs no key and no network."
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; everybody can reach 0.0.0.0")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--key-file", type=Path, help="only clients that show the key in this file are served")
    parser.add_argument(
        "--brain", choices=("clerk", "small-lm"), help="who answers: rules (default), or a small language model"
    )
    parser.add_argument(
        "--brain-url", metavar="URL", help="an OpenAI-compatible chat endpoint answers, http://127.0.0.1:11434/v1"
    )
    parser.add_argument(
        "--brain-model",
        metavar="NAME",
        help="its model there (a key in CONTOSO_LAB_BRAIN_KEY), or a GGUF file for small-lm",
    )
    parser.add_argument("--brain-sees", action="store_true", help="its model can look at pictures")
    parser.add_argument("--calls", type=_at_least_one, help="how many at once; one more is told that we are busy")
    parser.add_argument("--script", type=Path, metavar="FILE.yaml", help="a script plays the brain, the ear or both")
    parser.add_argument("--cassette", type=Path, metavar="RUN_FOLDER", help="a recorded session plays the whole server")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="let something go wrong; may be given several times; --fault help lists what",
    )
    parser.add_argument("--log", default="warning", choices=("debug", "info", "warning", "error"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
