"""What opens the target's door: found out at the start, kept fresh, and never by accident shown."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from contoso_lab.errors import ConfigError, MissingExtra, SessionRefused
from contoso_lab.relay.wires import credentials
from contoso_lab.relay.wires.credentials import Credentials, Entra
from contoso_lab.settings import Target

KEY = SecretStr("sk-test-0123456789abcdef")


@dataclass
class Provider:
    """A small server that answers as a provider does, and keeps what it was asked."""

    status: int = 200
    body: Any = None
    asked: list[tuple[str, dict[str, str]]] = None  # type: ignore[assignment]
    port: int = 0

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self.port}"


@pytest.fixture
def provider() -> Iterator[Provider]:
    told = Provider(asked=[], body={"data": [{"id": "gpt-realtime"}]})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            body = json.dumps(told.body).encode()
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def target(kind: Any, provider: Provider, key: SecretStr | None = KEY) -> Target:
    path = "/openai/v1" if kind == "azure" else "/v1"
    return Target(kind, f"http://{provider.where}{path}", "gpt-realtime", "gpt-4o-mini", key)


@pytest.mark.parametrize(
    ("kind", "key", "path", "header"),
    [
        ("openai", KEY, "/v1/models", ("authorization", f"Bearer {KEY.get_secret_value()}")),
        ("azure", KEY, "/openai/v1/models", ("api-key", KEY.get_secret_value())),
        ("url", KEY, "/v1/models", ("authorization", f"Bearer {KEY.get_secret_value()}")),
        ("url", None, "/v1/models", None),
        ("local", None, "/healthz", None),
    ],
)
async def test_each_target_is_asked_something_cheap(provider, kind, key, path, header) -> None:
    assert await Credentials(target(kind, provider, key)).check() == "it lets us in"
    [(asked, headers)] = provider.asked
    assert asked == path
    if header is None:
        assert not {"authorization", "api-key"} & headers.keys()
    else:
        assert headers[header[0]] == header[1]


@pytest.mark.parametrize(
    ("kind", "status", "sentence"),
    [
        ("openai", 401, r"does not let the relay in \(401\): set OPENAI_API_KEY to a key that is valid there"),
        ("openai", 403, r"\(403\): this key's project or country may not use it"),
        ("azure", 401, r"\(401\): check AZURE_OPENAI_API_KEY"),
        ("azure", 404, r"check AZURE_OPENAI_ENDPOINT"),
        ("url", 401, r"\(401\): set OPENAI_API_KEY"),
    ],
)
async def test_a_door_that_stays_shut_is_one_sentence_with_a_remedy(provider, kind, status, sentence) -> None:
    provider.status, provider.body = status, {"error": {"message": f"Incorrect API key {KEY.get_secret_value()}"}}
    with pytest.raises(ConfigError, match=sentence) as raised:
        await Credentials(target(kind, provider)).check()
    assert "\n" not in str(raised.value)
    assert KEY.get_secret_value() not in str(raised.value)


async def test_a_key_that_may_only_hold_calls_is_a_good_key(provider) -> None:
    provider.status, provider.body = 403, {"error": {"message": "Missing scopes: api.model.read"}}
    assert "may not list models" in await Credentials(target("openai", provider)).check()


@pytest.mark.parametrize("status", [404, 405, 426, 429, 500, 503])
async def test_what_says_nothing_about_the_key_stops_nobody(provider, status) -> None:
    provider.status = status
    assert f"it answers {status}" in await Credentials(target("url", provider)).check()


async def test_a_model_that_the_key_may_not_use(provider) -> None:
    provider.body = {"data": [{"id": "gpt-4o"}]}
    with pytest.raises(ConfigError, match=r"may not use the model 'gpt-realtime': set CONTOSO_LAB_MODEL"):
        await Credentials(target("openai", provider)).check()
    provider.body = [1]
    assert await Credentials(target("openai", provider)).check() == "it lets us in"


@pytest.mark.parametrize(("kind", "remedy"), [("local", "start the engine"), ("openai", "check the address")])
async def test_nobody_there(free_port, kind, remedy) -> None:
    with pytest.raises(ConfigError, match=rf"nothing answers at 127.0.0.1:{free_port}: {remedy}.*--no-check"):
        await Credentials(target(kind, Provider(port=free_port), None if kind == "local" else KEY)).check()


async def test_one_that_takes_the_call_and_says_nothing() -> None:
    held: list[asyncio.StreamWriter] = []
    async with silent(held) as port:
        with pytest.raises(ConfigError, match=r"did not answer within 0 s"):
            await Credentials(target("url", Provider(port=port))).check(timeout_s=0.1)
        for writer in held:
            writer.close()


async def test_an_address_that_is_none() -> None:
    with pytest.raises(ConfigError, match=r"is no address"):
        await Credentials(Target("url", "http://[::1", "m", "m")).check()


@asynccontextmanager
async def silent(held: list[asyncio.StreamWriter]) -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@dataclass
class Given:
    token: str
    expires_on: int


class Signs:
    """A credential as azure-identity has them: it blocks, its tokens change, and sometimes it fails."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.hold: threading.Event | None = None

    def get_token(self, *scopes: str) -> Given:
        if self.hold is not None:
            self.hold.wait(10)
        self.asked += scopes
        if self.failure is not None:
            raise self.failure
        return Given(f"entra-{len(self.asked)}", int(self.clock.now + 3600))


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signs(clock: Clock) -> Signs:
    return Signs(clock)


async def settled(entra: Entra) -> None:
    """Wait for the token that is being fetched behind everybody's back."""
    while entra._fetching is not None:
        await asyncio.wait([entra._fetching])
        await asyncio.sleep(0)


async def test_a_token_is_kept_and_fetched_anew_before_it_ends(clock, signs) -> None:
    told: list[str] = []
    entra = Entra("scope/.default", signs, now=clock, told=told.append)
    assert entra.ends_at is None
    assert [await entra.token(), await entra.token()] == ["entra-1", "entra-1"]
    assert entra.ends_at == clock.now + 3600
    clock.now += 3600 - 200
    assert await entra.token() == "entra-1"  # nobody waits for the next one while this one lives
    await settled(entra)
    assert await entra.token() == "entra-2"
    clock.now += 3600 + 1
    assert await entra.token() == "entra-3"  # this one had ended: the caller waits
    assert (signs.asked, told) == (["scope/.default"] * 3, ["ok"] * 3)


async def test_many_who_wait_ask_once(clock, signs) -> None:
    signs.hold = threading.Event()
    entra = Entra("scope", signs, now=clock)
    waiting = [asyncio.create_task(entra.token()) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # one hangs up; the others get their token all the same
    signs.hold.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == ["entra-1"] * 4
    assert signs.asked == ["scope"]


async def test_a_failure_counts_while_the_old_one_lives_and_says_how_to_sign_in_when_not(clock, signs) -> None:
    told: list[str] = []
    entra = Entra("scope", signs, now=clock, told=told.append)
    await entra.token()
    signs.failure = RuntimeError("AADSTS700016: maya@contoso.example, a page of text")
    for lives_s in (200, 30):
        clock.now = entra.ends_at - lives_s
        assert await entra.token() == "entra-1"
        await settled(entra)
    clock.now = entra.ends_at + 1
    with pytest.raises(
        ConfigError, match=r"no Entra ID token for the target \(RuntimeError\): sign in with 'az login'"
    ) as no:
        await entra.token()
    assert "maya" not in str(no.value)
    assert told == ["ok", "failed", "failed", "failed"]
    with pytest.raises(SessionRefused, match="az login") as refused:
        await Credentials(Target("azure", "http://127.0.0.1:9/openai/v1", "m", "m"), entra).headers()
    assert refused.value.status == 502


async def test_a_credential_that_hangs_is_not_waited_for(clock, signs, monkeypatch) -> None:
    monkeypatch.setattr(credentials, "FETCH_S", 0.05)
    signs.hold = threading.Event()
    entra = Entra("scope", signs, now=clock)
    with pytest.raises(ConfigError, match="no Entra ID token came within"):
        await entra.token()
    signs.hold.set()
    await settled(entra)
    assert await entra.token() == "entra-1"


async def test_without_azure_identity_the_package_is_named(monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(MissingExtra, match=r"pip install 'contoso-lab\[azure\]'"):
        await Entra("scope").token()


async def test_azure_without_a_key_is_asked_with_a_token_and_told_which_role_it_needs(provider, clock, signs) -> None:
    shown = Credentials(target("azure", provider, None), Entra("scope", signs, now=clock))
    await shown.check()
    assert provider.asked[0][1]["authorization"] == "Bearer entra-1"
    provider.status = 401
    with pytest.raises(ConfigError, match="give this identity the role 'Cognitive Services OpenAI User'"):
        await shown.check()


async def test_each_dialling_shows_the_token_of_its_time(relay_to, target, clock, signs) -> None:
    """The call, the whole way: the second one comes after the first token has ended."""
    entra = Entra("scope", signs, now=clock)
    azure = Target("azure", f"http://127.0.0.1:{target.port}/openai/v1", "gpt-realtime", "m")
    async with relay_to(target.port) as relay:
        relay.desk.target, relay.desk.headers = azure, Credentials(azure, entra).headers
        for expected in ("Bearer entra-1", "Bearer entra-2"):
            async with relay.call(relay.token()) as socket:
                assert json.loads(await socket.recv())["type"] == "session.created"
            assert (target.headers["authorization"], target.path) == (
                expected,
                "/openai/v1/realtime?model=gpt-realtime",
            )
            clock.now += 4000
