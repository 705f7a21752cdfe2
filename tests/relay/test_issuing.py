"""Where tokens are handed out: each asking in vain is counted once, as what it is."""

from __future__ import annotations

from typing import Any

import pytest

from contoso_lab.errors import SessionRefused
from contoso_lab.relay.access.identity import Identity
from contoso_lab.relay.access.issuer import AWAY as ISSUER_AWAY
from contoso_lab.relay.access.issuing import Asked, Issuing
from contoso_lab.relay.access.limits import Limits
from contoso_lab.relay.access.redis_link import AWAY as STORE_AWAY
from contoso_lab.relay.access.tokens import WHERE, Grant, MemoryTokens
from contoso_lab.relay.app import create_app
from contoso_lab.settings import Target

SECRET = "a-secret-of-some-length"
COUNTED = ("tokens_not_issued", "limits", "errors")


class Away(MemoryTokens):
    """A store that does not answer."""

    async def issue(self, grant: Grant, *, lifetime_s: float | None = None, prefix: str = "") -> str:
        raise SessionRefused(WHERE, STORE_AWAY, status=503, retry_after_s=5)


class NobodyKnown(Identity):
    """Its issuer is away."""

    async def who(self, authorization: str | None, *, address: str | None) -> str:
        raise SessionRefused(WHERE, ISSUER_AWAY, status=503, retry_after_s=5)


@pytest.fixture
def issuing(test_setup):
    def make(*, identity: Identity | None = None, **options: Any) -> Issuing:
        app = create_app(Target.local("http://127.0.0.1:9/v1"), runs=None, setup=test_setup, **options)
        return Issuing(app.state.desk, identity or Identity())

    return make


async def ask(issuing: Issuing, *, shown: str | None = None, status: int = 0, customer: str = "maya") -> None:
    headers = {} if shown is None else {"authorization": f"Bearer {shown}"}
    asking = issuing.issue(Asked(customer=customer), headers=headers, address="192.0.2.7")
    if status:
        with pytest.raises(SessionRefused) as no:
            await asking
        assert no.value.status == status
    else:
        await asking


def counted(issuing: Issuing) -> dict[str, float]:
    """What is not 0, as `metric/label`."""
    return {
        f"{family.name.removeprefix('contoso_relay_')}/{next(iter(sample.labels.values()))}": sample.value
        for family in issuing.desk.observer.metrics.registry.collect()
        if family.name.removeprefix("contoso_relay_") in COUNTED
        for sample in family.samples
        if sample.value
    }


async def test_who_asks_too_often_is_counted_once(issuing) -> None:
    desk = issuing(limits=Limits(tokens_per_minute=1))
    await ask(desk)
    assert counted(desk) == {}
    await ask(desk, status=429)
    assert counted(desk) == {"tokens_not_issued/limited": 1, "limits/tokens": 1}


async def test_who_guesses_is_counted_as_one_who_guesses(issuing) -> None:
    desk = issuing(identity=Identity(SECRET), limits=Limits(guesses_per_minute=2))
    for status in (401, 401, 429, 429, 429):
        await ask(desk, shown="wrong", status=status)
    assert counted(desk) == {
        "tokens_not_issued/not_allowed": 2, "tokens_not_issued/limited": 3, "limits/bad_tokens": 3,
    }  # fmt: skip


async def test_full_and_away_are_told_apart(issuing) -> None:
    full = issuing(tokens=MemoryTokens(most=1))
    await ask(full)
    await ask(full, status=503)
    assert counted(full) == {"tokens_not_issued/full": 1}
    no_store = issuing(tokens=Away())
    await ask(no_store, status=503)
    assert counted(no_store) == {"tokens_not_issued/store": 1, "errors/store": 1}
    no_issuer = issuing(identity=NobodyKnown(SECRET))
    await ask(no_issuer, status=503)
    assert counted(no_issuer) == {"tokens_not_issued/issuer": 1, "errors/issuer": 1}
    closing = issuing()
    closing.desk.closing = True
    await ask(closing, status=503)
    assert counted(closing) == {"tokens_not_issued/closing": 1}
