"""Decide whether a page should go to the customer's screen now.

One wish is followed through the conversation: it begins when the customer asks to see something, or accepts an
offer to; it is confirmed when the assistant agrees; it ends when it is refused, taken back, or served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from contoso_lab.engine.clerk.asks import understand
from contoso_lab.engine.clerk.briefing import Briefing
from contoso_lab.engine.clerk.recall import ON_SCREEN, is_shown, offers_to_show, promises
from contoso_lab.engine.seams import ChatMessage

_REFUSES = re.compile(
    r"\b(?:cannot|can't|can not|unable to|not able to|won't)\b[^.]*\b(?:show|send|screen|display|picture)",
    re.IGNORECASE,
)
_SERVED = re.compile(
    r"\b(?:is|are) (?:already )?(?:now )?(?:up )?on (?:your|the) screen\b|\bon your screen now\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a page is wanted, and why, in a sentence."""

    requested: bool
    reason: str


def judge(briefing: Briefing, talk: Iterable[ChatMessage]) -> Verdict:
    """Judge a conversation by the gate's own rules.

    When the prompt says that it does not matter whether the assistant repeated the wish, the wish alone is
    enough; otherwise the assistant has to have agreed.
    """
    lone_wish_counts = any(re.search(r"\bdoes not matter\b", line) for line in briefing.section("gate"))
    wish, answer, agreed, offered = "", "", "", ""
    served = declined = False
    for message in talk:
        text = message.content.strip()
        if is_shown(message):
            served, wish, answer = served or bool(wish), "", ""
        elif message.role == "user" and text:
            ask = understand(text)
            asks = ask.has("show") and not ask.has("hide")
            accepts = bool(offered) and ask.has("yes", "like") and not ask.has("no", "hide")
            if asks or accepts:
                # Whoever offers has agreed already.
                wish, answer, agreed, served, declined = text, "", offered if accepts else "", False, False
            elif ask.has("no", "hide", "drop") and (offered or wish) and not ask.has("yes"):
                wish, answer, declined = "", "", True
            offered = ""
        elif message.role == "assistant" and text:
            if wish and _REFUSES.search(text):
                wish, answer = "", ""
            elif wish and answer and _SERVED.search(text):
                wish, answer, served = "", "", True
            elif wish and (promises(text) or ON_SCREEN.search(text) or _echoes(text, wish)):
                answer = answer or text
            offered = text if offers_to_show(text) else ""
    if wish and (answer or agreed or lone_wish_counts):
        said = f', and the assistant agreed: "{_short(answer)}"' if answer else ""
        return Verdict(True, f'The customer said "{_short(wish)}"{said}.')
    if wish:
        return Verdict(False, f'The customer said "{_short(wish)}", and the assistant has not agreed yet.')
    if served:
        return Verdict(False, "What the customer asked to see has been shown already.")
    if declined:
        return Verdict(False, "The customer declined to see anything.")
    if offered:
        return Verdict(False, "The assistant offered to show something, and the customer has not answered.")
    return Verdict(False, "The customer has not asked to see anything.")


def _echoes(answer: str, wish: str) -> bool:
    """Whether an answer takes up the wish in other words: "Sure, here is a picture of the tent"."""
    agrees = re.match(
        r"(?:sure|of course|certainly|gladly|with pleasure|yes|absolutely|right away|okay|ok)\b", answer.lower()
    )
    words = set(re.findall(r"[a-z]{4,}", wish.lower())) & set(re.findall(r"[a-z]{4,}", answer.lower()))
    goes_along = re.search(r"\bshow|\bsend|\bpage\b|\bcom(?:es?|ing)\b|\bhere (?:it|they|you)\b", answer.lower())
    return bool(agrees) and (bool(words) or bool(goes_along) or len(answer.split()) <= 3)


def _short(text: str) -> str:
    """A quotation that fits into one sentence."""
    flat = re.sub(r"\s+", " ", text.replace('"', "'")).strip().rstrip(".!")
    return flat if len(flat) <= 120 else f"{flat[:117].rsplit(' ', 1)[0]} …"
