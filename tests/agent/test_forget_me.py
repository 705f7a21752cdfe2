"""A customer who asks to be forgotten: what counts as asking, and that only a plain yes deletes."""

from __future__ import annotations

import pytest

from contoso_lab.agent.forget_me import ASK, KEEP, asks_to_be_forgotten, forget_step
from contoso_lab.prompts.languages import CODES, language


@pytest.mark.parametrize(
    "text",
    [
        "Please forget me.",
        "Thanks for the help. Now forget everything you know about me, please.",
        "Delete my data.",
        "I'd like you to erase my chat history.",
        "Could you delete everything you have on me?",
        "I want to use my right to be forgotten.",
        "Bitte löschen Sie meine Daten.",
        "Vergessen Sie bitte alles über mich.",
        "Vergiss mich.",
        "Ich möchte, dass meine Aufnahmen gelöscht werden.",
        "Oubliez-moi, s'il vous plaît.",
        "Je voudrais que vous supprimiez tout. Supprimez mes données.",
        "Por favor, borre mis datos.",
        "Olvídeme.",
        "Quiero que eliminen todo lo que tienen sobre mí.",
        "私の個人情報を削除してください。",
        "私のことを忘れてください。",
    ],
)
def test_who_asks(text: str) -> None:
    assert asks_to_be_forgotten(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Forget it.",
        "Forget the tent, show me the boots.",
        "Forget about the price.",
        "Don't forget me!",
        "Please don't delete my data.",
        "I forgot my password.",
        "Did you forget me?",
        "How do I delete my data?",
        "What happens if you delete my data?",
        "Remove the tent from my cart.",
        "Delete the last item.",
        "My husband never forgets me on trips.",
        "Vergessen Sie das Zelt.",
        "Vergessen Sie mich nicht.",
        "Löschen Sie meine Daten bitte nicht.",
        "Wie kann ich meine Daten löschen?",
        "N'oubliez pas le réchaud.",
        "Ne supprimez pas mes données.",
        "Oubliez la tente.",
        "No borre mis datos.",
        "Olvide la tienda.",
        "データを消さないでください。",
        "テントのことは忘れてください。",
    ],
)
def test_who_does_not(text: str) -> None:
    assert not asks_to_be_forgotten(text)


@pytest.mark.parametrize("code", CODES)
def test_asked_once_in_the_customers_language_and_then_done(code: str) -> None:
    words = {
        "en": "Forget me.",
        "de": "Vergiss mich.",
        "fr": "Oubliez-moi.",
        "es": "Olvídeme.",
        "ja": "私のことを忘れて。",
    }
    yes = {"en": "Yes, please.", "de": "Ja, bitte.", "fr": "Oui.", "es": "Sí, claro.", "ja": "はい、お願いします。"}
    asked = forget_step({"cart": []}, words[code], code)  # type: ignore[arg-type]
    assert (asked.do, asked.say, asked.state) == ("ask", ASK[code], {"cart": [], "forgetting": True})  # type: ignore[index]
    done = forget_step(asked.state, yes[code], code)  # type: ignore[arg-type]
    assert (done.do, done.say) == ("forget", language(code).forgotten)
    assert done.state == {"cart": [], "to_be_forgotten": True}


@pytest.mark.parametrize(
    "answer",
    [
        "No.", "Which tent is lighter?", "Yes, but not the recordings.", "Wait.", "Hm.", "", "Later, yes.",
        "Ja, aber nicht heute.", "Oui, mais pas maintenant.", "いいえ",
    ],
)  # fmt: skip
def test_anything_but_a_plain_yes_keeps_everything(answer: str) -> None:
    asked = forget_step({}, "Forget me.")
    kept = forget_step(asked.state, answer)
    assert (kept.do, kept.say, kept.state) == ("keep", KEEP["en"], {})
    assert forget_step(kept.state, "Yes.").do == "nothing", "a yes to something else deletes nothing"


def test_asking_twice_is_a_yes() -> None:
    assert forget_step(forget_step({}, "Forget me.").state, "I said: forget me!").do == "forget"


def test_what_is_said_of_other_things_changes_nothing() -> None:
    assert forget_step({"cart": [1]}, "Show me a tent.") == ("nothing", "", {"cart": [1]})
