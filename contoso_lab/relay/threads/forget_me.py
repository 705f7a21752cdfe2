"""Acts on a customer who asks in a call to be forgotten: asked once, done after a plain yes, the running call included.

```
"please forget me" ─▶ lab.forget (ask), and the agent asks whether they mean it
"yes"              ─▶ nothing is recorded or written down any more ─▶ everything is deleted
                      lab.forgotten (the receipt), and the agent says so ─▶ the call ends
```

The words are fixed, in the customer's language, and no model decides (`agent.forget_me`). The agent hears of them in a
system message, so that it is its own voice that says them; the client is told as well, and can show them.

| resource | acquired | released | on failure |
|---|---|---|---|
| the task that deletes | after the yes | when all is deleted; the call's end waits for it | both sides are told |
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contoso_lab.errors import ConfigError, LabError
from contoso_lab.relay.calls.memory import Memory as Items
from contoso_lab.relay.calls.timers import Later
from contoso_lab.relay.threads.forgetter import Forgetter
from contoso_lab.relay.watching.journal import line, logger

if TYPE_CHECKING:
    from contoso_lab.prompts.languages import Code
    from contoso_lab.relay.calls.scribe import Scribe

GOODBYE_S = 12.0
"""How long after the deed the call ends, so that the agent can say that it is done."""
BUSY: dict[str, str] = {
    "en": "Another call of yours is still going on. Please end it, and ask me again.",
    "de": "Ein anderer Anruf von Ihnen läuft noch. Bitte beenden Sie ihn und fragen Sie mich noch einmal.",
    "fr": "Un autre de vos appels est encore en cours. Veuillez y mettre fin et me le redemander.",
    "es": "Otra llamada suya sigue en curso. Por favor, termínela y vuelva a pedírmelo.",
    "ja": "お客様の別の通話がまだ続いています。そちらを終えてから、もう一度お申し付けください。",
}
FAILED: dict[str, str] = {
    "en": "I could not delete everything. Please ask again in a moment.",
    "de": "Ich konnte nicht alles löschen. Bitte fragen Sie gleich noch einmal.",
    "fr": "Je n'ai pas pu tout effacer. Veuillez redemander dans un instant.",
    "es": "No he podido borrarlo todo. Vuelva a pedirlo dentro de poco.",
    "ja": "すべてを削除することができませんでした。少し後でもう一度お申し付けください。",
}


@dataclass(eq=False)
class ForgetMe:
    """Of one call.

    Args:
        customer: who calls.
        deed: deletes.
        own: the call's thread and recording.
    """

    customer: str
    deed: Forgetter
    own: frozenset[str]
    call_id: str = "-"
    _state: dict[str, Any] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _code: Code = "en"
    _task: asyncio.Task[None] | None = None
    _done: bool = False

    def follow(
        self,
        items: Items,
        *,
        say: Callable[[str], None],
        scribe: Scribe,
        keep_no_more: Callable[[], None],
        end: Callable[[], None],
        later: Later,
    ) -> None:
        """Listen to this memory of items.

        Args:
            say: has the agent say words, once nobody speaks.
            keep_no_more: ends the recording and the minutes.
            end: ends the call.
        """
        self._items, self._say, self._scribe = items, say, scribe
        self._keep_no_more, self._end, self._later = keep_no_more, end, later
        items.followers.append(self._changed)

    async def close(self) -> None:
        """The call is over; what was agreed to is done to its end."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _changed(self, item_id: str) -> None:
        if item_id in self._seen or self._task is not None or self._done:
            return
        spoken = self._items.spoken(item_id)
        if spoken is None or spoken.role != "user":
            return
        self._seen.add(item_id)
        from contoso_lab.agent.forget_me import forget_step

        step = forget_step(self._state, spoken.text)
        if step.do == "nothing":
            return
        if step.do == "ask":
            self._code = _language(spoken.text)
        step = forget_step(self._state, spoken.text, self._code)
        self._state = step.state if step.do == "ask" else {}
        self._scribe.note(f"forget.{step.do}")
        if step.do == "forget":
            self._task = asyncio.get_running_loop().create_task(self._forget(step.say))
            return
        self._scribe.tell("lab.forget", step=step.do, say=step.say)
        self._say(step.say)

    async def _forget(self, done_words: str) -> None:
        try:
            await asyncio.to_thread(self.deed.check, self.customer, own=self.own)
            self._keep_no_more()
            receipt = await asyncio.to_thread(self.deed, self.customer, own=self.own)
        except ConfigError:
            self._again("busy", BUSY[self._code])
        except LabError as error:
            logger.warning(line(self.call_id, "forget.failed", error=type(error).__name__))
            self._again("failed", FAILED[self._code])
        else:
            self._done = True
            self._scribe.tell(
                "lab.forgotten", threads=len(receipt.threads), messages=receipt.messages,
                recordings=len(receipt.recordings), traces=receipt.traces, cached=receipt.cached,
                left=len(receipt.left), say=done_words,
            )  # fmt: skip
            self._say(done_words)
            self._later(GOODBYE_S, self._end)

    def _again(self, step: str, words: str) -> None:
        self._task = None
        self._scribe.tell("lab.forget", step=step, say=words)
        self._say(words)


def _language(text: str) -> Code:
    from contoso_lab.prompts.languages import CODES
    from contoso_lab.shop.truth.surface import language_of

    found = language_of(text)
    return next((code for code in CODES if code == found), "en")
