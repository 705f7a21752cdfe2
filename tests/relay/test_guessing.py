"""Ten thousand wrong tokens find no right one, and after the first few nobody even looks at them."""

from __future__ import annotations

import asyncio
import json
import secrets

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from contoso_lab.relay.access.limits import Limits
from contoso_lab.relay.access.tokens import MOST_TOKENS, UNKNOWN, Grant, MemoryTokens
from contoso_lab.relay.admission import Admitted, Refused
from contoso_lab.relay.app import create_app
from contoso_lab.relay.wires.handshake import Handshake
from contoso_lab.settings import Target

MAYA = Grant("voice", "maya")


class Counting(MemoryTokens):
    """A store that knows how often it was asked."""

    asked = 0

    async def redeem(self, token: str, *, origin: str | None) -> Grant:
        self.asked += 1
        return await super().redeem(token, origin=origin)


@pytest.fixture
def desk(test_setup):
    tokens = Counting()
    app = create_app(Target.local("http://127.0.0.1:9/v1"), runs=None, setup=test_setup, tokens=tokens)
    return app.state.desk


def shown(token: str, address: str) -> Handshake:
    return Handshake("/v1/realtime", {}, {"authorization": f"Bearer {token}"}, client_host=address)


async def test_ten_thousand_wrong_tokens_from_one_address(desk):
    right = [await desk.tokens.issue(MAYA) for _ in range(100)]
    answers = [await desk.admit(shown(secrets.token_urlsafe(32), "192.0.2.7")) for _ in range(10_000)]
    assert all(isinstance(no, Refused) for no in answers)
    assert [no.status for no in answers] == [401] * 30 + [429] * 9_970
    assert all(no.close.code == (4401 if no.status == 401 else 4429) for no in answers)
    assert all(1 <= no.retry_after_s <= 60 for no in answers if no.status == 429)
    assert desk.tokens.asked == 30
    # A right one is not believed from there either, and is not spent by it.
    assert (await desk.admit(shown(right[0], "192.0.2.7"))).status == 429
    assert await desk.tokens.redeem(right[0], origin=None) == MAYA


async def test_ten_thousand_wrong_tokens_from_everywhere(desk):
    right = [await desk.tokens.issue(MAYA) for _ in range(100)]
    found = set()
    for number in range(10_000):
        address = f"10.{number % 7}.{number // 250}.{number % 250}"
        no = await desk.admit(shown(secrets.token_urlsafe(32), address))
        assert not isinstance(no, Admitted)
        found.add((no.status, no.sentence))
    assert found == {(401, UNKNOWN)}
    assert desk.tokens.asked == 10_000
    for token in right:
        assert await desk.tokens.redeem(token, origin=None) == MAYA
    assert len(desk.tokens) == 100 < MOST_TOKENS  # a wrong token leaves nothing behind


async def test_guessing_a_resume_token_is_guessing_a_token(desk):
    def back() -> Handshake:
        query = {"resume": secrets.token_urlsafe(32), "received": "0"}
        return Handshake("/v1/realtime", query, {}, client_host="192.0.2.7")

    statuses = [(await desk.admit(back())).status for _ in range(100)]
    assert statuses == [410] * 30 + [429] * 70


async def test_at_the_real_doors_too(relay_to, target):
    async with relay_to(target.port, limits=Limits(guesses_per_minute=5)) as relay:

        async def knock() -> tuple[int, str | None, str]:
            key = {"Authorization": f"Bearer {secrets.token_urlsafe(32)}"}
            try:
                async with connect(f"{relay.ws_url}/v1/realtime", additional_headers=key):
                    raise AssertionError("a wrong token was let in")
            except InvalidStatus as no:
                body = json.loads(no.response.body)["error"]
                return no.response.status_code, no.response.headers.get("Retry-After"), body["code"]

        first = [await knock() for _ in range(5)]
        rest = await asyncio.gather(*(knock() for _ in range(20)))
        assert {(status, code) for status, _, code in first} == {(401, "not_let_in")}
        assert {(status, code) for status, _, code in rest} == {(429, "too_many")}
        assert all(wait is not None and 1 <= int(wait) <= 60 for _, wait, _ in rest)
        async with connect(f"{relay.ws_url}/api/realtime/ws?token=wrong") as page:
            with pytest.raises(Exception, match="4429"):
                await page.recv()
    assert target.connections == []
