from __future__ import annotations

import secrets

import pytest

from contoso_lab.errors import ConfigError, SessionRefused
from contoso_lab.relay.access.tokens import ELSEWHERE, EXPIRED, UNKNOWN, USED, Grant, MemoryTokens, Tokens

MAYA = Grant("voice", "maya", "first_call")


def test_a_token_opens_one_call_and_is_bound_to_what_was_asked():
    tokens = Tokens()
    token = tokens.issue(MAYA, at_s=10)
    assert tokens.redeem(token, at_s=11) == MAYA
    with pytest.raises(SessionRefused) as refused:
        tokens.redeem(token, at_s=12)
    assert refused.value.reason == USED
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("after_s", "reason"), [(299.9, None), (300, EXPIRED), (599, EXPIRED), (600, UNKNOWN), (1e9, UNKNOWN)]
)
def test_a_token_lives_five_minutes_and_is_remembered_for_five_more(after_s: float, reason: str | None):
    tokens = Tokens()
    token = tokens.issue(MAYA, at_s=1000)
    if reason is None:
        assert tokens.redeem(token, at_s=1000 + after_s) == MAYA
    else:
        with pytest.raises(SessionRefused) as refused:
            tokens.redeem(token, at_s=1000 + after_s)
        assert refused.value.reason == reason


def test_what_is_over_is_swept_by_use_alone():
    tokens = Tokens()
    for second in range(50):
        tokens.issue(MAYA, at_s=second)
    assert len(tokens) == 50
    tokens.issue(MAYA, at_s=620.5)
    assert len(tokens) == 50 - 21 + 1
    with pytest.raises(SessionRefused):
        tokens.redeem("x", at_s=10_000)
    assert len(tokens) == 0


def test_a_token_has_256_random_bits_fits_into_a_url_and_is_not_kept():
    tokens = Tokens()
    issued = {tokens.issue(MAYA, at_s=0) for _ in range(1000)}
    assert len(issued) == 1000
    assert all(len(token) == 43 for token in issued)  # ceil(256 / 6) characters of base64
    assert all(
        set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") for token in issued
    )
    kept = repr(vars(tokens))
    assert not any(token in kept for token in issued)


def test_ten_thousand_wrong_tokens_find_none():
    tokens = Tokens()
    right = [tokens.issue(MAYA, at_s=0) for _ in range(100)]
    for _ in range(10_000):
        with pytest.raises(SessionRefused, match="unknown"):
            tokens.redeem(secrets.token_urlsafe(32), at_s=1)
    for near in (right[0][:-1], right[0] + "A", right[0].swapcase(), "", "é" * 43, "\ud800"):
        with pytest.raises(SessionRefused, match="unknown"):
            tokens.redeem(near, at_s=1)
    assert all(tokens.redeem(token, at_s=1) == MAYA for token in right)


def test_the_number_of_tokens_is_bounded():
    tokens = Tokens(most=3)
    for _ in range(3):
        tokens.issue(MAYA, at_s=0)
    with pytest.raises(SessionRefused) as refused:
        tokens.issue(MAYA, at_s=0)
    assert refused.value.status == 503
    tokens.issue(MAYA, at_s=600)


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "a" * 65, "a b", "a\nb"])
def test_a_name_that_could_leave_its_folder_is_refused(name: str):
    with pytest.raises(ConfigError, match="is no name"):
        Grant(name, "maya")


@pytest.mark.parametrize(
    ("bound", "shown", "let_in"),
    [
        (None, None, True),
        (None, "https://lab.example", True),
        ("https://lab.example", "https://LAB.example", True),
        ("https://lab.example", "https://evil.example", False),
        ("https://lab.example", "http://lab.example", False),
        ("https://lab.example", None, False),
    ],
)
def test_a_token_of_a_page_opens_a_call_from_its_origin_only_and_the_attempt_spends_it(bound, shown, let_in):
    tokens = Tokens()
    grant = Grant("voice", "maya", origin=bound)
    token = tokens.issue(grant, at_s=0)
    if let_in:
        assert tokens.redeem(token, at_s=1, origin=shown) == grant
    else:
        with pytest.raises(SessionRefused) as refused:
            tokens.redeem(token, at_s=1, origin=shown)
        assert (refused.value.status, refused.value.reason) == (401, ELSEWHERE)
    with pytest.raises(SessionRefused) as refused:
        tokens.redeem(token, at_s=2, origin=bound)
    assert refused.value.reason == USED


def test_tokens_may_live_shorter_than_others_and_never_longer():
    tokens = Tokens(lifetime_s=300)
    long, short = tokens.issue(MAYA, at_s=0, lifetime_s=7200), tokens.issue(MAYA, at_s=0, lifetime_s=10)
    for token, at_s, reason in ((short, 10, EXPIRED), (short, 20, UNKNOWN), (long, 300, EXPIRED), (long, 600, UNKNOWN)):
        with pytest.raises(SessionRefused) as refused:
            tokens.redeem(token, at_s=at_s)
        assert refused.value.reason == reason
    assert len(tokens) == 0


async def test_a_full_store_says_when_there_is_room():
    now = [0.0]
    store = MemoryTokens(clock=lambda: now[0], most=1)
    await store.issue(MAYA)
    now[0] = 500
    with pytest.raises(SessionRefused) as refused:
        await store.issue(MAYA)
    assert (refused.value.status, refused.value.retry_after_s) == (503, 100)
    now[0] = 600
    assert (await store.issue(MAYA, prefix="ek_")).startswith("ek_")
    assert len(store) == 1
    await store.close()
