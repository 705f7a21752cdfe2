"""Play a recording again: the same customer, another persona, a recording that pairs with the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from contoso_lab.errors import ReplayError
from contoso_lab.recording import Recording
from contoso_lab.replay.modes import Mode, Paced, Rescore
from contoso_lab.session.beside import WriteUpDesk
from contoso_lab.session.call import hold_call
from contoso_lab.session.caller import Caller
from contoso_lab.settings import Target
from contoso_lab.shop import Catalog, get_customer
from contoso_lab.wire import Turn


async def replay_call(
    recording: Recording | Path | str,
    *,
    relay_url: str,
    persona: str,
    chat: Target,
    mode: Mode | None = None,
    on_turn: Callable[[Turn, float], None] | None = None,
) -> Recording:
    """Let the recorded customer call again and talk with `persona`; labels go along.

    Args:
        recording: what to play again, or its folder.
        relay_url: the relay to call through.
        persona: the prompt that answers this time.
        chat: where the write-up prompts run.
        mode: `Paced()` by default; `Rescore()` returns the recording itself.
        on_turn: as in `hold_call`.

    Raises:
        ReplayError: the recording holds no customer audio, or names no customer.
        SessionError: the call failed.
    """
    source = recording if isinstance(recording, Recording) else Recording.open(recording)
    match mode or Paced():
        case Rescore():
            return source
        case Paced():
            return await _paced(source, relay_url, persona, chat, on_turn)
        case other:
            assert_never(other)


async def _paced(
    source: Recording,
    relay_url: str,
    persona: str,
    chat: Target,
    on_turn: Callable[[Turn, float], None] | None,
) -> Recording:
    clip = source.user_audio
    if not len(clip):
        raise ReplayError(f"{source.path}: nothing to play again, the recording holds no customer audio")
    name = source.manifest.customer
    if not name:
        raise ReplayError(f'{source.path}: the manifest names no customer; add "customer" to manifest.json')
    caller = Caller(
        clip,
        name,
        source.manifest.scenario or source.id,
        replay_of=source.id,
        mode=Paced.name,
        synthetic=source.manifest.synthetic,
    )
    desk = WriteUpDesk(chat, get_customer(name), Catalog.load())
    again = Recording.open(await hold_call(relay_url, caller, persona=persona, desk=desk, on_turn=on_turn))
    labels = source.labels()
    if labels is not None:
        again.add_labels(labels)
    return again
