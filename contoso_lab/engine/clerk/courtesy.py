"""Everything in a call that is not about goods: greetings, thanks, who one is, and not having understood."""

from __future__ import annotations

from contoso_lab.engine.clerk.concepts import listing
from contoso_lab.engine.clerk.scene import Scene, noun
from contoso_lab.engine.clerk.shelf import singular
from contoso_lab.engine.clerk.wording import Line, must, nice, with_article


def opening(scene: Scene) -> str:
    """The first words of a call."""
    manner = scene.manner
    said = manner.opening
    if said is None:
        who = f", this is {manner.clerk}{f' from {manner.shop}' if manner.shop else ''}" if manner.clerk else ""
        said = f"Hello{scene.name.replace(',', '')}{who}."
        said += " What can I do for you?" if manner.speaks_english else " I am sorry that I can speak English only."
    return said


def farewell(scene: Scene) -> list[Line]:
    """The last words."""
    if scene.manner.closing:
        return [must(scene.manner.closing)]
    if scene.manner.most_sentences == 1:
        return [must(f"You are welcome{scene.name}, goodbye." if scene.ask.has("thanks") else f"Goodbye{scene.name}.")]
    trip = scene.memory.trip
    lines = [must(f"You are very welcome{scene.name}.")] if scene.ask.has("thanks") else []
    wish = f"Have a wonderful {trip}, and goodbye." if trip else "Have a good time outdoors, and goodbye."
    return [*lines, nice(wish) if lines else must(wish if scene.manner.small_talk else f"Goodbye{scene.name}.")]


def thanks(scene: Scene) -> list[Line]:
    """After a thank-you that does not end the call."""
    return [
        must(scene.vary(f"You are welcome{scene.name}.", "With pleasure.")),
        nice("Is there anything else you need?"),
    ]


def greet(scene: Scene) -> list[Line]:
    """After a bare hello."""
    hello = f"Hello{scene.name.replace(',', '')}"
    return [must(f"{hello}, what are you looking for?" if scene.manner.questions != "never" else f"{hello}.")]


def liked(scene: Scene) -> list[Line]:
    """After praise without a question."""
    lines = [must(scene.vary("I am glad you like it.", "Good to hear.", f"Wonderful{scene.name}."))]
    focus = scene.memory.focus
    offer = scene.show_offer(focus) if focus else ""
    return [*lines, nice(offer or "What else do you need?")]


def agreed(scene: Scene) -> list[Line] | None:
    """After a yes to something other than showing; None when it is not clear to what."""
    memory = scene.memory
    if memory.question == "continue":
        topics = []
        if memory.trip:
            topics.append(f"your {memory.trip}")
        if memory.focus:
            topics.append(f"the {memory.focus.name}")
        if topics:
            return [must(f"Gladly: we spoke about {listing(topics)}."), must("what do you need next?")]
        return [must(f"Gladly{scene.name}, what do you need?")]
    return None


def declined(scene: Scene) -> list[Line]:
    """After a no."""
    return [
        must(scene.vary(f"All right{scene.name}.", "That is fine.", "No problem.")),
        nice("What else can I do for you?"),
    ]


def disliked(scene: Scene) -> list[Line]:
    """After a product was turned down."""
    return [
        must(scene.vary(f"All right{scene.name}.", "I understand.")),
        must("what should be different: the price, the size or the weight?"),
    ]


def planning(scene: Scene) -> list[Line]:
    """A plan was told, and nothing asked for yet."""
    categories = scene.briefing.categories[:1] + scene.briefing.categories[-2:]
    kinds = listing((with_article(singular(category)) for category in categories), "or")
    question = must(f"what do you need for it: {kinds}?" if kinds else "what do you need for it?")
    if not scene.ask.has("plan"):
        return [question]
    return [nice(f"{with_article(scene.trip or 'trip')} sounds lovely{scene.name}."), question]


def upset(scene: Scene) -> list[Line]:
    """The customer is angry and asks for nothing that can be given."""
    return [
        must(f"I am sorry about that{scene.name}."),
        must("please tell me what went wrong, and I will do what I can."),
    ]


def human(scene: Scene) -> list[Line]:
    """Somebody wants a person."""
    return [
        must(
            f"I cannot put you through to a person from here{scene.name}, but I can help you choose from the catalogue."
        )
    ]


def who(scene: Scene) -> list[Line]:
    """Say what one is, honestly."""
    manner = scene.manner
    named = f"I am {manner.clerk}, an automated assistant" if manner.clerk else "I am an automated assistant"
    return [must(f"{named}{f' of {manner.shop}' if manner.shop else ''}, and I answer from the catalogue.")]


def their_name(scene: Scene) -> list[Line]:
    """Tell customers their own name, when it was given."""
    name = scene.briefing.customer_name
    return [must(f"You are {name}." if name else "I was not told your name.")]


def purchases(scene: Scene) -> list[Line]:
    """What the customer bought before."""
    names = scene.briefing.bought_names
    if not names:
        return [must("I see no earlier purchases of yours.")]
    return [must(f"you bought {listing(f'the {name}' for name in names)}.")]


def repeat(scene: Scene) -> list[Line]:
    """Say the last reply again."""
    said = scene.memory.last_reply
    return [must(said)] if said else greet(scene)


def language(scene: Scene) -> list[Line]:
    """Say which language one can speak."""
    return [must(f"I am sorry{scene.name}, I can speak English only.")]


def unclear(scene: Scene) -> list[Line]:
    """Nothing was understood."""
    focus = scene.memory.focus
    sorry = scene.vary("I am sorry, I did not get that", "I did not quite follow that", "I am not sure what you mean")
    if not scene.ask.text.strip():
        sorry = scene.vary("I am sorry, I did not hear you", "I could not hear that")
    if focus:
        return [must(f"{sorry}{scene.name}."), nice(f"do you want to know more about the {focus.name}?")]
    kinds = listing(noun(category, many=True) for category in scene.briefing.categories)
    return (
        [must(f"{sorry}{scene.name}."), nice(f"I can help with {kinds}.")] if kinds else [must(f"{sorry}{scene.name}.")]
    )


def which_product(scene: Scene) -> list[Line]:
    """A question about "it" when nothing has been spoken of."""
    return [must(scene.vary("please tell me which product you mean.", "I am not sure which product you mean."))]
