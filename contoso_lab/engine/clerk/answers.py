"""Decide what a line calls for, and answer it.

The order of the questions below is the whole of the clerk's judgement: what comes first wins when a line holds
several things. Each answer is a list of sentences; the manner decides how many of them are said.
"""

from __future__ import annotations

import re
from dataclasses import replace

from contoso_lab.engine.clerk import assortment, choices, courtesy, errands, offers, replies
from contoso_lab.engine.clerk.asks import understand
from contoso_lab.engine.clerk.briefing import Briefing
from contoso_lab.engine.clerk.facts import known
from contoso_lab.engine.clerk.fit import rank
from contoso_lab.engine.clerk.recall import Memory, listen
from contoso_lab.engine.clerk.scene import Scene
from contoso_lab.engine.clerk.wording import Line, Worth, compose, must, nice

_NOTHING = re.compile(r"^I am (?:sorry|afraid)[^.]*\bI do not have anything\b")
_UNKNOWN = re.compile(r"\bI do not know\b|\bI do not have anything about\b")
_MISSING = re.compile(r"\bI do not (?:know|have)\b|\bI have no\b|\bI am (?:sorry|afraid)\b")


def scene_for(briefing: Briefing, memory: Memory, text: str, *, aloud: bool = True, from_prompt: bool = True) -> Scene:
    """Put a customer's line into its place."""
    ask = understand(text, briefing.products)
    if not ask.topics and memory.topics and re.match(r"(?:and|what about|how about) (?:for )?(?:the |@)", ask.masked):
        if ask.named or ask.other or ask.place is not None or any(mention.definite for mention in ask.mentions):
            ask = replace(ask, topics=memory.topics, acts=ask.acts - {"describe", "find"})  # "and the Polar Night?"
    after = listen(memory, ask)
    return Scene(briefing, memory, ask, after.needs, after.category, after.kind, after.trip, from_prompt, aloud)


def answer(scene: Scene) -> str:
    """What the clerk says to a customer's line."""
    said, manner = _toned(scene, lines(scene)), scene.manner
    if manner.unknown and any(_UNKNOWN.search(line.text) for line in said):
        told = [line for line in said if line.worth is Worth.MUST and not _NOTHING.search(line.text)]
        said = [*told[: manner.most_sentences - 1], must(manner.unknown)]
    if scene.ask.has("bye") and manner.end.endswith("?"):
        manner = replace(manner, end="")  # nobody is asked anything after the goodbye
    return compose(said, manner, aloud=scene.aloud)


def answer_from(scene: Scene) -> str:
    """An answer about goods that tools have just told of; empty when the line asks for none."""
    ask = scene.ask
    about_goods = ask.named or ask.mentions or (ask.topics and scene.meant)
    return answer(scene) if about_goods and not ask.unknown and not ask.has("show", "add") else ""


def _toned(scene: Scene, said: list[Line]) -> list[Line]:
    """The sentences with a first word in the persona's tone, where there is good news to tell."""
    first = said[0] if said else must("")
    if scene.manner.tone == "plain" or first.worth is Worth.NICE or first.text.endswith("?"):
        return said
    if _MISSING.search(first.text) or re.match(
        r"(?:gladly|with pleasure|of course|you are)", first.text, re.IGNORECASE
    ):
        return said
    ways = (
        ("With pleasure!", "Happy to help!", "Sure thing!")
        if scene.manner.tone == "enthusiastic"
        else ("Certainly.", "Very well.")
    )
    return [nice(scene.vary(*ways)), *said]


def lines(scene: Scene) -> list[Line]:
    """The sentences that answer a line, whether or not all of them can be said."""
    ask = scene.ask
    if ask.foreign or ask.has("language"):
        return courtesy.language(scene)
    if not ask.text.strip():
        return courtesy.unclear(scene)
    return (
        _deeds(scene)
        or _unknown(scene)
        or _choosing(scene)
        or _wishes(scene)
        or _questions(scene)
        or _talk(scene)
        or _leftovers(scene)
    )


def _deeds(scene: Scene) -> list[Line] | None:
    """Something is to be done."""
    ask = scene.ask
    if ask.has("human"):
        return [*offers.opener(scene), *courtesy.human(scene)]
    if ask.has("repeat"):
        return courtesy.repeat(scene)
    if ask.has("drop"):
        return courtesy.farewell(scene) if ask.has("bye") else errands.drop(scene)
    if ask.has("hide"):
        return courtesy.declined(scene)
    if ask.has("show") and (scene.memory.talked or ask.named or not ask.has("find")):
        return errands.show(scene)
    accepts = ask.has("yes") and not ask.topics and not ask.has("find", "compare", "add", "no")
    if scene.memory.question == "show" and (accepts or (ask.has("like") and not ask.has("find") and not ask.topics)):
        return errands.show(scene)
    if ask.has("look"):
        return errands.look(scene)
    if ask.errand:
        return errands.errand(scene)
    if ask.has("add") and scene.meant:
        return errands.buy(scene)
    return None


def _unknown(scene: Scene) -> list[Line] | None:
    """Something is asked for that is not there."""
    ask = scene.ask
    if not ask.unknown or not scene.briefing.products:
        return None
    return None if assortment.purpose(scene) and not ask.unknown[:1].isupper() else assortment.unknown_thing(scene)


def _choosing(scene: Scene) -> list[Line] | None:
    """Products are to be told apart."""
    ask = scene.ask
    if ask.has("advise") and not (ask.mentions and ask.has("find")) and (told := choices.advise(scene)):
        return told
    if ask.has("why") and (told := choices.advise(scene)):
        return told
    if ask.has("compare") and (told := choices.compare(scene)):
        return told
    limits = ask.needs.most_usd is not None or ask.needs.least_usd is not None
    if limits and ask.topics == ("price",) and not ask.which and not ask.mentions and scene.meant:
        return None  # "is it under $200?" is a question about it
    if limits and (ask.which or not ask.mentions) and (told := choices.within(scene)):
        return told
    if ask.order and not limits and (told := choices.by_order(scene, ask.order)):
        return told
    if ask.which and ask.topics and not ask.named and (ask.mentions or len(scene.memory.offered) > 1 or ask.plural):
        if ask.needs.told and ask.mentions:
            return offers.recommend(scene, scene.category, scene.kind)
        return next((told for topic in ask.topics if (told := choices.which_has(scene, topic))), None)
    return None


def _wishes(scene: Scene) -> list[Line] | None:
    """A product is looked for."""
    ask = scene.ask
    if ask.named or not scene.briefing.products:
        return None
    numbered = scene.memory.question == "people" and re.search(r"\b\d+\b", ask.masked) and not ask.topics
    more_of_it = (ask.has("others") or (ask.other and not scene.meant)) and scene.category
    if not (ask.has("find", "others") or more_of_it or (ask.needs.told and not ask.topics) or numbered):
        return _range(scene)
    if ask.has("find") and not ask.mentions and (purpose := assortment.purpose(scene)):
        return offers.recommend(scene, *purpose)
    if ask.mentions or (scene.category and (ask.needs.told or more_of_it or numbered) and not ask.has("plan")):
        told = (
            assortment.others(scene)
            if more_of_it and not ask.mentions
            else offers.recommend(scene, scene.category, scene.kind)
        )
        return told + _then(scene)
    if ask.has("plan") and not ask.mentions:
        return courtesy.planning(scene)
    if scene.category and ask.has("find"):
        return offers.recommend(scene, scene.category, scene.kind)
    if ask.needs.most_usd is None and ask.needs.most_kg is None and ask.needs.told:
        return courtesy.planning(scene)
    return assortment.across(scene) if ask.needs.told or ask.has("find") else None


def _range(scene: Scene) -> list[Line] | None:
    """What there is at all."""
    if not scene.ask.has("range"):
        return None
    return offers.recommend(scene, scene.category, scene.kind) if scene.ask.mentions else assortment.sold(scene)


def _then(scene: Scene) -> list[Line]:
    """A question that came in the same breath as the wish, about what was just recommended."""
    ask = scene.ask
    if not ask.topics:
        return []
    best = next((fit.product for fit in rank(scene.among(scene.category, scene.kind), scene.needs) if fit.serves), None)
    if best is None:
        return []
    said = replies.told(
        scene, best, tuple(topic for topic in ask.topics if topic == "price" or known(best, topic)) or ask.topics
    )
    return [must(f"{said}.")]


def _questions(scene: Scene) -> list[Line] | None:
    """Something is asked about what was named or talked about."""
    ask = scene.ask
    if ask.has("bought"):
        return courtesy.purchases(scene)
    if colored := replies.has_color(scene):
        return colored
    if ask.has("total") or (ask.quantity and not ask.topics and scene.meant and not ask.has("yes", "no")):
        if told := replies.total(scene):
            return told
    if ask.topics:
        return replies.about(scene) or _about_kind(scene) or courtesy.which_product(scene)
    if ask.named or ask.place is not None or ask.other or (ask.has("describe") and scene.meant):
        return replies.describe(scene)
    if ask.mentions and scene.meant:
        return replies.describe(scene)
    if ask.mentions:
        return offers.recommend(scene, scene.category, scene.kind)
    return None


def _about_kind(scene: Scene) -> list[Line] | None:
    """A question about a kind that has not been talked about: "how much is a stove?"."""
    return offers.recommend(scene, scene.category, scene.kind) if scene.ask.mentions else None


def _talk(scene: Scene) -> list[Line] | None:
    """Nothing about goods."""
    ask = scene.ask
    if ask.has("who"):
        return courtesy.who(scene)
    if ask.has("me"):
        return courtesy.their_name(scene)
    if ask.has("upset"):
        return courtesy.upset(scene)
    if ask.has("bye"):
        return courtesy.farewell(scene)
    if ask.has("plan"):
        return courtesy.planning(scene)
    if ask.has("dislike"):
        return courtesy.disliked(scene)
    if ask.has("no"):
        return courtesy.declined(scene)
    if ask.has("thanks"):
        return courtesy.thanks(scene)
    if ask.has("yes") and (told := courtesy.agreed(scene)):
        return told
    if ask.has("like", "yes"):
        return courtesy.liked(scene)
    return courtesy.greet(scene) if ask.has("greet") else None


def _leftovers(scene: Scene) -> list[Line]:
    """Words that fit no form may still fit a product."""
    if purpose := assortment.purpose(scene):
        return offers.recommend(scene, *purpose)
    if scene.ask.has("help", "range"):
        return assortment.sold(scene)
    return courtesy.unclear(scene)
