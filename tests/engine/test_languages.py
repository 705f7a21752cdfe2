"""Which languages the local engine hears and speaks, and how it says no to the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from contoso_lab import prompts
from contoso_lab.engine.chat_request import ChatRequest
from contoso_lab.engine.clerk.brain import pieces
from contoso_lab.engine.ear import WhisperEar
from contoso_lab.engine.refusals import Refused
from contoso_lab.engine.seams import BrainRequest, ChatMessage, languages_of
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving
from contoso_lab.engine.session_rules import check_session
from contoso_lab.engine.voice import HibariVoice
from contoso_lab.shop.catalog import Catalog
from contoso_lab.shop.customers import get_customer
from contoso_lab.shop.languages import detect_language
from contoso_lab.shop.voice import instructions, session_config, who

CATALOG, MAYA = Catalog.load(), get_customer("maya")
OTHERS = ("voice_de", "voice_fr", "voice_es", "voice_ja")


def test_the_local_ear_and_voice_know_english_and_say_so() -> None:
    assert languages_of(WhisperEar) == languages_of(HibariVoice) == ("en",)


@pytest.mark.parametrize("persona", OTHERS)
def test_a_persona_of_another_language_gets_a_clear_error_and_no_garbage(
    new_caller: Callable[..., Any], persona: str
) -> None:
    caller = new_caller(hears=("en",))
    (error,) = caller.update(**session_config(persona, MAYA, CATALOG))
    assert error["type"] == "error"
    assert error["error"]["code"] == "language_not_supported"
    assert error["error"]["param"] == "session.audio.input.transcription.language"
    assert "hears and speaks 'en' only: choose a persona" in error["error"]["message"]
    assert f"'{persona[-2:]}'" in error["error"]["message"]


def test_an_english_persona_is_welcome(new_caller: Callable[..., Any]) -> None:
    (updated,) = new_caller(hears=("en",)).update(**session_config("voice", MAYA, CATALOG))
    assert updated["type"] == "session.updated"


def test_an_ear_that_does_not_say_takes_every_language(new_caller: Callable[..., Any]) -> None:
    (updated,) = new_caller().update(**session_config("voice_de", MAYA, CATALOG))
    assert updated["session"]["audio"]["input"]["transcription"]["language"] == "de"


@pytest.mark.parametrize(
    ("language", "fine"), [("en", True), ("en-GB", True), ("EN_us", True), ("eng", False), ("de-AT", False)]
)
def test_regions_of_a_language_are_the_language(language: str, fine: bool) -> None:
    session = {"type": "transcription", "audio": {"input": {"transcription": {"model": "x", "language": language}}}}
    if fine:
        check_session(session, voices=("robin",), hears=("en",))
        return
    with pytest.raises(Refused, match="hears and speaks 'en' only"):
        check_session(session, voices=("robin",), hears=("en",))


async def test_the_list_of_models_says_what_each_hears_and_speaks(fakes: Any) -> None:
    fakes.ear.languages, fakes.voice.languages = ("en",), ("en", "de")
    async with serving(create_app(fakes.engine)) as url, AsyncOpenAI(api_key="x", base_url=f"{url}/v1") as client:
        listed = (await client.models.list()).data[0].model_dump()
        named = (await client.models.retrieve("gpt-realtime")).model_dump()
    assert listed["languages"] == named["languages"] == {"hears": ["en"], "speaks": ["en", "de"]}


async def test_an_engine_that_does_not_know_its_languages_names_none(client: AsyncOpenAI) -> None:
    assert "languages" not in (await client.models.list()).data[0].model_dump()


async def test_a_short_lived_key_for_another_language_is_refused_when_it_is_made(fakes: Any) -> None:
    fakes.ear.languages = ("en",)
    async with serving(create_app(fakes.engine)) as url, AsyncOpenAI(api_key="x", base_url=f"{url}/v1") as client:
        with pytest.raises(BadRequestError, match="hears and speaks 'en' only"):
            await client.realtime.client_secrets.create(session=session_config("voice_de", MAYA, CATALOG))  # type: ignore[arg-type]


# -- the clerk, who knows English only ------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", OTHERS)
def test_the_clerk_says_nothing_that_an_english_voice_could_not_say(persona: str) -> None:
    talk = [ChatMessage("system", instructions(persona, MAYA, CATALOG))]
    said = []
    for line in ("", "What is the warranty?", "Thank you, bye."):
        talk += [ChatMessage("user", line)] if line else []
        said.append("".join(map(str, pieces(BrainRequest(tuple(talk))))))
        talk.append(ChatMessage("assistant", said[-1]))
    assert said[0] == "Hello Maya, this is Robin from Contoso Outdoor. I am sorry that I can speak English only."
    assert [detect_language(re.sub("Maya|Robin|Contoso Outdoor", "", words)).code for words in said] == ["en"] * 3


@pytest.mark.parametrize(
    "line", ["Wie schwer ist das Zelt für vier?", "テントを見せてください。", "¿Cuánto cuesta una tienda para dos?"]
)
def test_a_customer_who_speaks_another_language_is_told(line: str) -> None:
    talk = (ChatMessage("system", instructions("voice", MAYA, CATALOG)), ChatMessage("user", line))
    assert "English only" in "".join(map(str, pieces(BrainRequest(talk))))


def request_of(name: str, **inputs: Any) -> BrainRequest:
    messages = prompts.load(name).render(**who(MAYA, CATALOG), **inputs)
    return ChatRequest.model_validate({"model": "local", "messages": messages}).to_brain(sees=False)


def test_the_clerks_page_says_that_it_is_not_in_the_language_that_was_asked_for() -> None:
    talk = [{"role": "user", "content": "Please show me a tent for four people."}]
    note = "This page is in English: its writer knows no German."
    assert note in "".join(map(str, pieces(request_of("suggestions", conversation=talk, language="German"))))
    assert note not in "".join(map(str, pieces(request_of("suggestions", conversation=talk))))
