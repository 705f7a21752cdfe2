"""Who listens to a call beside it: the minutes, who acts on "forget me", and who holds replies against the rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contoso_lab.relay.calls.memory import Memory
from contoso_lab.relay.calls.timers import Later

if TYPE_CHECKING:
    from contoso_lab.relay.calls.on_screen import OnScreen
    from contoso_lab.relay.calls.scribe import Scribe
    from contoso_lab.relay.calls.speaker import Speaker
    from contoso_lab.relay.threads.findings import Findings
    from contoso_lab.relay.threads.forget_me import ForgetMe
    from contoso_lab.relay.threads.minutes import Minutes

NOT_RECORDED = "the customer asked to be forgotten"


@dataclass(frozen=True, slots=True)
class Beside:
    """Of one call; each may be missing."""

    minutes: Minutes | None = None
    forgets: ForgetMe | None = None
    findings: Findings | None = None

    def follow(
        self,
        items: Memory,
        *,
        screen: OnScreen,
        speaker: Speaker,
        scribe: Scribe,
        end: Callable[[], None],
        later: Later,
    ) -> None:
        """Let them listen to this memory of items. `end` ends the call."""

        def say(words: str) -> None:
            speaker.tell(*screen.news(f'Say exactly this to the customer now: "{words}"'))

        def keep_no_more() -> None:
            if self.minutes is not None:
                self.minutes.stop()
            scribe.keep_no_more(NOT_RECORDED)

        if self.minutes is not None:
            self.minutes.follow(items)
        if self.findings is not None:
            self.findings.follow(items, scribe=scribe, later=later)
        if self.forgets is not None:
            self.forgets.follow(items, say=say, scribe=scribe, keep_no_more=keep_no_more, end=end, later=later)

    @property
    def stops(self) -> list[Callable[[], Awaitable[None]]]:
        """What has to be waited for when the call ends; the minutes see to themselves."""
        return [part.close for part in (self.findings, self.forgets) if part is not None]
