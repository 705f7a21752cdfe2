"""What to do when a customer asks to be forgotten: ask once whether they mean it, then do it or let it be.

A pure function of their words. Deleting cannot be undone, so both steps are conservative: a sentence that is not
understood deletes nothing, and "forget the tent" is about a tent.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from contoso_lab.prompts.languages import Code, language

_ASKS = re.compile(
    r"""
    \bforget\s+(?:about\s+)?me\b | \bforget\s+(?:everything|all)\b[^.?!]*\b(?:about|of|on)\s+me\b
    | \b(?:delete|erase|remove|wipe)\b[^.?!]*\b(?:my\s+(?:\w+\s+)?(?:data|details|account|profile|history|recordings?)
      |(?:everything|all)\b[^.?!]*\b(?:about|of|on)\s+me)\b
    | \bright\s+to\s+be\s+forgotten\b
    | \b(?:vergiss|vergesst|vergessen\s+sie)\s+(?:bitte\s+)?(?:mich|alles\s+(?:\w+\s+){0,3}(?:über|von)\s+mi(?:ch|r))\b
    | \b(?:lösch|entfern)\w*\b[^.?!]*\b(?:meine[n]?\s+(?:\w+\s+)?(?:daten|konto|profil|aufnahmen|verlauf)
      |alles\b[^.?!]*\b(?:über|von)\s+mi(?:ch|r))\b
    | \bmeine\s+(?:\w+\s+)?(?:daten|aufnahmen)\b[^.?!]*\b(?:gelöscht|löschen)\b
    | \boubliez?[-\s]moi\b | \boublie[zr]?\s+tout\b[^.?!]*\bsur\s+moi\b
    | \b(?:efface|supprime)[zr]?\b[^.?!]*\b(?:mes\s+(?:données|informations|enregistrements)|mon\s+compte
      |tout\b[^.?!]*\bsur\s+moi)\b
    | \bdroit\s+à\s+l['’]oubli\b
    | \b(?:olvídame|olvídeme|olvídense\s+de\s+mí|olvídese\s+de\s+mí|olvídate\s+de\s+mí)\b
    | \b(?:borra|borre|borren|borrar|elimina|elimine|eliminen|eliminar)\b[^.?!]*\b(?:mis\s+(?:datos|grabaciones)
      |mi\s+(?:cuenta|historial)|todo\b[^.?!]*\b(?:sobre|de)\s+mí)
    | \bderecho\s+al\s+olvido\b
    | 私(?:のこと|の事|に関する(?:すべて|全て))を(?:忘れて|消して|削除して)
    | (?:私の|個人)(?:データ|情報|記録|録音)を?(?:すべて|全て|全部)?(?:消|削除|消去)
    """,
    re.IGNORECASE | re.VERBOSE,
)
# The opposite, a question about it, or said of somebody else.
_NOT = re.compile(
    r"""
    \b(?:do\s+not|don['’]?t|never|won['’]?t|didn['’]?t|not\s+to|not\s+going\s+to|no\s+need\s+to)\b[^.?!]*\b
      (?:forget|delete|erase|remove|wipe)\b
    | \b(?:did|have|has|had|when|why|how|what\s+if|if|unless)\b[^.?!]*\b(?:forget|forgot|delete[sd]?|erase[sd]?)\b
    | \b(?:nicht|nie|niemals|kein\w*)\b[^.?!]*\b(?:vergess|vergiss|lösch|entfern)\w*
    | \b(?:vergiss|vergessen\s+sie|vergesst)\b[^.?!]*\bnicht\b | \b(?:lösch)\w*\b[^.?!]*\bnicht\b
    | \b(?:wie|wann|warum|ob|wenn|falls)\b[^.?!]*\b(?:vergess|lösch)\w*
    | \bn[e'’]\s*\w*[^.?!]*\b(?:oubli|effac|supprim)\w*[^.?!]*\bpas\b | \b(?:comment|quand|pourquoi|si)\b[^.?!]*
      \b(?:oubli|effac|supprim)\w*
    | \bno\b[^.?!]*\b(?:olvid|olvíd|borr|elimin)\w* | \b(?:cómo|cuándo|por\s+qué|si)\b[^.?!]*\b(?:olvid|borr|elimin)\w*
    | (?:忘れ|消さ|削除し)ないで | (?:消|削除)\w*(?:方法|たら|れば)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_YES = re.compile(
    r"^\W*(?:yes|yeah|yep|sure|please do|go ahead|do it|of course|i am sure|i'm sure|confirm(?:ed)?|delete it|delete"
    r"|ja|jawohl|natürlich|machen sie das|löschen|oui|bien sûr|allez-y|faites-le|confirmé|sí|claro|adelante|hágalo"
    r"|bórrelo|confirmo)\b|^\W*(?:はい|ええ|お願いします|削除してください|消してください)",
    re.IGNORECASE,
)
_BUT = re.compile(
    r"\b(?:no|not|but|wait|later|nein|nicht|aber|warten|später|non|pas|mais|attendez|pero|espere|después)\b|n['’]t\b"
    r"|いいえ|待って|やめ|でも|後で",
    re.IGNORECASE,
)

ASK: dict[Code, str] = {
    "en": "I can delete everything that we keep about you: our chats, our calls and your cart. It cannot be undone. "
    "Shall I do that?",
    "de": "Ich kann alles löschen, was wir über Sie gespeichert haben: Chats, Anrufe und den Warenkorb. Das lässt sich "
    "nicht rückgängig machen. Soll ich das tun?",
    "fr": "Je peux effacer tout ce que nous gardons sur vous : nos messages, nos appels et votre panier. C'est "
    "définitif. Dois-je le faire ?",
    "es": "Puedo borrar todo lo que guardamos sobre usted: los mensajes, las llamadas y la cesta. No se puede "
    "deshacer. ¿Lo hago?",
    "ja": "お客様について保存している会話、通話、カートの内容をすべて削除できます。元には戻せません。"
    "削除してよろしいですか。",
}
KEEP: dict[Code, str] = {
    "en": "Then nothing is deleted.",
    "de": "Dann wird nichts gelöscht.",
    "fr": "Alors rien n'est effacé.",
    "es": "Entonces no se borra nada.",
    "ja": "では、何も削除いたしません。",
}


class ForgetStep(NamedTuple):
    """What the agent does next about forgetting."""

    do: Literal["nothing", "ask", "keep", "forget"]
    """`forget`: keep the state, say the words, end the call if there is one, then delete (`forgetting.forget`)."""
    say: str
    """In the customer's language; nothing for `nothing`."""
    state: dict[str, Any]
    """The thread's state afterwards."""


def asks_to_be_forgotten(text: str) -> bool:
    """Whether a customer asks that what is kept about them be deleted.

    >>> asks_to_be_forgotten("Please forget me."), asks_to_be_forgotten("Forget the tent."),
    (True, False)
    """
    return any(
        _ASKS.search(clause) and not _NOT.search(clause)
        for clause in re.split(r"(?<=[.!?])\s+|[。！？]", text)
        if clause
    )


def forget_step(state: dict[str, Any], text: str, code: Code = "en") -> ForgetStep:
    """What to do about a customer's words: they are asked once, and only a plain yes deletes.

    Args:
        state: the thread's; `forgetting` stands in it while a confirmation is awaited.
        code: the language to answer in.

    >>> asked = forget_step({}, "Delete my data, please.")
    >>> asked.do, forget_step(asked.state, "Yes, please.").do, forget_step(asked.state, "Which tent is lighter?").do
    ('ask', 'forget', 'keep')
    """
    waiting = bool(state.get("forgetting"))
    rest = {key: value for key, value in state.items() if key != "forgetting"}
    if waiting:
        plain = _YES.search(text) and not _BUT.search(text)
        if plain or asks_to_be_forgotten(text):
            # Kept until everything is deleted, so that nothing of it is used meanwhile.
            return ForgetStep("forget", language(code).forgotten, {**rest, "to_be_forgotten": True})
        return ForgetStep("keep", KEEP[code], rest)
    if asks_to_be_forgotten(text):
        return ForgetStep("ask", ASK[code], {**state, "forgetting": True})
    return ForgetStep("nothing", "", dict(state))
