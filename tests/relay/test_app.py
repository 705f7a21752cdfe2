from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from openai import AsyncOpenAI, OpenAI, PermissionDeniedError, RateLimitError, UnprocessableEntityError
from openai.types.realtime import ClientSecretCreateResponse
from starlette.testclient import TestClient

from contoso_lab.errors import SessionRefused
from contoso_lab.recording import Recording
from contoso_lab.relay.access.limits import Limits
from contoso_lab.relay.access.tokens import ELSEWHERE, EXPIRED, Grant
from contoso_lab.relay.app import create_app
from contoso_lab.relay.calls.tape import Tape
from contoso_lab.settings import Target

LOCAL = Target.local("http://127.0.0.1:9/v1")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "a-secret-of-some-length"


@pytest.fixture
def client(test_setup):
    def make(**options) -> TestClient:
        given = {"clock": lambda: 50.0, "runs": None, "setup": test_setup, "now": lambda: NOON}
        return TestClient(create_app(LOCAL, **{**given, **options}), base_url="http://relay.example")

    return make


def redeem(web: TestClient, token: str, origin: str | None = None) -> Grant:
    return asyncio.run(web.app.state.desk.tokens.redeem(token, origin=origin))


# Tokens


def test_a_token_is_given_with_its_end_and_bound_to_what_was_asked(client):
    web = client()
    answer = web.get("/api/token?persona=voice_brief&customer=maya&scenario=first_call&replay_of=r1&mode=text")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {"token", "expiresAt"}
    assert answer.json()["expiresAt"] == "2026-11-22T12:05:00Z"
    assert redeem(web, answer.json()["token"]) == Grant("voice_brief", "maya", "first_call", "r1", "text")


def test_a_console_on_a_screen_is_named_by_a_safe_name_and_goes_into_the_recording(client, tmp_path):
    web = client()
    name = "c" * 64
    grant = redeem(web, web.get(f"/api/token?console={name}").json()["token"])
    assert grant.console == name
    setup = asyncio.run(web.app.state.desk.prepare(grant))
    tape = Tape.start(tmp_path, grant=grant, target=LOCAL, setup=setup, fold=lambda _: None)
    tape.close("ended")
    assert Recording.open(tape.path).manifest.console == name
    for wrong in ("c" * 65, "../x", "", "a b"):
        assert web.get(f"/api/token?console={wrong}").status_code == 422


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("customer=nobody", "there is no customer 'nobody'"), ("persona=../x", "is no name"), ("persona=", "is no name")],
)
def test_who_is_not_there_is_found_before_the_call(client, query, sentence):
    answer = client().get(f"/api/token?{query}")
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {SECRET}"}, 401),
        ({"Authorization": f"Bearer {SECRET}"}, 200),
    ],
)
@pytest.mark.parametrize("path", ["/api/token", "/v1/realtime/client_secrets"])
def test_with_a_secret_a_token_costs_the_secret(client, path, headers, status):
    answer = client(secret=SECRET).request("GET" if "api" in path else "POST", path, headers=headers)
    assert answer.status_code == status
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    assert status == 200 or "shared secret" in answer.json()["error"]["message"]


def test_a_token_of_a_page_opens_calls_from_there_only(client):
    web = client()
    page = {"Origin": "http://localhost:8888"}
    token = web.get("/api/token", headers=page).json()["token"]
    assert redeem(web, token, "http://localhost:8888").origin == "http://localhost:8888"
    token = web.get("/api/token", headers=page).json()["token"]
    with pytest.raises(SessionRefused, match="of another origin") as refused:
        redeem(web, token, "http://localhost:9999")
    assert refused.value.reason == ELSEWHERE
    token = web.get("/api/token").json()["token"]  # a program's is bound to no page
    assert redeem(web, token, "http://localhost:8888").origin is None


def test_who_asks_too_often_is_told_when_to_come_back(client):
    web = client(limits=Limits(tokens_per_minute=2))
    assert [web.get("/api/token").status_code for _ in range(2)] == [200, 200]
    no = web.get("/api/token")
    assert no.status_code == 429
    assert 1 <= int(no.headers["retry-after"]) <= 60
    assert "2 tokens within a minute" in no.json()["error"]["message"]


def test_while_it_closes_the_relay_gives_no_tokens(client):
    web = client()
    web.app.state.desk.closing = True
    no = web.get("/api/token")
    assert (no.status_code, no.headers["retry-after"]) == (503, "5")
    assert web.get("/readyz").status_code == 503
    assert web.get("/healthz").json()["status"] == "closing"


# Client secrets


def test_a_client_secret_has_openais_shape_and_the_relays_session(client):
    web = client()
    body = {
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "session": {"type": "realtime", "model": "gpt-x", "instructions": "Be mine.", "metadata": {"customer": "maya"}},
    }
    answer = web.post("/v1/realtime/client_secrets?persona=voice_brief", json=body)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    read = ClientSecretCreateResponse.model_validate(answer.json(), strict=True)
    assert read.value.startswith("ek_")
    assert read.expires_at == int(NOON.timestamp()) + 60
    assert (read.session.type, read.session.model, read.session.audio.output.voice) == ("realtime", "local", "marin")
    assert "instructions" not in answer.json()["session"]
    assert redeem(web, read.value) == Grant("voice_brief", "maya")


@pytest.mark.parametrize(
    ("asked", "lives"),
    [({}, 300), ({"expires_after": {"seconds": 7200}}, 300), ({"expires_after": {"seconds": 10}}, 10)],
)
def test_a_client_secret_lives_as_long_as_it_says(client, asked, lives):
    time = [0.0]
    web = client(clock=lambda: time[0])
    first, second = (web.post("/v1/realtime/client_secrets", json=asked).json() for _ in range(2))
    assert first["expires_at"] == int(NOON.timestamp()) + lives
    time[0] = lives - 0.1
    redeem(web, first["value"])
    time[0] = lives
    with pytest.raises(SessionRefused) as refused:
        redeem(web, second["value"])
    assert refused.value.reason == EXPIRED


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"expires_after": {"seconds": 9}}, "expires_after.seconds: Input should be greater than or equal to 10"),
        ({"expires_after": {"seconds": 7201}}, "less than or equal to 7200"),
        ({"expires_after": {"seconds": "60"}}, "give a whole number of seconds"),
        ({"expires_after": {"seconds": 60.5}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "expires_after.anchor"),
        ({"session": {"type": "transcription"}}, "session.type: Input should be 'realtime'"),
        ({"session": {"metadata": {"persona": "../x"}}}, "session.metadata.persona is no name"),
        ({"session": {"metadata": {"customer": "nobody"}}}, "there is no customer 'nobody'"),
        ([], "the body"),
    ],
)
def test_what_is_wrong_with_a_wish_is_said(client, body, sentence):
    no = client().post("/v1/realtime/client_secrets", json=body)
    assert no.status_code == 422
    assert sentence in no.json()["error"]["message"]


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b'{"expires_after": }', 400), (b"\xff", 400), (b"", 200)])
def test_a_body_that_is_no_json_cannot_be_read(client, body, status):
    answer = client().post("/v1/realtime/client_secrets", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["code"] == "unreadable"


async def test_the_official_client_gets_a_secret_and_calls_with_it(relay, target):
    async with AsyncOpenAI(api_key="none-needed", base_url=f"{relay.url}/v1") as asker:
        secret = await asker.realtime.client_secrets.create(
            session={"type": "realtime", "model": "gpt-realtime"}, extra_query={"persona": "voice"}
        )
        with pytest.raises(UnprocessableEntityError, match="there is no customer 'nobody'"):
            await asker.realtime.client_secrets.create(extra_query={"customer": "nobody"})
    async with AsyncOpenAI(api_key=secret.value, base_url=f"{relay.url}/v1") as caller:
        async with caller.realtime.connect(model="gpt-realtime") as connection:
            assert (await connection.recv()).type == "session.created"
        with pytest.raises(Exception, match="401"):
            await caller.realtime.connect(model="gpt-realtime").enter()
    assert target.types[0] == "session.update"


async def test_the_official_client_understands_a_no(relay_to, free_port):
    async with relay_to(free_port, limits=Limits(tokens_per_minute=1)) as relay:

        def ask() -> None:
            with OpenAI(api_key="x", base_url=f"{relay.url}/v1", max_retries=0) as asker:
                asker.realtime.client_secrets.create()
                with pytest.raises(RateLimitError, match="within a minute"):
                    asker.realtime.client_secrets.create()
                with pytest.raises(PermissionDeniedError, match="may not use this relay"):
                    asker.realtime.client_secrets.create(extra_headers={"Origin": "https://evil.example"})

        await asyncio.to_thread(ask)


# Everything else


def test_healthz_says_whether_it_takes_calls(client):
    assert client().get("/healthz").json() == {"status": "ok", "calls": 0, "target": "local"}


def test_there_is_no_page_that_loads_scripts_from_elsewhere(client):
    for path in ("/docs", "/redoc"):
        assert client().get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/token/", 404, "not_found"),
        ("DELETE", "/api/token", 405, "wrong_method"),
        ("GET", "/v1/realtime/client_secrets", 405, "wrong_method"),
        ("GET", "/v1/realtime", 404, "not_found"),
    ],
)
def test_every_no_has_the_one_shape(client, method, path, status, code):
    no = client().request(method, path)
    assert no.status_code == status
    assert no.json()["error"].keys() == {"type", "code", "message"}
    assert (no.json()["error"]["type"], no.json()["error"]["code"]) == ("relay_error", code)
    assert ("allow" in no.headers) is (status == 405)


def test_a_failure_of_ours_tells_nothing_of_us(client):
    def broken(grant):
        raise RuntimeError("the secret place is /etc/passwd")

    web = client(setup=broken)
    web = TestClient(web.app, base_url="http://relay.example", raise_server_exceptions=False)
    no = web.get("/api/token")
    assert no.status_code == 500
    assert no.json()["error"]["message"] == "the relay failed, its log says how"
    assert no.headers["x-content-type-options"] == "nosniff"


async def test_a_name_pointed_at_this_machine_is_not_this_machine(relay):
    def ask(host: str) -> tuple[int, str]:
        request = urllib.request.Request(f"{relay.url}/api/token", headers={"Host": host})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    status, body = await asyncio.to_thread(ask, "evil.example:8901")
    assert status == 403
    assert "127.0.0.1" in json.loads(body)["error"]["message"]
    assert (await asyncio.to_thread(ask, "localhost:8901"))[0] == 200
