"""Whose words are a consent to be called, and whose are not; in five languages."""

from __future__ import annotations

import pytest

from contoso_lab.agent.consent import consents_to_call, offers_call

ASKS = """
Please call me.|Can you call me?|Could somebody give me a call?|I'd like a call please|I want to talk to a person!
I need to speak with someone now|This is awful. Just phone me, ok?|Yes, you may call me.|No. Nothing works. Call me!
I don't understand this, please call me
Rufen Sie mich bitte an.|Können Sie mich anrufen?|Ich möchte einen Rückruf.|Sie dürfen mich gerne anrufen.
Ich verstehe das nicht, rufen Sie mich bitte an!|Ruf mich an!
Appelez-moi s'il vous plaît.|Pouvez-vous m'appeler ?|Je voudrais un appel.|Je ne comprends pas, rappelez-moi !
Vous pouvez m’appeler.
Llámame por favor.|¿Puede llamarme?|¿Me podría llamar?|Quiero que me llamen.|Prefiero hablar por teléfono.
電話してください。|お電話をお願いします。|電話で相談したいです|電話してもらえますか？
"""
DOES_NOT = """
Don't call me.|Please do not call me|I hate phone calls|No calls please|Call me Sam.|Call me crazy, but I like it.
Did you call me yesterday?|My boss will call me soon.|Can I call you?|What is your phone number?
You never call me back|Please call me later.|Maybe call me.|I would rather not get a call|If you call me I will leave
How much is a call?|What do you call this tent?|I'd like a phone case|Yes please.|They call me all the time
Yes, but don't call me.|I'd like to see the tent called Meadow|We want a call-free evening
Bitte nicht anrufen.|Rufen Sie mich nicht an!|Kein Anruf bitte.|Vielleicht können Sie mich später anrufen
Haben Sie mich angerufen?|Wann rufen Sie mich an?|Ich will nicht telefonieren
Ne m'appelez pas.|Pas d'appel, merci|N'appelez pas maintenant|Comment s'appelle cette tente ?|Je m'appelle Maya
Appelez-moi plus tard
No me llames.|No quiero una llamada|¿Cómo se llama la tienda?|Me llamo Maya|Llámame más tarde|Por favor no me llamen
電話しないでください。|電話はいりません|後で電話してください|電話番号は？|いいえ、電話は結構です
"""


def each(table: str) -> list[str]:
    return [text for line in table.strip().splitlines() for text in line.split("|")]


@pytest.mark.parametrize("text", each(ASKS))
def test_who_asks_for_a_call_consents(text: str) -> None:
    assert consents_to_call(text)


@pytest.mark.parametrize("text", each(DOES_NOT))
def test_who_says_anything_else_does_not(text: str) -> None:
    assert not consents_to_call(text)


@pytest.mark.parametrize(
    "text", each("Yes.|Sure|ok, do that|That would be great|Ja bitte|Oui|Sí, por favor|はい、お願いします")
)
def test_a_bare_yes_is_a_consent_only_to_an_offer(text: str) -> None:
    assert consents_to_call(text, answered="I am sorry. May I call you?")
    assert not consents_to_call(text, answered="Shall I show you the tent?")
    assert not consents_to_call(text, answered="You can call us at any time.")


@pytest.mark.parametrize(
    "text",
    each("No thanks|Yes, but later|No|Not now, ok?|Nein danke|Non merci|いいえ|Okay, but not now|vielleicht|Perhaps."),
)
def test_no_and_not_now_are_none(text: str) -> None:
    assert not consents_to_call(text, answered="May I call you?")


@pytest.mark.parametrize(
    "text",
    each(
        "Shall I call you?|Soll ich Sie anrufen?|Puis-je vous appeler ?|¿Puedo llamarle?|お電話してもよろしいですか。"
    ),
)
def test_offers_of_a_call(text: str) -> None:
    assert offers_call(text)
