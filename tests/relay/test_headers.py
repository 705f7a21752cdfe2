from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from contoso_lab.relay.access.headers import ALWAYS, HSTS, MOST_BODY_BYTES, PREFLIGHT_S
from contoso_lab.relay.app import create_app
from contoso_lab.settings import Target

LOCAL = Target.local("http://127.0.0.1:9/v1")


@pytest.fixture
def client(test_setup):
    def make(base_url: str = "http://relay.example", **options) -> TestClient:
        app = create_app(LOCAL, runs=None, setup=test_setup, allowed_origins=["https://LAB.example/"], **options)
        return TestClient(app, base_url=base_url)

    return make


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/api/token", {}, 200),
        ("GET", "/healthz", {}, 200),
        ("GET", "/openapi.json", {}, 200),
        ("GET", "/nothing", {}, 404),
        ("PUT", "/api/token", {}, 405),
        ("GET", "/api/token?persona=", {}, 422),
        ("GET", "/api/token", {"Origin": "https://evil.example"}, 403),
        ("OPTIONS", "/api/token", {"Origin": "https://lab.example", "Access-Control-Request-Method": "GET"}, 204),
        ("POST", "/v1/realtime/client_secrets", {"Content-Length": "1000000"}, 413),
    ],
)
def test_every_answer_has_them(client, method, path, headers, status):
    answer = client().request(method, path, headers=headers)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "Origin" in answer.headers["vary"]
    assert "strict-transport-security" not in answer.headers
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("base_url", "hsts"),
    [
        ("https://relay.example", HSTS),
        ("http://relay.example", None),
        ("https://localhost:8901", None),
        ("https://127.0.0.1:8901", None),
    ],
)
def test_only_tls_is_asked_for_again_and_never_of_this_machine(client, base_url, hsts):
    assert client(base_url).get("/healthz").headers.get("strict-transport-security") == hsts


@pytest.mark.parametrize(
    ("origin", "let_in"),
    [
        ("http://localhost:8888", True),
        ("http://relay.example", True),
        ("https://lab.example", True),
        ("https://evil.example", False),
        ("http://lab.example", False),
        ("null", False),
        ("*", False),
    ],
)
def test_pages_from_elsewhere_get_nothing_and_nobody_gets_a_star(client, origin, let_in):
    web = client()
    for answer in (web.get("/api/token", headers={"Origin": origin}), web.get("/no", headers={"Origin": origin})):
        assert (answer.status_code == 403) is not let_in
        assert answer.headers.get("access-control-allow-origin") == (origin if let_in else None)
        assert "access-control-allow-credentials" not in answer.headers
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    preflight = web.options("/v1/realtime/client_secrets", headers=asked)
    assert preflight.status_code == (204 if let_in else 403)
    told = {
        name: value for name, value in preflight.headers.items() if name.startswith("access-control-") and let_in
    }  # fmt: skip
    assert told == (
        {
            "access-control-allow-origin": origin,
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "Authorization, Content-Type",
            "access-control-allow-private-network": "true",
            "access-control-max-age": str(PREFLIGHT_S),
            "access-control-expose-headers": "Retry-After",
        }
        if let_in
        else {}
    )
    assert not let_in or set(preflight.headers["vary"].split(", ")) == {
        "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers",
        "Access-Control-Request-Private-Network",
    }  # fmt: skip


def test_options_without_a_question_is_no_preflight(client):
    assert client().options("/api/token").status_code == 405
    assert client().options("/api/token", headers={"Origin": "https://lab.example"}).status_code == 405


def test_a_body_is_bounded_whether_it_says_its_length_or_not(client):
    web = client()

    def drops():
        for _ in range(MOST_BODY_BYTES // 1024 + 1):
            yield b" " * 1024

    json = {"Content-Type": "application/json"}
    for body in (b" " * (MOST_BODY_BYTES + 1), drops()):
        no = web.post("/v1/realtime/client_secrets", content=body, headers=json)
        assert no.status_code == 413
        assert no.json()["error"] == {
            "type": "relay_error", "code": "too_long", "message": "the request is longer than 256 KiB: send less"
        }  # fmt: skip
    assert web.post("/v1/realtime/client_secrets", content=b"{}" + b" " * 1000, headers=json).status_code == 200
