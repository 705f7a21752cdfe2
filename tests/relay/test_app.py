from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from contoso_lab.relay.app import create_app
from contoso_lab.relay.tokens import Grant
from contoso_lab.settings import Target

LOCAL = Target.local("http://127.0.0.1:9/v1")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def client(test_setup):
    def make(**options) -> TestClient:
        app = create_app(LOCAL, runs=None, setup=test_setup, clock=lambda: 50.0, now=lambda: NOON, **options)
        return TestClient(app, base_url="http://relay.example")

    return make


def test_a_token_is_given_with_its_end_and_bound_to_what_was_asked(client):
    web = client()
    answer = web.get("/api/token?persona=voice_brief&customer=maya&scenario=first_call")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json().keys() == {"token", "expiresAt"}
    assert answer.json()["expiresAt"] == "2026-11-22T12:05:00Z"
    tokens = web.app.state.desk.tokens
    assert tokens.redeem(answer.json()["token"], at_s=60) == Grant("voice_brief", "maya", "first_call")


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
        ({"Authorization": "Basic a-secret-of-some-length"}, 401),
        ({"Authorization": "Bearer a-secret-of-some-length"}, 200),
    ],
)
def test_with_a_secret_a_token_costs_the_secret(client, headers, status):
    answer = client(secret="a-secret-of-some-length").get("/api/token", headers=headers)
    assert answer.status_code == status
    assert "token" in answer.json() or "shared secret" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:8888", 200), ("http://relay.example", 200), ("https://lab.example", 200),
     ("https://evil.example", 403), ("null", 403)],
)  # fmt: skip
def test_pages_from_elsewhere_get_no_token_and_nobody_gets_a_star(client, origin, status):
    web = client(allowed_origins=["https://LAB.example/"])
    answer = web.get("/api/token", headers={"Origin": origin})
    assert answer.status_code == status
    assert answer.headers.get("access-control-allow-origin") == (origin if status == 200 else None)
    preflight = web.options("/api/token", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
    assert preflight.status_code == (204 if status == 200 else 403)
    assert preflight.headers.get("access-control-allow-headers") == ("Authorization" if status == 200 else None)


def test_healthz_says_whether_it_takes_calls(client):
    assert client().get("/healthz").json() == {"status": "ok", "calls": 0, "target": "local"}


def test_there_is_no_page_that_loads_scripts_from_elsewhere(client):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client().get(path).status_code == 404


async def test_a_name_pointed_at_this_machine_is_not_this_machine(relay):
    import asyncio

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
