"""Understand one line of a customer, by itself: what it asks, names, needs and answers.

Nothing here knows the conversation. `recall` puts the line into its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from contoso_lab.engine.clerk.briefing import Product
from contoso_lab.engine.clerk.facts import topics
from contoso_lab.engine.clerk.fit import Needs, read_needs
from contoso_lab.engine.clerk.listening import clauses
from contoso_lab.engine.clerk.phrases import (
    ACTS,
    CALENDAR,
    ERRANDS,
    FIND,
    FOREIGN,
    GENERIC,
    NAMED,
    ORDERS,
    PICTURE,
    PLACES,
    SCREEN,
    Order,
)
from contoso_lab.engine.clerk.shelf import Found, Mention, find, kinds


@dataclass(frozen=True, slots=True)
class Ask:
    """What one line of a customer says."""

    text: str = ""
    masked: str = ""
    acts: frozenset[str] = frozenset()
    named: tuple[Product, ...] = ()
    mentions: tuple[Mention, ...] = ()
    topics: tuple[str, ...] = ()
    """Matters that are asked about, in spoken order."""
    needs: Needs = Needs()
    quantities: tuple[tuple[str, int], ...] = ()
    quantity: int | None = None
    """A number of pieces of what is being talked about: "two of them"."""
    order: Order | None = None
    place: int | None = None
    """Of "the second one": the index into what was offered last; -1 is the last."""
    other: bool = False
    plural: bool = False
    which: bool = False
    errand: tuple[str, str] | None = None
    """A matter of the shop and not of a product: its name, and the pattern that finds a rule about it."""
    unknown: str = ""
    """A thing that is asked for and that the shelf does not hold."""
    units: str = ""
    """The word "pounds" or "fahrenheit", when the customer wants those."""
    foreign: str = ""

    def has(self, *acts: str) -> bool:
        """Whether any of these acts is in the line."""
        return not self.acts.isdisjoint(acts)


@lru_cache(maxsize=4096)  # a conversation is folded anew for every reply, and most of its lines were read before
def understand(text: str, products: tuple[Product, ...] = ()) -> Ask:
    """Read a customer's line.

    >>> sorted(understand("Thank you, that is all for today.").acts)
    ['bye', 'thanks']
    >>> understand("How much does it way, and is it water proof?").topics
    ('weight', 'waterproof')
    """
    whole = Ask(text=text, foreign=_foreign(text))
    for clause in clauses(text):
        whole = _join(whole, _clause(clause, products))
    if not (whole.named or whole.mentions):
        whole = replace(whole, unknown=whole.unknown or _unknown_name(text, products))
    elif not whole.named and (name := _unknown_name(text, products)):
        whole = replace(whole, unknown=name)
    return whole


def _clause(text: str, products: tuple[Product, ...]) -> Ask:
    found = find(text, products)
    line = found.masked
    acts = {act for act, pattern in ACTS if re.search(pattern, line)}
    errand = next(((name, rule) for name, pattern, rule in ERRANDS if re.search(pattern, line)), None)
    order = next((Order(m, d, x) for pattern, m, d, x in ORDERS if re.search(pattern, line)), None)
    if re.match(r"(?:is|are|would) (?:it|they|that|this|those|the|@)", line) and len(found.named) < 2:
        order = None  # "is it too heavy?" asks how heavy it is
    about_it = bool(re.match(r"(?:and )?(?:is|are|does|do|will|would|can) (?:it|they|that|this|those|the @|@)", line))
    asked = topics(line, products)
    needs = read_needs(line)
    fresh = tuple(mention for mention in found.mentions if not mention.definite)
    refers = bool(re.search(r"\b(?:it|they|them|that|this|these|those)\b(?! (?:is all|sounds?))", line))
    if about_it and needs.most_kg is not None:
        asked = tuple(dict.fromkeys((*asked, "weight")))
    if about_it and needs.most_usd is not None:
        asked = tuple(dict.fromkeys((*asked, "price")))
    if not re.match(r"(?:and |so )?(?:how|what|which|is|are|does|do|can|could|will|would|who|where|why)\b", line):
        # "It should cost less than $300" is a wish and no question about the price.
        limited = {"price"} if needs.most_usd or needs.least_usd else {"weight"} if needs.most_kg else set()
        asked = tuple(topic for topic in asked if topic not in limited)
    if fresh and not found.named and re.search(r"\b(?:would like|want) to (?:buy|order|purchase)\b", line):
        acts.discard("add")  # "I want to buy a backpack" asks for advice and not for the till
    wish = bool(FIND.search(line)) and not re.search(
        r"\bneed to know\b|\bwant to know\b|\bwould like to know\b|\bhow much\b", line
    )
    which = bool(
        re.match(
            r"(?:and |so )?(?:which|what (?!is|are|does|do|did|would|about|can|if|else|kind)|"
            r"are (?:there )?any|is (?:there )?any)\b",
            line,
        )
    )
    if "show" in acts and re.search(
        r"\b(?:show|see) (?:me |us )?(?:some|any|another|other|your|all|a|something|anything|what)\b", line
    ):
        if not re.search(f"{SCREEN}|{PICTURE}", line):
            acts.discard("show")
            wish = True
    if "show" in acts and re.search(r"\b(?:do not|no need to) (?:show|put|send)\b", line):
        acts.discard("show")
    if "drop" in acts and errand:
        acts.discard("drop")
    if not acts & {"show", "add", "compare", "advise", "total", "drop", "bought", "describe"} and not found.named:
        bare = fresh and not asked and not which
        thing = bool(re.search(r"\b(?:something|anything|(?:an?|another|any|have|need|want)(?: \w+)? ones?)\b", line))
        if (wish and (fresh or thing or (needs.told and not asked)) and not (refers and not fresh)) or bare:
            acts.add("find")
            # "I need a waterproof tent" asks for a tent; it is no question about waterproofing.
            asked = ()
    if fresh and needs.told and not asked and not acts & {"show", "add"}:
        acts.add("find")
    return Ask(
        text=text,
        masked=line,
        acts=frozenset(acts),
        named=found.named,
        mentions=found.mentions,
        topics=asked,
        needs=needs,
        quantities=found.quantities,
        quantity=_quantity(found, asked, acts),
        order=order,
        place=_place(line),
        other=bool(re.search(r"\bthe other\b(?: one)?", line)),
        plural=bool(re.search(r"\b(?:they|them|both|those|these|each|all of)\b", line)),
        which=which,
        errand=errand,
        unknown=_unknown(line, products) if wish and not found.named and not found.mentions else "",
        units="pounds" if re.search(r"\b(?:pounds?|lbs?)\b", line) else "fahrenheit" if "fahrenheit" in line else "",
    )


def _join(one: Ask, two: Ask) -> Ask:
    return replace(
        one,
        masked=f"{one.masked} {two.masked}".strip(),
        acts=one.acts | two.acts,
        named=tuple(dict.fromkeys(one.named + two.named)),
        mentions=tuple(dict.fromkeys(one.mentions + two.mentions)),
        topics=tuple(dict.fromkeys(one.topics + two.topics)),
        needs=one.needs.then(two.needs),
        quantities=one.quantities + two.quantities,
        quantity=two.quantity or one.quantity,
        order=two.order or one.order,
        place=one.place if two.place is None else two.place,
        other=one.other or two.other,
        plural=one.plural or two.plural,
        which=one.which or two.which,
        errand=one.errand or two.errand,
        unknown=one.unknown or two.unknown,
        units=one.units or two.units,
    )


def _place(line: str) -> int | None:
    found = re.search(
        r"\bthe (first|1st|former|second|2nd|latter|third|last)\b(?: (?:one|option|product|tent|"
        r"bag|two))?(?! (?:time|week|month|day|thing))",
        line,
    )
    return PLACES[found[1]] if found else None


def _quantity(found: Found, asked: tuple[str, ...], acts: set[str]) -> int | None:
    line = found.masked
    hit = re.search(
        r"\b(\d+) (?:of (?:them|those|these|it|each|that)|pieces|pairs)\b|\b(?:take|buy|order|"
        r"make (?:it|that)|add|get|need|want|have|like) (\d+)"
        r"(?: please)?$|^(\d+) please$|\b(?:for|are|would|do|will|cost of|"
        r"price of) (\d+)(?: (?:cost|be|come to|of .*))?$",
        line,
    )
    if hit and not re.search(r"\b\d+ (?:people|persons?|kids|adults|of us)\b", line):
        number = int(next(group for group in hit.groups() if group))
        if hit[1] or hit[2] or hit[3] or "price" in asked or acts & {"total", "add"}:
            return number
    if found.quantities and len(found.named) == 1:
        return found.quantities[0][1]
    counted = [mention.quantity for mention in found.mentions if mention.quantity]
    return counted[0] if len(counted) == 1 and len(found.mentions) == 1 else None


def _unknown(line: str, products: tuple[Product, ...]) -> str:
    """The thing asked for, when it is none that the shelf has a word for."""
    hit = re.search(
        r"\b(?:have|got|sell|carry|stock|need|want|like|looking for|look for|search for|"
        r"interested in|are there|is there)"
        r" (?:also )?(?:a pair of |a set of )?(?P<article>an?|any|some) (?P<thing>[a-z]+(?: [a-z]+)?)|"
        r"\b(?:do you (?:have|sell|carry|stock)|looking for) (?P<things>(?:[a-z]+ )?[a-z]+s)\b",
        line,
    )
    if not hit:
        return ""
    phrase = (hit["thing"] or hit["things"]).split()
    stop = next(
        (
            at
            for at, word in enumerate(phrase)
            if word in {"for", "to", "in", "with", "that", "of", "on", "and", "or", "please", "as"}
        ),
        len(phrase),
    )
    phrase = phrase[:stop]
    known = set(kinds(products)) | {
        word for p in products for word in re.findall(r"[a-z]+", f"{p.name} {p.description} {p.category}".lower())
    }
    if not phrase or any(word in GENERIC or word in known or word.rstrip("s") in known for word in phrase[-1:]):
        return ""
    return " ".join(word for word in phrase if word not in {"good", "new", "nice", "cheap"})


def _unknown_name(text: str, products: tuple[Product, ...]) -> str:
    """A capitalised name inside the line that nothing on the shelf bears."""
    known = {word for p in products for word in re.findall(r"[a-z]+", f"{p.name} {p.category} {p.description}".lower())}
    for hit in NAMED.finditer(text):
        words = [word.lower() for word in re.findall(r"[A-Za-z]+", hit["name"])]
        common = {word for p in products for word in re.findall(r"[a-z]+", p.category.lower())} | set(kinds(products))
        telling = [word for word in words if not {word, word.rstrip("s")} & (CALENDAR | GENERIC | common)]
        # One word has to be new to be a name; two words that no product bears together are one anyway.
        new = any(word not in known for word in telling) or len(telling) > 1
        if new and not find(hit["name"], products).named:
            return hit["name"]
    return ""


def _foreign(text: str) -> str:
    if re.search(r"[\u3040-\u30ff\u3400-\u9fff]", text):
        return "Japanese"
    words = re.findall(r"[a-zà-ÿ]+", text.lower())
    best, hits = "", 0
    for language, common in FOREIGN.items():
        count = sum(word in common.split() for word in words)
        if count > hits:
            best, hits = language, count
    return best if hits >= 3 and hits >= len(words) / 3 else ""
