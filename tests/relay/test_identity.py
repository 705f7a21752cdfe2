"""Who may ask: secrets, and access tokens of a real little issuer that changes its keys."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from starlette.testclient import TestClient

from contoso_lab.errors import ConfigError, SessionRefused
from contoso_lab.relay.access.exposure import check_exposure
from contoso_lab.relay.access.identity import NEITHER, Identity
from contoso_lab.relay.access.issuer import AWAY, FLOOR_S, NO_TOKEN, OLD_S, TOO_OLD_S, Issuer
from contoso_lab.relay.access.limits import Limits
from contoso_lab.relay.app import create_app
from contoso_lab.settings import Target

AUDIENCE = "api://contoso-lab"
SECRET = "a-secret-of-some-length"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key, kid: str, alg: str, **more: str) -> dict[str, str]:
    made = jwt.get_algorithm_by_name(alg).to_jwk(key.public_key(), as_dict=True)
    return made | {"kid": kid, "alg": alg, "use": "sig"} | more


class LittleIssuer:
    """An OpenID Connect issuer, as far as one who checks its tokens sees of it."""

    def __init__(self) -> None:
        self.keys = [public(RSA, "r1", "RS256"), public(EC, "e1", "ES256"), public(ED, "o1", "EdDSA")]
        self.calls: list[str] = []
        self.away = False
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.calls.append(self.path)
                found = issuer.documents().get(self.path)
                self.send_response(503 if issuer.away else 200 if found is not None else 404)
                self.end_headers()
                if found is not None and not issuer.away:
                    self.wfile.write(found)

            def log_message(self, *_) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/tenant"
        self.described = {"issuer": self.address, "jwks_uri": f"{self.address}/keys"}

    def documents(self) -> dict[str, bytes]:
        return {
            "/tenant/.well-known/openid-configuration": json.dumps(self.described).encode(),
            "/tenant/keys": json.dumps({"keys": self.keys}).encode(),
        }

    def token(self, key=RSA, alg: str = "RS256", kid: str | None = "r1", **changed) -> str:
        now = int(time.time())
        claims = {"iss": self.address, "aud": AUDIENCE, "sub": "maya", "exp": now + 60, "nbf": now, "iat": now}
        claims = {name: value for name, value in (claims | changed).items() if value is not None}
        return jwt.encode(claims, key, algorithm=alg, headers={"kid": kid} if kid else None)


@pytest.fixture
def issuer():
    little = LittleIssuer()
    thread = threading.Thread(target=little.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield little
    little.server.shutdown()
    little.server.server_close()
    thread.join()


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def checks(issuer, clock) -> Issuer:
    return Issuer(issuer.address, AUDIENCE, clock=lambda: clock[0])


async def refused(attempt, status: int = 401) -> str:
    with pytest.raises(SessionRefused) as no:
        await attempt
    assert no.value.status == status
    return no.value.reason


@pytest.mark.parametrize(("key", "alg", "kid"), [(RSA, "RS256", "r1"), (EC, "ES256", "e1"), (ED, "EdDSA", "o1")])
async def test_a_token_of_the_issuer_tells_whose_it_is(issuer, checks, key, alg, kid):
    assert await checks.who(issuer.token(key, alg, kid)) == "maya"
    assert await checks.who(issuer.token(key, alg, kid, aud=["other", AUDIENCE], sub="tom")) == "tom"
    assert issuer.calls == ["/tenant/.well-known/openid-configuration", "/tenant/keys"]  # fetched once


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp": 1}, "it has expired"),
        ({"exp": int(time.time()) - 31}, "it has expired"),
        ({"nbf": int(time.time()) + 86_400}, "not valid yet"),
        ({"aud": "api://other"}, "meant for somebody else"),
        ({"aud": None}, "forged or incomplete"),
        ({"iss": "https://evil.example"}, "of another issuer"),
        ({"iss": None}, "forged or incomplete"),
        ({"exp": None}, "forged or incomplete"),
        ({"sub": None}, "forged or incomplete"),
        ({"sub": 7}, "forged or incomplete"),
        ({"key": STRANGER}, "forged or incomplete"),
        ({"kid": None}, "names no key"),
        ({"kid": "e1"}, "forged or incomplete"),  # the key of another kind
        ({"alg": "PS256"}, "forged or incomplete"),  # not what the issuer says of this key
        ({"kid": "x9"}, "none of the issuer's"),
        ({"alg": "none", "key": ""}, "algorithm is not allowed"),
    ],
)
async def test_a_token_that_fails_in_one_thing_is_not_accepted(issuer, checks, changed, why):
    assert why in await refused(checks.who(issuer.token(**changed)))


async def test_a_little_difference_between_clocks_is_forgiven(issuer, checks):
    now = int(time.time())
    assert await checks.who(issuer.token(exp=now - 5, nbf=now + 5)) == "maya"


async def test_the_public_key_is_no_password(issuer, checks):
    """The classic: sign with HS256 and the public key that everybody can read as the shared one."""
    import hashlib
    import hmac

    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    claims = {"iss": issuer.address, "aud": AUDIENCE, "sub": "eve", "exp": int(time.time()) + 60}
    signed = part({"alg": "HS256", "kid": "r1", "typ": "JWT"}) + b"." + part(claims)
    signature = base64.urlsafe_b64encode(hmac.digest(pem, signed, hashlib.sha256)).rstrip(b"=")
    assert "algorithm is not allowed" in await refused(checks.who((signed + b"." + signature).decode()))
    # Nor does a shared key count that an issuer publishes by mistake.
    issuer.keys.append({"kty": "oct", "kid": "h1", "alg": "HS256", "k": "c2VjcmV0"})
    forged = issuer.token("secret" * 6, "HS256", "h1")
    assert "algorithm is not allowed" in await refused(checks.who(forged))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "....", "x" * 20_000, "\ud800.a.b", "e30.e30.e30"])
async def test_what_is_no_token_is_no_token(checks, issuer, token):
    assert "your access token is not accepted" in await refused(checks.who(token))
    assert issuer.calls == []


async def test_new_keys_are_found_and_strangers_cannot_make_us_ask_for_them_all_the_time(issuer, checks, clock):
    await checks.who(issuer.token())
    new = ec.generate_private_key(ec.SECP256R1())
    issuer.keys = [public(new, "e2", "ES256")]
    for number in range(20):
        await refused(checks.who(issuer.token(kid=f"guess-{number}")))
    assert len(issuer.calls) == 2
    assert await checks.who(issuer.token()) == "maya"  # the old key counts until the keys are fetched again
    clock[0] += FLOOR_S
    assert await checks.who(issuer.token(new, "ES256", "e2")) == "maya"
    assert len(issuer.calls) == 4
    assert "none of the issuer's" in await refused(checks.who(issuer.token()))
    assert len(issuer.calls) == 4


async def test_keys_are_fetched_again_in_time_and_go_on_to_count_while_the_issuer_is_away(issuer, checks, clock):
    await checks.who(issuer.token())
    issuer.away = True
    clock[0] += OLD_S + 1
    for _ in range(3):
        assert await checks.who(issuer.token()) == "maya"
    assert len(issuer.calls) == 3  # one attempt, and then not for half a minute
    clock[0] += TOO_OLD_S
    assert await refused(checks.who(issuer.token()), 503) == AWAY
    issuer.away = False
    assert await refused(checks.who(issuer.token()), 503) == AWAY
    clock[0] += FLOOR_S
    assert await checks.who(issuer.token()) == "maya"


async def test_an_issuer_that_was_never_there_is_no_reason_to_let_anybody_in(issuer, checks):
    issuer.away = True
    with pytest.raises(SessionRefused) as no:
        await checks.who(issuer.token())
    assert (no.value.status, no.value.retry_after_s) == (503, FLOOR_S)


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": "http://keys.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 7},
        {"issuer": None},
    ],
)
async def test_a_document_that_is_not_right_gives_no_keys(issuer, checks, described):
    issuer.described |= described
    assert await refused(checks.who(issuer.token()), 503) == AWAY


async def test_keys_that_we_cannot_use_do_not_hide_those_that_we_can(issuer, checks):
    odd = [
        {},
        7,
        {"kty": "new"},
        {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "b"},
        public(EC, "enc", "ES256", use="enc"),
    ]
    issuer.keys = [*odd, *issuer.keys]
    assert await checks.who(issuer.token()) == "maya"
    assert "none of the issuer's" in await refused(checks.who(issuer.token(EC, "ES256", "enc")))


@pytest.mark.parametrize("address", ["http://issuer.example", "issuer.example", "file:///x", "https://", ""])
def test_an_issuer_has_an_address_that_nobody_can_change_on_the_way(address):
    with pytest.raises(ConfigError, match="https"):
        Issuer(address, AUDIENCE)


def test_an_issuer_without_an_audience_is_refused():
    with pytest.raises(ConfigError, match="audience"):
        Issuer("https://issuer.example", "")


async def test_either_the_secret_or_an_access_token(issuer, checks):
    both = Identity(SECRET, checks)
    assert await both.who(f"Bearer {SECRET}", address="2001:db8::7") == "secret:2001:db8::/64"
    assert await both.who(f"Bearer {issuer.token()}", address="192.0.2.7") == "oidc:maya"
    for header in (None, "Bearer wrong", f"Basic {SECRET}", "Bearer é"):
        assert await refused(both.who(header, address=None)) == NEITHER
    assert await refused(Identity(None, checks).who(None, address=None)) == NO_TOKEN
    assert SECRET not in repr(both)


def test_over_http_the_subject_is_the_caller_and_wrong_ones_are_limited(issuer, checks, test_setup):
    app = create_app(
        Target.local("http://127.0.0.1:9/v1"), runs=None, setup=test_setup, issuer=checks,
        limits=Limits(tokens_per_minute=1, guesses_per_minute=3),
    )  # fmt: skip
    with TestClient(app, base_url="http://relay.example") as web:

        def ask(token: str):
            return web.get("/api/token", headers={"Authorization": f"Bearer {token}"}).status_code

        assert [ask(issuer.token()), ask(issuer.token()), ask(issuer.token(sub="tom"))] == [200, 429, 200]
        assert web.get("/api/token").status_code == 401
        assert [ask(issuer.token(STRANGER)) for _ in range(4)] == [401, 401, 401, 429]
        assert ask(issuer.token(sub="ada")) == 429  # from this address nobody is believed for a minute


@pytest.mark.parametrize(
    ("host", "given", "advice"),
    [
        ("127.0.0.1", {}, None),
        ("0.0.0.0", {"oidc": True}, "use TLS"),
        ("0.0.0.0", {"oidc": True, "secure": True}, None),
        ("::", {"secret": SECRET}, "use TLS"),
    ],
)
def test_a_public_relay_is_advised_to_use_tls(host, given, advice):
    said = check_exposure(host, given.pop("secret", None), **given)
    assert said is None if advice is None else advice in said
