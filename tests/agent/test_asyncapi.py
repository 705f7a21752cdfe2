"""What is said about the surface is true: AsyncAPI of the socket, OpenAPI of the rest."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from pydantic import ValidationError
from schemathesis.config import SchemathesisConfig
from starlette.testclient import TestClient

from contoso_lab.agent.asyncapi import IN, OUT, asyncapi
from contoso_lab.agent.chat_goodbyes import CLOSE_CODES
from contoso_lab.agent.chat_socket import chat
from contoso_lab.agent.desk import Agent, AgentLimits, Visitor
from contoso_lab.agent.frames import ClientMessage
from contoso_lab.agent.page_talk import Verdict
from contoso_lab.agent.pages import Pages
from contoso_lab.agent.routes import agent_routes
from contoso_lab.memory import open_memory
from contoso_lab.prompts import PromptRun
from contoso_lab.settings import Target
from contoso_lab.shop.writeup import WriteUp

SPECS = Path(__file__).parent.parent / "clients" / "js" / "node_modules" / "@asyncapi" / "specs" / "schemas"
LOCAL = Target.local("http://127.0.0.1:9/v1")
RUN = PromptRun("suggestions", "", (), "", None, None, "tiny", 0, None, 0)


@pytest.fixture
def described() -> dict[str, Any]:
    return asyncapi("/api/chat", AgentLimits())


def follow(described: dict[str, Any], ref: str) -> Any:
    place: Any = described
    for step in ref.removeprefix("#/").split("/"):
        place = place[step]
    return place


def test_the_description_is_valid_asyncapi(described: dict[str, Any]) -> None:
    official = SPECS / "3.0.0-without-$id.json"
    if not official.exists():
        pytest.skip("the official schema comes from npm: npm ci --prefix tests/clients/js")
    schema = json.loads(official.read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(described)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    def refs(value: Any) -> list[str]:
        match value:
            case dict():
                own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
                return own + [ref for inner in value.values() for ref in refs(inner)]
            case list():
                return [ref for inner in value for ref in refs(inner)]
        return []

    found = refs(described)
    assert len(found) > 15
    for ref in found:
        assert follow(described, ref)


def test_both_directions_are_there_and_each_frame_in_one(described: dict[str, Any]) -> None:
    receive, send = described["operations"]["receive"], described["operations"]["send"]
    assert (receive["action"], send["action"]) == ("receive", "send")
    names = [[ref["$ref"].rpartition("/")[2] for ref in way["messages"]] for way in (receive, send)]
    assert names == [[model.__name__ for model in IN], [model.__name__ for model in OUT]]
    assert described["channels"]["chat"]["x-close-codes"].keys() == {str(code) for code in CLOSE_CODES}


def test_the_bounds_of_the_code_stand_in_the_description(described: dict[str, Any]) -> None:
    message = follow(described, "#/components/schemas/ClientMessage")
    assert message["required"] == ["name", "text"]
    assert message["additionalProperties"] is False
    bound = next(one for one in ClientMessage.model_fields["text"].metadata if hasattr(one, "max_length"))
    assert message["properties"]["text"]["maxLength"] == bound.max_length


async def test_what_the_server_sends_fits_the_description(house: Any, server: Any, described: dict[str, Any]) -> None:
    server.reply = [json.dumps({"response": "Maya, yes.", "context": "x", "call": 2})]
    async with house.chat() as client:
        frames = [await client.attach(), *await client.ask("Hello"), *await client.ask(" ")]
    by_type = {model.model_fields["type"].default: model.__name__ for model in OUT}
    assert {frame["type"] for frame in frames} == set(by_type)
    for frame in frames:
        schema = {"$ref": f"#/components/schemas/{by_type[frame['type']]}", "components": described["components"]}
        jsonschema.Draft202012Validator(schema).validate(frame)


def test_it_is_served_and_names_the_path_that_is_really_there() -> None:
    with open_memory("sqlite://") as memory:
        router = agent_routes(Agent(LOCAL, memory))
        app = FastAPI()
        app.include_router(router)
        served = TestClient(app).get("/asyncapi.json").json()
    paths = {getattr(route, "path", None) for route in router.routes}
    assert served["channels"]["chat"]["address"] in paths
    assert served == json.loads(json.dumps(asyncapi("/api/chat", AgentLimits())))


# -- OpenAPI --------------------------------------------------------------------------------------


async def anybody(token: str, origin: str | None, address: str | None) -> Visitor:
    return Visitor("maya")


async def yes(messages: Any, target: Any) -> Verdict:
    return Verdict(True, "asked")


async def write(messages: Any, customer: Any, catalog: Any, target: Any, on_text: Any) -> WriteUp:
    on_text("## A page")
    return WriteUp("## A page", (), (), RUN)


def api(**options: Any) -> Any:
    limits = AgentLimits(requests_per_minute=10**9)
    agent = Agent(LOCAL, open_memory("sqlite://"), limits=limits, **options)
    app = FastAPI()
    app.include_router(agent_routes(agent, pages=Pages(agent, gate=yes, writer=write)))
    return schemathesis.openapi.from_asgi("/openapi.json", app, config=SchemathesisConfig())


bounded = settings(
    max_examples=30,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
to_customers, to_strangers = api(admit=anybody), api()


@to_customers.auth()
class WithAToken:
    def get(self, case: Any, context: Any) -> str:
        return "a-token"

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@to_customers.parametrize()
@bounded
def test_the_routes_are_what_openapi_says(case: Any) -> None:
    case.call_and_validate()


@to_strangers.parametrize()
@bounded
def test_the_routes_are_what_openapi_says_to_strangers(case: Any) -> None:
    answer = case.call_and_validate()
    assert answer.status_code in (400, 401, 405, 422) or case.path == "/asyncapi.json"


# -- rubbish --------------------------------------------------------------------------------------

ANYTHING = (
    None, True, 0, -1, 1e308, "", "x", "\u0000", "\ud800", "é😀" * 50, [], {}, [[]] * 30, {"a": {"b": None}},
    "data:image/png;base64,AAAA", "data:image/png;base64,", "thread_x", "../../etc",
)  # fmt: skip
MOST_GROWN_BYTES = 400_000


def rubbish(rng: random.Random) -> dict[str, Any]:
    """One frame as ASGI hands it over: bytes, no JSON, JSON of another shape, or a message with one thing wrong."""
    match rng.randrange(7):
        case 0:
            return {"type": "websocket.receive", "bytes": rng.randbytes(rng.randrange(200))}
        case 1:
            raw = rng.randbytes(rng.randrange(200)).decode("latin-1")
        case 2:
            raw = json.dumps(rng.choice(ANYTHING))
        case 3:
            raw = json.dumps(
                {"name": rng.choice(ANYTHING), "text": rng.choice(ANYTHING), "image": rng.choice(ANYTHING)}
            )
        case 4:
            raw = json.dumps({"name": "Maya", "text": "Hello", rng.choice(("role", "id", "")): rng.choice(ANYTHING)})
        case 5:
            raw = "[" * rng.randrange(1, 3_000)
        case _:
            whole = json.dumps({"name": "Maya", "text": "x" * rng.randrange(9_000)})
            raw = whole[: rng.randrange(len(whole))]
    return {"type": "websocket.receive", "text": "{" if is_a_message(raw) else raw}


def is_a_message(raw: str) -> bool:
    try:
        message = ClientMessage.model_validate_json(raw)
    except ValidationError:
        return False
    return bool(message.text.strip()) and not message.image


class Line:
    """A socket without a network: what a client sends is handed over, what it gets is kept."""

    def __init__(self, frames: list[dict[str, Any]]) -> None:
        self.inbox = iter([{"type": "websocket.connect"}, *frames, {"type": "websocket.disconnect", "code": 1006}])
        self.sent: list[dict[str, Any]] = []
        self.scope = {
            "type": "websocket", "path": "/api/chat", "query_string": b"token=t", "headers": [], "subprotocols": [],
        }  # fmt: skip

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        return next(self.inbox)

    async def send(self, message: Any) -> None:
        self.sent.append(message)


async def storm(agent: Agent, rng: random.Random, frames: int) -> None:
    from starlette.websockets import WebSocket

    while frames > 0:
        first = rubbish(rng) if rng.random() < 0.1 else {"type": "websocket.receive", "text": "{}"}
        count = rng.randrange(1, 130)
        line = Line([first, *(rubbish(rng) for _ in range(count))])
        await chat(agent, WebSocket(line.scope, line.receive, line.send))
        frames -= count + 1
        for message in line.sent:
            if message["type"] == "websocket.send":
                said = json.loads(message["text"])
                assert said["type"] in ("thread", "error")
                message["text"].encode()
            elif message["type"] == "websocket.close":
                assert message["code"] in CLOSE_CODES
                assert message["code"] != 1011
                assert 0 < len(message["reason"].encode()) <= 123


async def test_five_thousand_broken_frames_crash_nothing_and_leave_nothing_behind() -> None:
    rng = random.Random(20261122)
    with open_memory("sqlite://") as memory:
        clock = iter(range(0, 10**9, 5))
        limits = AgentLimits(threads_per_pass=10**9)
        agent = Agent(LOCAL, memory, admit=anybody, limits=limits, clock=lambda: float(next(clock)))
        await storm(agent, rng, 2_500)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            await storm(agent, rng, 2_500)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert agent.open_sockets == 0
        assert all(memory.history(thread.id) == [] for thread in memory.list())
    # Of ours: the openai package closes a client that was thrown away in a task of its own.
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert [task for task in others if "contoso_lab" in task.get_coro().cr_code.co_filename] == []
    assert after - before < MOST_GROWN_BYTES
