"""The description at /openapi.json is true: schemathesis, which believes every word of it, finds nothing."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from starlette.testclient import TestClient

from contoso_lab.memory import open_memory
from contoso_lab.relay.access.limits import Limits
from contoso_lab.relay.app import create_app
from contoso_lab.relay.setup import Setup
from contoso_lab.settings import Target

LOCAL = Target.local("http://127.0.0.1:9/v1")
MANY = Limits(tokens_per_minute=10**9, guesses_per_minute=10**9)
SECRET = "a-secret-of-some-length"
bounded = settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def everybody(grant, *, past=None) -> Setup:
    """A shop that has every persona and knows every customer."""
    return Setup({"type": "realtime", "instructions": "Sell.", "audio": {"output": {"voice": "marin"}}})


def described(**options):
    app = create_app(LOCAL, runs=None, setup=everybody, limits=MANY, **options)
    return schemathesis.openapi.from_asgi("/openapi.json", app, config=SchemathesisConfig())


MEMORY = open_memory("sqlite://")
of_the_open, of_the_guarded, to_strangers = described(), described(secret=SECRET), described(secret=SECRET)
with_a_memory, with_a_token = described(memory=MEMORY), described(memory=MEMORY)


@of_the_guarded.auth()
class WithTheSecret:
    def get(self, case, context):
        return SECRET

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@with_a_token.auth()
class WithAToken:
    """What opens a call opens the agent's routes too; each asking brings its own."""

    def get(self, case, context):
        return TestClient(with_a_token.app).get("/api/token").json()["token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@with_a_memory.parametrize()
@bounded
def test_a_relay_with_a_memory_is_what_it_says(case):
    case.call_and_validate()


@with_a_token.include(path_regex="^/api/(request|suggestion)$").parametrize()
@bounded
def test_the_agents_routes_are_what_they_say_to_who_may_use_them(case):
    answer = case.call_and_validate(excluded_checks=[not_a_server_error])  # nobody answers at the target: 502
    assert answer.status_code != 401


@of_the_open.parametrize()
@bounded
def test_an_open_relay_is_what_it_says(case):
    case.call_and_validate()


@of_the_guarded.parametrize()
@bounded
def test_a_guarded_relay_is_what_it_says(case):
    case.call_and_validate()


@to_strangers.parametrize()
@bounded
def test_a_guarded_relay_is_what_it_says_to_strangers(case):
    answer = case.call_and_validate()
    assert answer.status_code in (400, 401, 405, 422) or case.path == "/healthz"


def test_the_description_tells_of_every_no():
    app = create_app(LOCAL, runs=None, setup=everybody, secret=SECRET)
    paths = TestClient(app).get("/openapi.json").json()["paths"]
    told = {(path, method): way for path, ways in paths.items() for method, way in ways.items()}
    assert {where: sorted(way["responses"]) for where, way in told.items()} == {
        ("/api/token", "get"): ["200", "401", "403", "404", "422", "429", "503"],
        ("/v1/realtime/client_secrets", "post"): ["200", "400", "401", "403", "404", "413", "422", "429", "503"],
        ("/healthz", "get"): ["200", "403"],
    }  # fmt: skip
    for way in told.values():
        for status, response in way["responses"].items():
            shape = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert (shape == "ErrorAnswer") is (status != "200")
