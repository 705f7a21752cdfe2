"""The voice console: press Connect and talk with the assistant, in a notebook.

The sound goes from the browser to the relay and back, past the kernel: a cell that computes does not stop a call, and
no notebook keeps sound or tokens. What the kernel knows of the call it reads from the recording that the relay writes,
so that works while a cell runs, and finds the call again after the kernel was started anew.

| resource | acquired | released | on failure |
|---|---|---|---|
| microphone, sound, connection | in the page, by Connect | with the call or the page | `error` says why |
| the thread that follows calls | `calls`, when first asked for | `close` | `RecordingError` |
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import traitlets
from ipywidgets import Widget, widget_serialization

from contoso_lab.audio import Clip
from contoso_lab.errors import WidgetError
from contoso_lab.facts_card import facts_html
from contoso_lab.recording.follow import Calls, follow_calls, newest_console
from contoso_lab.recording.tables import turns_table
from contoso_lab.relay.calls.prices import FREE, PRICES
from contoso_lab.settings import Settings
from contoso_lab.widgets.console_customers import recorded_customers
from contoso_lab.widgets.esm import assemble, style
from contoso_lab.widgets.shown import Readable
from contoso_lab.wire.dialogue import dialogue_html

if TYPE_CHECKING:
    import pandas as pd

    from contoso_lab.recording import Recording
    from contoso_lab.session import Caller
    from contoso_lab.wire import Turn


class VoiceConsole(Readable):
    """Talk with the assistant in the browser; the kernel reads along.

    Args:
        persona, customer: who talks with whom; can also be chosen in the page.
        thread: a conversation of the memory to go on with.
        relay_url: where the relay is; without it, where the page comes from: the Jupyter server's own, which is
            started when somebody presses Connect.
        runs: where that relay keeps its recordings; by default where ours go.
        clip: recorded customers in place of those of the lab: a clip, a caller, or several by name.
        stream: an ipywebrtc `MediaStream` (a `CameraStream`, an `AudioStream`, …) in place of the microphone.

    >>> console = VoiceConsole(customer="daniel")
    >>> console.state, console.error, len(console.turns)
    ('idle', '', 0)
    >>> console.close()
    """

    _esm = assemble("console/console.js")
    _css = style("console/console.css")

    persona = traitlets.Unicode("", help="The persona; empty: the first.").tag(sync=True)
    customer = traitlets.Unicode("", help="The customer's id; empty: the first.").tag(sync=True)
    thread = traitlets.Unicode("", help="The conversation that chat and calls belong to.").tag(sync=True)
    console_id = traitlets.Unicode("", read_only=True, help="Names this console in the recordings.").tag(sync=True)
    relay_url = traitlets.Unicode("", help="The relay's address; empty: the Jupyter server's.").tag(sync=True)
    state = traitlets.Unicode("idle", help="idle, ringing, connecting, listening, …").tag(sync=True)
    error = traitlets.Unicode("", help="What went wrong, and what to do about it.").tag(sync=True)
    personas = traitlets.List(traitlets.Unicode()).tag(sync=True)
    customers = traitlets.List(traitlets.Dict()).tag(sync=True)
    prices = traitlets.Dict(help="US dollars for a million tokens, by model and kind.").tag(sync=True)
    clips = traitlets.List(traitlets.Dict(), help="Recorded customers, without their sound.").tag(sync=True)
    stream = traitlets.Instance(Widget, allow_none=True).tag(sync=True, **widget_serialization)

    def __init__(
        self,
        *,
        runs: Path | str | None = None,
        clip: Clip | Caller | Mapping[str, Clip | Caller] | None = None,
        console_id: str | None = None,
        **traits: Any,
    ) -> None:
        from contoso_lab.prompts.persona_file import persona_names
        from contoso_lab.shop.customers import load_customers

        self._recorded = {one.name: one for one in recorded_customers(clip)}
        self._calls: Calls | None = None
        self.runs = Path(runs) if runs is not None else Settings().runs
        known = {
            "personas": persona_names(),
            "customers": [{"id": one.id, "name": one.name} for one in load_customers().values()],
            "prices": {"local": FREE.model_dump(), **{name: price.model_dump() for name, price in PRICES.items()}},
            "clips": [one.to_dict() for one in self._recorded.values()],
        }
        super().__init__(**{**known, **traits})
        self.set_trait("console_id", console_id or f"console-{secrets.token_hex(4)}")
        self.on_msg(self._asked)

    @classmethod
    def reattach(cls, console_id: str | None = None, *, runs: Path | str | None = None, **given: Any) -> Self:
        """The console that held the newest call, or the one of this id, with all that it has heard.

        For a kernel that was started anew: the page's old view is dead then, the recordings are not.

        Raises:
            WidgetError: no console has held a call there.
        """
        place = Path(runs) if runs is not None else Settings().runs
        found = console_id or newest_console(place)
        if found is None:
            raise WidgetError(f"no console has held a call that is recorded in {place}: make one with VoiceConsole()")
        return cls(runs=place, console_id=found, **given)

    @property
    def calls(self) -> Calls:
        """The calls of this console, followed while they last."""
        if self._calls is None:
            self._calls = follow_calls(self.runs, console=self.console_id)
        return self._calls

    @property
    def turns(self) -> pd.DataFrame:
        """What was said on the newest call so far: one row per turn in spoken order, times in ms."""
        call = self.calls.latest
        return turns_table(() if call is None else call.turns)

    @property
    def recording(self) -> Recording:
        """The recording of the newest call; of one that goes on, as far as it was written.

        Raises:
            WidgetError: there was no call yet.
        """
        call = self.calls.latest
        if call is None:
            raise WidgetError("this console has held no call yet: press Connect in it, talk, and ask again")
        return call.recording

    async def finished(self) -> Recording:
        """Wait until a call of this console has ended, and return its recording; at once when the newest has."""
        async for _ in self.calls.news():
            call = self.calls.latest
            if call is not None and call.ended:
                return call.recording
        raise WidgetError("the console was closed before a call had ended")

    async def __aiter__(self) -> AsyncIterator[Turn]:
        """Every turn from now on, once its words are final and were heard; ends with `close`."""
        async for turn in self.calls.turns():
            yield turn

    def hang_up(self) -> None:
        """End the call from the notebook."""
        self.send({"do": "hang_up"})

    def close(self) -> None:
        """Take the console away and stop following its calls; recordings stay."""
        if self._calls is not None:
            self._calls.close()
        super().close()

    def __repr__(self) -> str:
        known = () if self._calls is None else self._calls.calls
        parts = [f"console_id={self.console_id!r}", f"state={self.state!r}"]
        parts += [f"{name}={value!r}" for name in ("persona", "customer", "error") if (value := getattr(self, name))]
        if known:
            parts.append(f"calls={len(known)}")
        return f"VoiceConsole({', '.join(parts)})"

    def _html(self) -> str:
        call = self.calls.latest if self._calls is not None or self.state != "idle" else None
        if call is not None:
            return dialogue_html(call.turns, title=f"the newest call of {self.console_id}")
        how = "run the cell in JupyterLab (make lab opens it) and press Connect and talk"
        who = [("persona", self.persona), ("customer", self.customer)]
        return facts_html("a console to talk with the assistant", [("to talk", how), *who, ("error", self.error)])

    def _asked(self, _: object, message: Mapping[str, Any], __: object) -> None:
        recorded = self._recorded.get(str(message.get("name")))
        if message.get("do") == "clip" and recorded is not None:
            self.send({"clip": recorded.name}, [recorded.to_bytes()])
