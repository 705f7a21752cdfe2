"""A prompt that a tiny model can read in a second, out of one that was written for a large model.

A catalogue of twenty products is 2 500 tokens; at 170 tokens a second that is a quarter of a minute of silence. So the
rules are cut to their beginning, and of the facts only those lines go along that share words with what was just said.
They stand with the last question and not at the top: what comes before it is the same as a turn ago, and the runtime
keeps what it has read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from contoso_lab.engine.seams import BrainRequest, ChatMessage

CHARACTERS_A_TOKEN = 3
"""English has four and more; numbers have fewer. Too low a guess only makes the prompt shorter."""
MOST_TURNS = 4
"""Of the talk before the question: a tiny model says its own old sentences again when it reads many of them."""
RULES_TOKENS = 110
FACTS_TOKENS = 150
MOST_FACTS = 3
_KEPT_CELLS = 4
_HOW = "Answer in one or two short spoken sentences. Use only the facts you are given; if they do not say, say so."
_OPENING = re.compile(r"\b(?:[Oo]pen|[Gg]reet|[Ss]tart|[Bb]egin)\b[^\"“\n]*[\"“](.+?)[\"”]")
_CODE = re.compile(r"[A-Z]+-?\d+|image:.*", re.IGNORECASE)
_COMMON = frozenset(
    "a about all also am an and any anything are as at be but by can could d did do does for from get give good "
    "had has have hello hi how i if in is it its just know like ll look looking m me more much my need no not "
    "of off on one or our out please re s she show so some something t tell than thanks that the their them "
    "then there they thing this to us want was we were what when where which who why will with would yes you "
    "your".split()
)


def short_prompt(request: BrainRequest, *, context: int, answer: int) -> tuple[ChatMessage, ...]:
    r"""Shorten a request's messages.

    Args:
        request: as a large model would get it.
        context: the model's, in tokens.
        answer: how many of them the answer may take.

    >>> rules = "You are Robin.\n# Catalogue\n- T-1 | Meadow Four | Tents | $279.00\n- B-1 | Trail | Boots | $99.00"
    >>> request = BrainRequest((ChatMessage("system", rules), ChatMessage("user", "What does the Meadow Four cost?")))
    >>> print(short_prompt(request, context=512, answer=64)[-1].content)
    Facts:
    Meadow Four, Tents, $279.00
    <BLANKLINE>
    What does the Meadow Four cost?
    """
    told = "\n".join(message.content for message in request.messages if message.role in ("system", "developer"))
    head, lines = _part(told)
    talk = [message for message in request.messages if message.role in ("user", "assistant") and message.content]
    news = _news(request.messages)
    if not talk:
        opening = _OPENING.search(told)
        asked = f'Say exactly this: "{opening[1]}"' if opening else "Say hello, and ask what you can do for me."
        return ChatMessage("system", f"{head}\n{_HOW}"), ChatMessage("user", asked)
    if talk[-1].role != "user":
        talk.append(ChatMessage("user", "Go on." if not news else "What does that mean for me?"))
    facts = [*news, *_relevant(lines, [message.content for message in talk[-3:]])]
    last = talk[-1].content
    if facts:
        last = "Facts:\n" + "\n".join(facts) + "\n\n" + last
    system = ChatMessage("system", f"{head}\n{_HOW}")
    room = context - answer - _tokens(system.content) - _tokens(last) - 32
    most = max(0, room + _tokens(last)) * CHARACTERS_A_TOKEN
    return system, *_latest(talk[-1 - MOST_TURNS : -1], room), replace(talk[-1], content=last[-most:])


def _part(told: str) -> tuple[str, list[str]]:
    """Part instructions into the sentences at the beginning that fit, and all lines that may hold facts."""
    prose, _, sections = told.partition("\n#")
    head = ""
    for sentence in re.split(r"(?<=[.!?:])\s+", prose.strip()):
        if _tokens(head) + _tokens(sentence) > RULES_TOKENS:
            break
        head = f"{head} {sentence}".strip()
    rest = prose.strip()[len(head) :] if prose.strip().startswith(head) else prose
    return head, [line.strip() for line in f"{rest}\n{sections}".splitlines() if line.strip()]


def _relevant(lines: Iterable[str], said: Sequence[str]) -> list[str]:
    """The lines that the talk is about, the most fitting ones, in their own order."""
    wanted: Counter[str] = Counter()
    for weight, text in enumerate(said, 1):  # what was said last weighs most
        for word in _words(text):
            wanted[word] = max(wanted[word], weight)
    lines = [line for line in lines if not line.startswith("#")]
    spread = Counter(word for line in lines for word in _words(line))
    scored = []
    for at, line in enumerate(lines):
        # A word that stands in every line tells nothing about this one.
        score = sum(wanted[word] / spread[word] for word in _words(line) if word in wanted)
        if score:
            scored.append((-score, at, _compact(line, wanted)))
    best: list[tuple[int, str]] = []
    room = FACTS_TOKENS
    for _, at, fact in sorted(scored)[:MOST_FACTS]:
        if _tokens(fact) <= room:
            best.append((at, fact))
            room -= _tokens(fact)
    return [fact for _, fact in sorted(best)]


def _compact(line: str, wanted: Counter[str]) -> str:
    """A table's row as words: without codes and pictures, and of its details those that were asked about."""
    line = re.sub(r"^[-*•]\s+", "", line)
    if "|" not in line:
        return line
    cells = [cell.strip() for cell in line.split("|")]
    kept = [cell for cell in cells if cell and not _CODE.fullmatch(cell) and ";" not in cell][:_KEPT_CELLS]
    details = [detail.strip() for cell in cells if ";" in cell for detail in cell.split(";")]
    asked = [detail for detail in details if _words(detail) & set(wanted)]
    return ", ".join(kept + (asked or details)[:2])


def _news(messages: Sequence[ChatMessage]) -> list[str]:
    """What tools have answered since the customer last spoke."""
    news: list[str] = []
    for message in messages:
        if message.role == "user":
            news.clear()
        elif message.role == "tool":
            news.append(message.content[: FACTS_TOKENS * CHARACTERS_A_TOKEN])
    return news


def _latest(talk: Sequence[ChatMessage], room: int) -> list[ChatMessage]:
    """The end of the talk that fits, beginning with the customer."""
    kept: list[ChatMessage] = []
    for message in reversed(talk):
        room -= _tokens(message.content) + 8
        if room < 0:
            break
        kept.insert(0, ChatMessage(message.role, message.content))
    while kept and kept[0].role != "user":
        kept.pop(0)
    return kept


def _tokens(text: str) -> int:
    return len(text) // CHARACTERS_A_TOKEN + 1


def _words(text: str) -> set[str]:
    """The words that mean something, without the plural's s."""
    found = re.findall(r"[a-z]+|\d+", text.lower())
    return {word.removesuffix("s") if len(word) > 3 else word for word in found} - _COMMON
