"""Who may enter, by which address, and what short-lived keys bring along."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import websockets
from openai import AsyncOpenAI
from openai.types.realtime.realtime_session_create_response import RealtimeSessionCreateResponse

from contoso_lab.engine import keys as keys_module
from contoso_lab.engine.keys import Keys, NotAdmitted, keys_shown
from contoso_lab.engine.server import create_app
from contoso_lab.engine.serving import serving

START_S = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def url(fakes: Any, clock: Clock) -> AsyncIterator[str]:
    async with serving(create_app(fakes.engine, api_key="sk-right", clock=clock)) as address:
        yield address


@pytest.fixture
async def owner(url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="sk-right", base_url=f"{url}/v1", max_retries=0) as client:
        yield client


async def first_event(url: str, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Open a WebSocket by hand; gives its first message and the subprotocol that was chosen."""
    async with asyncio.timeout(5), websockets.connect(url.replace("http", "ws", 1), **options) as raw:
        return raw.subprotocol, json.loads(await raw.recv())


async def refusal(url: str, **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await first_event(url, **options)
    return refused.value.response.status_code, json.loads(refused.value.response.body)["error"]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("path", ["/v1/realtime?model=m", "/openai/v1/realtime?model=m"])
@pytest.mark.parametrize("headers", [bearer("sk-right"), {"api-key": "sk-right"}])
async def test_the_ga_doors_speak_ga(url: str, path: str, headers: dict[str, str]) -> None:
    _, created = await first_event(url + path, additional_headers=headers)
    assert (created["type"], created["session"]["type"], created["session"]["model"]) == (
        "session.created",
        "realtime",
        "m",
    )


@pytest.mark.parametrize("headers", [bearer("sk-right"), {"api-key": "sk-right"}])
async def test_the_preview_door_speaks_beta(url: str, headers: dict[str, str]) -> None:
    path = "/openai/realtime?api-version=2025-04-01-preview&deployment=mine"
    _, created = await first_event(url + path, additional_headers=headers)
    assert (created["session"]["input_audio_format"], created["session"]["model"]) == ("pcm16", "mine")
    assert "audio" not in created["session"]


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {**bearer("sk-right"), "OpenAI-Beta": "realtime=v1"}},
        {"subprotocols": ["realtime", "openai-insecure-api-key.sk-right", "openai-beta.realtime-v1"]},
    ],
)
async def test_a_client_may_ask_for_beta(url: str, options: dict[str, Any]) -> None:
    _, created = await first_event(f"{url}/v1/realtime?model=m", **options)
    assert created["session"]["output_audio_format"] == "pcm16"


@pytest.mark.parametrize(
    ("headers", "code", "words"),
    [
        ({}, None, "didn't provide an API key"),
        (bearer("sk-wrong"), "invalid_api_key", "Incorrect API key provided."),
        ({"Authorization": "Basic sk-right"}, None, "didn't provide an API key"),
        ({"api-key": "ek_unknown"}, "invalid_api_key", "Incorrect API key provided."),
        (bearer("schlüssel"), "invalid_api_key", "Incorrect API key provided."),
    ],
)
@pytest.mark.parametrize("path", ["/v1/realtime?model=m", "/openai/realtime?api-version=x&deployment=d"])
async def test_who_shows_no_good_key_is_told_so(
    url: str, path: str, headers: dict[str, str], code: str | None, words: str
) -> None:
    status, error = await refusal(url + path, additional_headers=headers)
    assert (status, error["type"], error["param"], error["code"]) == (401, "invalid_request_error", None, code)
    assert words in error["message"]


async def test_a_call_that_is_elsewhere_cannot_be_joined(url: str) -> None:
    status, error = await refusal(f"{url}/v1/realtime?call_id=rtc_1", additional_headers=bearer("sk-right"))
    assert (status, error["param"]) == (400, "call_id")


async def test_the_same_error_over_http(url: str) -> None:
    async with AsyncOpenAI(api_key="sk-wrong", base_url=f"{url}/v1", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError) as refused:
            await stranger.models.list()
        assert (refused.value.code, refused.value.type) == ("invalid_api_key", "invalid_request_error")
        with pytest.raises(openai.AuthenticationError):
            await stranger.realtime.client_secrets.create()
    async with AsyncOpenAI(api_key="sk-right", base_url=f"{url}/v1", max_retries=0) as owner:
        with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(POST /v1/responses\)"):
            await owner.responses.create(model="m", input="Hi")


async def test_a_short_lived_key_and_its_session(owner: AsyncOpenAI, url: str, clock: Clock) -> None:
    session: Any = {
        "type": "realtime",
        "model": "mine",
        "instructions": "Be brief.",
        "audio": {"output": {"speed": 1.2}},
    }
    made = await owner.realtime.client_secrets.create(expires_after={"seconds": 30}, session=session)
    assert made.value.startswith("ek_")
    assert made.expires_at == START_S + 30
    assert isinstance(made.session, RealtimeSessionCreateResponse)
    assert (made.session.instructions, made.session.model) == ("Be brief.", "mine")

    _, created = await first_event(f"{url}/v1/realtime", additional_headers=bearer(made.value))
    begun = created["session"]
    assert (begun["instructions"], begun["audio"]["output"]["speed"], begun["model"]) == ("Be brief.", 1.2, "mine")

    offered = ["realtime", f"openai-insecure-api-key.{made.value}"]
    chosen, created = await first_event(f"{url}/v1/realtime?model=other", subprotocols=offered)
    assert (chosen, created["session"]["instructions"], created["session"]["model"]) == (
        "realtime",
        "Be brief.",
        "other",
    )

    async with AsyncOpenAI(api_key=made.value, base_url=f"{url}/v1", max_retries=0) as browser:
        with pytest.raises(openai.AuthenticationError):  # it opens calls and nothing else
            await browser.realtime.client_secrets.create()

    clock.now_s += 30
    status, error = await refusal(f"{url}/v1/realtime", subprotocols=offered)
    assert (status, error["code"]) == (401, "invalid_api_key")
    assert "has expired" in error["message"]


async def test_a_call_outlives_its_key(owner: AsyncOpenAI, url: str, clock: Clock, fakes: Any) -> None:
    made = await owner.realtime.client_secrets.create()
    assert made.expires_at == START_S + 600
    fakes.brain.script = [["Still here."]]
    async with (
        asyncio.timeout(5),
        AsyncOpenAI(api_key=made.value, base_url=f"{url}/v1") as client,
        client.realtime.connect() as call,
    ):
        clock.now_s += 601
        await call.response.create()
        while (await call.recv()).type != "response.done":
            pass


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, "expires_after.seconds"),
        ({"session": {"instructions": "Hi"}}, "session.type"),
        ({"session": {"type": "translation"}}, "session.type"),
        ({"session": {"type": "transcription", "voice": "alloy"}}, "session.voice"),
        ({"session": {"type": "realtime", "voice": "alloy"}}, "session.voice"),
        ({"session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}}}, "session.audio.output.voice"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_a_wrong_session_is_refused_where_it_is_made(owner: AsyncOpenAI, body: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await owner.post("/realtime/client_secrets", body=body, cast_to=object)
    assert refused.value.param == param


async def test_the_beta_form_of_a_short_lived_key(owner: AsyncOpenAI, url: str) -> None:
    made = await owner.beta.realtime.sessions.create(model="gpt-4o-realtime-preview", voice="alloy", temperature=0.8)
    assert (made.client_secret.expires_at, made.voice, made.input_audio_format) == (START_S + 60, "alloy", "pcm16")
    headers = {**bearer(made.client_secret.value), "OpenAI-Beta": "realtime=v1"}
    _, created = await first_event(f"{url}/v1/realtime", additional_headers=headers)
    assert created["session"]["voice"] == "alloy"


async def test_an_engine_without_a_key_lets_everybody_in(fakes: Any, clock: Clock) -> None:
    async with serving(create_app(fakes.engine, clock=clock)) as url:
        for headers in ({}, bearer("whatever"), bearer("ek_from_elsewhere")):
            assert (await first_event(f"{url}/v1/realtime", additional_headers=headers))[1]["type"] == "session.created"
        async with AsyncOpenAI(api_key="x", base_url=f"{url}/v1") as client:
            made = await client.realtime.client_secrets.create(session={"type": "realtime", "instructions": "Mine."})
        _, created = await first_event(f"{url}/v1/realtime", additional_headers=bearer(made.value))
        assert created["session"]["instructions"] == "Mine."
        clock.now_s += 600
        assert (await refusal(f"{url}/v1/realtime", additional_headers=bearer(made.value)))[0] == 401


def test_old_keys_are_forgotten_and_their_sessions_sooner(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(keys_module, "MOST_SECRETS", 2)
    keys = Keys("sk-right", clock=clock)
    values = []
    for _ in range(3):
        values.append(keys.mint({"type": "realtime"}, lasts_s=10).value)
        clock.now_s += 10
    with pytest.raises(NotAdmitted, match="Incorrect"):
        keys.to_call(values[:1])
    with pytest.raises(NotAdmitted, match="expired"):
        keys.to_call(values[1:2])


def test_a_good_key_beside_a_bad_one() -> None:
    headers = {"api-key": "sk-right", "authorization": "bearer  nonsense"}
    assert keys_shown(headers) == ("sk-right", "nonsense")
    assert Keys("sk-right").to_call(keys_shown(headers)) is None
