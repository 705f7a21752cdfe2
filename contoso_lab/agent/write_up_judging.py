"""What a question to the gate was about, and what its answer is worth by now; see `contoso_lab.agent.write_up`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from contoso_lab.agent.wishes import asks_again, asks_for_more, may_permit, offers_to_show, stance, subject
from contoso_lab.agent.write_up_events import Line

Names = Callable[[str], Collection[str]]
"""The products (SKUs) that a text names."""

DEBOUNCE_S = 0.2
BURST_S = 2.0
"""How long short turns that follow each other may put a question off."""
WORDS_PATIENCE_S = 10.0
GATE_PATIENCE_S = 20.0
PAGE_PATIENCE_S = 90.0
ASKED_AT_MOST = 3
"""How often the gate is asked about the same words; more than once only when they were heard otherwise."""


class Pause:
    """When it has been quiet long enough after a reply; short turns that follow each other are one.

    >>> pause = Pause(debounce_s=0.2)
    >>> pause.replied({"a1"}, now_s=1.0, afresh=True)
    >>> pause.due_s, pause.over(1.1), pause.over(1.2)
    (1.2, False, True)
    """

    def __init__(self, *, debounce_s: float) -> None:
        self.due_s: float | None = None
        """When it will be over; `None` when nothing is waited for."""
        self._debounce_s = debounce_s
        self._burst_ends_s = 0.0
        self._replies: set[str] = set()

    def replied(self, replies: set[str], *, now_s: float, afresh: bool) -> None:
        """These replies are finished by now; `afresh`: a burst that went on before is no longer of interest."""
        if replies - self._replies:
            if self.due_s is None or afresh:
                self._burst_ends_s = now_s + BURST_S
            self._replies = replies
            self.due_s = min(now_s + self._debounce_s, self._burst_ends_s)

    def over(self, now_s: float) -> bool:
        """Whether nothing is waited for any more; then it is over for good."""
        if self.due_s is not None and now_s < self.due_s:
            return False
        self.due_s = None
        return True


@dataclass(frozen=True, slots=True)
class Question:
    """What the gate was asked."""

    number: int
    lines: tuple[Line, ...]
    wish: str | None
    """The customer's own words for what is to be shown, where they are understood."""
    since_wish: tuple[Line, ...]
    until_s: float

    @classmethod
    def about(cls, lines: tuple[Line, ...], talk: tuple[Line, ...], *, number: int, until_s: float) -> Question:
        """A question about some lines of a conversation."""
        wish: str | None = None
        since: tuple[Line, ...] = ()
        before = ""
        for line in talk:
            if line.role == "assistant":
                before = line.text or before
            elif line in lines:
                said = stance(line.text)
                if said == "asks" or (said == "agrees" and offers_to_show(before)):
                    wish = line.text if said == "asks" else f"{before} {line.text}"
                    since = lines[lines.index(line) :]
                elif said == "declines":
                    wish, since = None, ()
        return cls(number, lines, wish, since, until_s)

    @property
    def after(self) -> str:
        """The id of the last line that was judged."""
        return self.lines[-1].id

    @property
    def permitted(self) -> bool:
        """Whether anything that the customer said can have been the request: a gate may be wrong."""
        before = ""
        for line in self.lines:
            if line.role == "user" and may_permit(line.text, answered=before):
                return True
            before = line.text if line.role == "assistant" else before
        return False

    @property
    def declined(self) -> bool:
        """Whether the last thing that the customer said about it was a no."""
        found = [said for line in self.lines if line.role == "user" and (said := stance(line.text)) is not None]
        return found[-1:] == ["declines"]

    def is_vague(self, names: Names) -> bool:
        """Whether the wish, if there is one, names nothing by which its page could be told from another."""
        return self.wish is None or not (subject(self.wish) or names(self.wish))

    def is_void(self, talk: tuple[Line, ...]) -> bool:
        """Whether what was judged is not what was heard: a reply was cut short since, or words came late."""
        places = [place for place, line in enumerate(talk) if line.id == self.after]
        now = {line.id: line.text for line in talk[: places[-1] + 1]} if places else {}
        judged = {line.id for line in self.lines}
        late = any(line.id in now and line.id not in judged for line in self._unjudged(talk))
        return late or any(now.get(line.id) != line.text for line in self.lines)

    def is_replaced(self, talk: tuple[Line, ...]) -> bool:
        """Whether the customer has said no since, or asked for something else instead."""
        for line in self._unjudged(talk):
            match stance(line.text):
                case "declines":
                    return True
                case "asks" if not asks_for_more(line.text) and subject(line.text) - subject(self.wish or ""):
                    return True
        return False

    def _unjudged(self, talk: tuple[Line, ...]) -> list[Line]:
        """The customer's words since the wish that the gate has not judged; late ones may stand before others."""
        judged = {(line.id, line.text) for line in self.lines}
        first = (self.since_wish or self.lines)[0].id
        places = [place for place, line in enumerate(talk) if line.id == first]
        since = talk[places[0] :] if places else ()
        said = [line for line in since if line.role == "user" and line.done and line.text.strip()]
        return [line for line in said if (line.id, line.text) not in judged]


@dataclass(frozen=True, slots=True)
class Shown:
    """The page that was shown last."""

    skus: frozenset[str]
    wish: str | None
    open: bool = True
    """The customer has not closed it."""

    def differs(self, question: Question, names: Names) -> bool:
        """Whether a yes to this question wants another page than this one."""
        wish = question.wish

        def others(*lines: Line) -> bool:
            return any(set(names(line.text)) - self.skus for line in lines)

        if wish is None or not self.open:
            return wish is not None or others(*question.lines)
        if named := names(wish):
            return bool(set(named) - self.skus)
        if others(*question.since_wish):
            return True
        if asks_again(wish):
            return False
        return bool(subject(wish) - subject(self.wish or "")) or others(*question.lines)


@dataclass(frozen=True, slots=True)
class Page:
    """The page that is being written."""

    number: int
    question: Question
    held: bool
    until_s: float
    by_tool: bool = False

    def repeats(self, shown: Shown | None, skus: frozenset[str]) -> bool:
        """Whether it came out as the one that was shown, although it might have been another."""
        return self.held and shown is not None and skus <= shown.skus and (shown.open or self.question.wish is None)


def is_reply(line: Line) -> bool:
    """Whether the assistant has said this to its end, and to the customer."""
    return line.role == "assistant" and line.done and not line.ours and bool(line.text.strip())
