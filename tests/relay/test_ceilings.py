"""An hour of calls in virtual time."""

from __future__ import annotations

import pytest

from contoso_lab.errors import ConfigError
from contoso_lab.relay.calls.ceilings import Announce, CallLimits, Ceilings, Decision, Stop
from contoso_lab.relay.calls.prices import FREE, PRICES

PRICE = PRICES["gpt-realtime"]


def dollars(usd: float) -> dict:
    """A usage that costs this much."""
    return {"output_tokens": 0, "output_token_details": {"audio_tokens": round(usd * 1e6 / 64)}}


def kinds(decisions: tuple[Decision, ...] | list[Decision]) -> list[str]:
    return [f"{type(one).__name__} {one.reason}" for one in decisions]


def live(watch: Ceilings, *, until_s: float) -> list[tuple[float, str]]:
    """Call `tick` when it wants to be called, and nowhen else."""
    told = []
    while (next_s := watch.next_s) is not None and next_s <= until_s:
        found = watch.tick(next_s)
        assert found, "tick asked to be called for nothing"
        told += [(next_s, kind) for kind in kinds(found)]
    return told


def test_without_ceilings_nothing_ever_happens() -> None:
    watch = Ceilings(CallLimits())
    assert (watch.begin(5), watch.next_s, watch.tick(1e9), watch.used(dollars(9), 6)) == ((), None, (), ())


def test_a_call_ends_when_its_time_is_up_and_is_told_before() -> None:
    watch = Ceilings(CallLimits(wall_s=600))
    assert watch.begin(1000) == ()
    assert live(watch, until_s=9999) == [(1570, "Announce time"), (1600, "Stop time")]
    assert watch.tick(1601) == ()


def test_a_late_tick_tells_the_time_that_is_left() -> None:
    watch = Ceilings(CallLimits(wall_s=600))
    watch.begin(0)
    assert watch.tick(590) == (Announce("time", 10),)
    assert watch.tick(591) == ()
    [stop] = watch.tick(700)
    assert stop == Stop("time", "this call has lasted 10 minutes, which is its ceiling: begin another one")


def test_a_very_short_call_is_announced_at_its_beginning() -> None:
    watch = Ceilings(CallLimits(wall_s=10))
    assert watch.begin(0) == (Announce("time", 10),)
    assert live(watch, until_s=99) == [(10, "Stop time")]


def test_spend_is_announced_when_half_a_minute_more_would_pass_the_ceiling() -> None:
    watch = Ceilings(CallLimits(spend_usd=1.0), PRICE)
    watch.begin(0)
    for second in range(0, 550, 10):  # a cent every ten seconds: 3 cents in half a minute
        watch.used(dollars(0.01), second)
    told = [(second, watch.used(dollars(0.06), second)) for second in (550, 560, 570, 580, 590)]
    assert [(second, found) for second, found in told if found] == [
        (590, (Announce("spend", 30),)),  # 0.85 are spent and 0.31 of it in the last minute: 1.005 in half a minute
    ]


def test_spend_stops_half_a_minute_after_it_was_announced_at_the_latest() -> None:
    watch = Ceilings(CallLimits(spend_usd=1.0), PRICE)
    watch.begin(0)
    assert watch.used(dollars(0.5), 0) == ()
    assert watch.used(dollars(0.4), 30) == (Announce("spend", 30),)  # 0.9 + 0.9 / 2
    assert watch.next_s == 60
    assert live(watch, until_s=99) == [(60, "Stop spend")]
    assert watch.spent_usd == pytest.approx(0.9, abs=1e-4)


def test_spend_stops_when_the_ceiling_is_reached_before_that() -> None:
    watch = Ceilings(CallLimits(spend_usd=1.0), PRICE)
    watch.begin(0)
    assert kinds(watch.used(dollars(0.8), 0)) == ["Announce spend"]
    assert kinds(watch.used(dollars(0.3), 10)) == ["Stop spend"]
    assert (watch.next_s, watch.used(dollars(1), 11), watch.tick(99)) == (None, (), ())


def test_a_single_bill_beyond_the_ceiling_is_told_and_ends_at_once() -> None:
    watch = Ceilings(CallLimits(spend_usd=1.0), PRICE)
    watch.begin(0)
    assert watch.used(dollars(2), 5)[0] == Announce("spend", 0)
    assert kinds(Ceilings(CallLimits(spend_usd=1.0), PRICE).used(dollars(2), 5)) == ["Announce spend", "Stop spend"]


def test_old_bills_do_not_count_for_the_rate() -> None:
    watch = Ceilings(CallLimits(spend_usd=1.0), PRICE)
    watch.begin(0)
    assert watch.used(dollars(0.6), 0) == ()
    assert watch.used(dollars(0.2), 61) == ()  # 0.8 + 0.1
    assert kinds(watch.used(dollars(0.1), 62)) == ["Announce spend"]  # 0.9 + 0.15


def test_the_local_engine_costs_nothing() -> None:
    watch = Ceilings(CallLimits(spend_usd=0.01), FREE)
    watch.begin(0)
    assert watch.used(dollars(500), 1) == ()
    assert watch.spent_usd == 0


def test_a_quiet_call_ends_and_an_open_microphone_does_not_keep_it() -> None:
    watch = Ceilings(CallLimits(idle_s=300))
    watch.begin(0)
    watch.active(200)
    assert live(watch, until_s=499) == []
    assert live(watch, until_s=500) == [(500, "Stop idle")]


def test_the_ceilings_stand_side_by_side() -> None:
    watch = Ceilings(CallLimits(wall_s=100, spend_usd=1, idle_s=90), PRICE)
    watch.begin(0)
    assert kinds(watch.used(dollars(0.9), 69)) == ["Announce spend"]
    assert live(watch, until_s=999) == [(70, "Announce time"), (90, "Stop idle")]


def test_what_is_announced_is_a_lab_event() -> None:
    assert Announce("spend", 29.99999).event() == {"type": "lab.ending", "reason": "spend", "in_s": 30.0}


@pytest.mark.parametrize("limits", [{"wall_s": 0}, {"spend_usd": -1}, {"idle_s": float("nan")}])
def test_a_ceiling_is_more_than_nothing(limits: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(limits))):
        CallLimits(**limits)


def test_a_spend_ceiling_without_a_price_is_refused() -> None:
    with pytest.raises(ConfigError, match="price"):
        Ceilings(CallLimits(spend_usd=1))
