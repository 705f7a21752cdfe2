"""Put sentences together: how many, in what order, and in which of several ways to say a thing.

A reply is a list of sentences, each with the worth it has for the customer. The manner decides how many of them
are said. Wording varies with the turn and with nothing else, so that the same conversation always sounds the
same and no two turns of it do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.manner import Manner

_PLURAL_VERBS = {
    "weighs": "weigh", "costs": "cost", "is": "are", "has": "have", "comes": "come", "sleeps": "sleep",
    "seats": "seat", "holds": "hold", "packs": "pack", "takes": "take", "carries": "carry", "runs": "run",
    "boils": "boil", "fits": "fit", "measures": "measure", "does": "do", "stays": "stay", "suits": "suit",
    "goes": "go", "lists": "list", "its": "their", "drains": "drain", "it": "they", "dries": "dry",
}  # fmt: skip


BREATH_WORDS = 30
"""About nine seconds of speech. Who talks longer on the phone is interrupted."""


class Worth(IntEnum):
    """What a sentence is worth; when there are too many, the highest number goes first."""

    MUST = 0
    MORE = 1
    NICE = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of a reply."""

    text: str
    worth: Worth = Worth.MUST


def must(text: str) -> Line:
    """A sentence without which the reply is none."""
    return Line(_capital(text), Worth.MUST)


def more(text: str) -> Line:
    """A sentence that helps."""
    return Line(_capital(text), Worth.MORE)


def nice(text: str) -> Line:
    """A sentence for the sake of kindness."""
    return Line(_capital(text), Worth.NICE)


def vary(turn: int, *ways: str) -> str:
    """One of several ways to say the same, by turn.

    >>> vary(3, "Gladly.", "Of course.")
    'Of course.'
    """
    return ways[turn % len(ways)]


def compose(lines: Sequence[Line], manner: Manner, *, aloud: bool = True) -> str:
    """Say as many sentences as the manner allows, the worthy ones first, in the order in which they stand.

    What is said aloud is kept to about one breath: sentences that only help are left out before it gets longer.

    >>> compose([nice("Good idea."), must("It is $20.")], Manner(most_sentences=1))
    'It is $20.'
    """
    kept = [line for line in lines if manner.small_talk or line.worth is not Worth.NICE]
    kept = kept or list(lines)
    if manner.questions == "never" and any(not line.text.endswith("?") for line in kept):
        kept = [line for line in kept if not line.text.endswith("?")]
    if manner.questions == "always" and not kept[-1].text.endswith("?"):
        kept = [line for line in kept if line.worth is not Worth.NICE] or kept
        kept = [*kept[: max(1, manner.most_sentences - 1)], must("what else would you like to know?")]
    while len(kept) > manner.most_sentences and any(line.worth for line in kept):
        least = max(line.worth for line in kept)
        at = max(index for index, line in enumerate(kept) if line.worth == least)
        kept.pop(at)
    while (
        aloud and spoken_words(" ".join(line.text for line in kept)) > BREATH_WORDS and any(line.worth for line in kept)
    ):
        least = max(line.worth for line in kept)
        kept.pop(max(index for index, line in enumerate(kept) if line.worth == least))
    sentences = [line.text for line in kept]
    while len(sentences) > manner.most_sentences:
        second = sentences.pop(1)
        sentences[0] = f"{sentences[0].rstrip('.!')}, and {uncapital(second)}"
    said = " ".join(sentences)
    return " ".join(filter(None, (manner.begin, said, manner.end)))


def money(usd: float | None) -> str:
    """A price as it is written so that a voice can say it.

    >>> money(279), money(49.5)
    ('$279', '$49.50')
    """
    if usd is None:
        return "a price that I do not have here"
    return f"${usd:.0f}" if usd == round(usd) else f"${usd:.2f}"


def spoken_words(text: str) -> int:
    """How many words a text has when it is read aloud; "$279" is "two hundred seventy-nine dollars".

    >>> spoken_words("It costs $279.")
    7
    """
    count = len(text.split())
    for dollar, whole, cents in re.findall(r"(\$?)(\d+)(\.\d+)?", text):
        short = len(whole) < 3 and int(whole) <= 20 or whole.endswith("000")
        count += (0 if short else len(whole) - (len(whole) < 3)) + bool(dollar) + len(cents)
    return count


def is_plural(product: Product) -> bool:
    """Whether a product's name takes "are": boots, pants."""
    return product.name.endswith("s") and not product.name.endswith("ss")


def agree(product: Product, phrase: str) -> str:
    """A phrase that begins with a verb, in the number of the product's name.

    >>> agree(Product("A", "River Boots", "Shoes", 1.0, ""), "weighs 1 kilogram, but it has a membrane")
    'weigh 1 kilogram, but they have a membrane'
    """
    if not is_plural(product):
        return phrase
    first, _, rest = phrase.partition(" ")
    rest = re.sub(r"\bit (has|drains|is)\b", lambda m: f"they {_PLURAL_VERBS[m[1]]}", rest)
    rest = rest.replace("drain and dries", "drain and dry")
    return f"{_PLURAL_VERBS.get(first, first)} {rest}".strip()


def be(product: Product) -> str:
    """The verb "is" or "are" after a product's name."""
    return "are" if is_plural(product) else "is"


def described(product: Product) -> str:
    """The description as it stands after "is" or "are"; nothing when there is none.

    >>> described(Product("A", "Red Tent", "Tents", 1.0, "Ultralight tent"))
    'an ultralight tent'
    """
    text = product.description[:1].lower() + product.description[1:]
    return text if is_plural(product) or not text else with_article(text)


def pronoun(product: Product) -> str:
    """The word for a product that was named already: "it" or "they"."""
    return "they" if is_plural(product) else "it"


def clause(product: Product, phrase: str, *, by_name: bool = True) -> str:
    """A whole clause about a product from the end of a sentence.

    >>> clause(Product("A", "Red Tent", "Tents", 1.0, ""), "its floor is small")
    'the floor of the Red Tent is small'
    """
    if phrase.startswith("its "):
        matter, _, rest = phrase[4:].partition(" is ")
        return (
            f"the {matter} of the {product.name} is {rest}"
            if by_name
            else f"{_PLURAL_VERBS['its'] if is_plural(product) else 'its'} {matter} is {rest}"
        )
    subject = f"the {product.name}" if by_name else pronoun(product)
    return f"{subject} {agree(product, phrase)}"


def with_article(noun: str) -> str:
    """A noun phrase with "a" or "an", in lower case at its start.

    >>> with_article("Eight-person group tent")
    'an eight-person group tent'
    """
    low = noun[:1].lower() + noun[1:]
    return f"{'an' if re.match(r'[aeio]|u(?!ni|se|ti)|8|11|18', low) else 'a'} {low}"


def shorten(text: str, max_tokens: int | None) -> str:
    """Keep whole sentences, then whole words, within about a number of tokens (four letters each)."""
    if max_tokens is None or len(text) <= 4 * max_tokens:
        return text
    kept = ""
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        if len(kept) + len(sentence) > 4 * max_tokens:
            break
        kept = f"{kept} {sentence}".strip()
    if kept:
        return kept
    words = text[: max(4, 4 * max_tokens)].rsplit(" ", 1)
    return words[0]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def uncapital(sentence: str) -> str:
    """A sentence as it goes on after a comma; "I" keeps its capital.

    >>> uncapital("The tent is dry."), uncapital("I know.")
    ('the tent is dry.', 'I know.')
    """
    return sentence if re.match(r"I\b", sentence) else sentence[:1].lower() + sentence[1:]
