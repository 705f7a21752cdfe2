"""When it rings: by example, and as a machine that hypothesis plays with."""

from __future__ import annotations

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contoso_lab.agent.ringing import (
    LONGEST_CALL_S,
    RINGS_S,
    Accepted,
    Answered,
    Connect,
    Declined,
    Dialled,
    Ended,
    HangUp,
    Passed,
    Refuse,
    Ring,
    Ringing,
    RingingEvent,
    Signal,
    StopRinging,
)
from contoso_lab.errors import ShopError


class Phone:
    """A ringing with a clock; it is written down and read again after every step, as a restart would."""

    def __init__(self) -> None:
        self.state = Ringing()
        self.now_s = 1_000.0

    def tell(self, event: RingingEvent, *, after_s: float = 1.0) -> tuple[Signal, ...]:
        self.now_s += after_s
        state, signals = self.state.receive(event, now_s=self.now_s)
        self.state = Ringing.from_dict(json.loads(json.dumps(state.to_dict())))
        assert self.state == state
        return signals


def test_it_rings_at_five_with_consent_and_the_score_is_reset() -> None:
    phone = Phone()
    assert phone.tell(Answered(call=5, consent="m1")) == (Ring(1),)
    assert (phone.state.phase, phone.state.score) == ("ringing", 0)
    assert phone.tell(Accepted()) == (StopRinging(1, "accepted"), Connect(1))
    assert phone.tell(Ended()) == (HangUp(1, "ended"),)
    assert phone.state.phase == "idle"


@pytest.mark.parametrize(("call", "consent"), [(4, "m1"), (5, None), (1, None)])
def test_it_does_not_ring_without_both(call: int, consent: str | None) -> None:
    phone = Phone()
    assert phone.tell(Answered(call, consent)) == ()
    assert (phone.state.phase, phone.state.score) == ("idle", call)


def test_consent_given_before_the_score_is_five_still_counts() -> None:
    phone = Phone()
    assert phone.tell(Answered(4, "m1")) == ()
    assert phone.tell(Answered(5, "m1")) == (Ring(1),)


@pytest.mark.parametrize("end", [Declined(), Passed()])
def test_who_declined_or_did_not_answer_is_rung_again_only_for_a_new_wish(end: RingingEvent) -> None:
    phone = Phone()
    phone.tell(Answered(5, "m1"))
    assert phone.tell(end, after_s=RINGS_S)[0].number == 1
    assert phone.tell(Answered(5, "m1")) == ()
    assert phone.tell(Answered(5, None)) == ()
    assert phone.tell(Answered(5, "m2")) == (Ring(2),)


def test_a_wish_during_a_call_does_not_ring_when_the_call_is_over() -> None:
    phone = Phone()
    phone.tell(Dialled())
    assert phone.tell(Answered(5, "m1")) == ()
    phone.tell(Ended())
    assert phone.tell(Answered(5, "m1")) == ()


def test_it_rings_for_thirty_seconds() -> None:
    phone = Phone()
    phone.tell(Answered(5, "m1"))
    assert phone.state.due_s == phone.now_s + 30
    assert phone.tell(Passed(), after_s=29.9) == ()
    assert phone.tell(Passed(), after_s=0.1) == (StopRinging(1, "timeout"),)


def test_who_picks_up_too_late_is_told_so() -> None:
    phone = Phone()
    phone.tell(Answered(5, "m1"))
    assert phone.tell(Accepted(1), after_s=31) == (StopRinging(1, "timeout"), Refuse("missed"))
    assert phone.state.phase == "idle"


def test_the_phone_button_calls_picks_up_and_is_busy() -> None:
    phone = Phone()
    assert phone.tell(Dialled()) == (Connect(1),)
    assert phone.tell(Dialled()) == (Refuse("busy"),)
    phone.tell(Ended())
    phone.tell(Answered(5, "m1"))
    assert phone.tell(Dialled()) == (StopRinging(2, "accepted"), Connect(2))


def test_a_second_window_that_picks_up_is_busy_and_an_old_one_ends_nothing() -> None:
    phone = Phone()
    phone.tell(Answered(5, "m1"))
    phone.tell(Accepted(1))
    assert phone.tell(Accepted(1)) == (Refuse("busy"),)
    phone.tell(Ended(1))
    phone.tell(Dialled())
    assert phone.tell(Ended(1)) == ()
    assert phone.state.phase == "call"


def test_a_call_that_nobody_ended_does_not_block_the_phone_for_ever() -> None:
    phone = Phone()
    phone.tell(Dialled())
    assert phone.tell(Dialled(), after_s=LONGEST_CALL_S) == (HangUp(1, "lost"), Connect(2))


@pytest.mark.parametrize(
    "broken",
    [{"phase": "singing"}, {"number": -1}, {"number": "1"}, {"since_s": float("nan")}, {"used": "m1"}, {"more": 1}],
)
def test_what_was_not_written_by_us_is_not_read(broken: dict[str, object]) -> None:
    with pytest.raises(ShopError, match=r"state\['call'\]"):
        Ringing.from_dict(broken)


class Rings(RuleBasedStateMachine):
    """Anything in any order: what always holds is checked after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.phone = Phone()
        self.rung: list[str] = []
        self.ringing: int | None = None
        self.calling: int | None = None
        self.numbers: list[int] = []

    def tell(self, event: RingingEvent, after_s: float) -> tuple[Signal, ...]:
        signals = self.phone.tell(event, after_s=after_s)
        for signal in signals:
            match signal:
                case Ring(number):
                    assert self.ringing is None, "two rings at once"
                    assert self.calling is None, "it rings during a call"
                    assert number not in self.numbers
                    self.ringing = number
                    self.numbers.append(number)
                case StopRinging(number):
                    assert number == self.ringing
                    self.ringing = None
                case Connect(number):
                    assert self.ringing is None, "it rings on during the call"
                    assert self.calling is None, "two calls at once"
                    self.calling = number
                    self.numbers.append(number)
                case HangUp(number):
                    assert number == self.calling
                    self.calling = None
                case Refuse():
                    pass
        return signals

    waits = st.floats(0, 40)

    @rule(call=st.integers(1, 5), consent=st.none() | st.sampled_from("abcde"), after_s=waits)
    def answered(self, call: int, consent: str | None, after_s: float) -> None:
        rang = any(isinstance(one, Ring) for one in self.tell(Answered(call, consent), after_s))
        if rang:
            assert call == 5
            assert consent is not None
            assert consent not in self.rung, "the same wish rang twice"
            self.rung.append(consent)

    @rule(after_s=waits, number=st.none() | st.integers(0, 5))
    def accepts(self, after_s: float, number: int | None) -> None:
        before = self.calling
        signals = self.tell(Accepted(number), after_s)
        assert any(isinstance(one, Connect | Refuse) for one in signals)
        if any(isinstance(one, Refuse) and one.why == "busy" for one in signals):
            assert self.calling == before is not None

    @rule(after_s=waits)
    def dials(self, after_s: float) -> None:
        assert any(isinstance(one, Connect | Refuse) for one in self.tell(Dialled(), after_s))
        assert self.calling is not None

    @rule(after_s=waits)
    def declines(self, after_s: float) -> None:
        self.tell(Declined(), after_s)
        assert self.ringing is None

    @precondition(lambda self: self.calling is not None)
    @rule(after_s=waits)
    def hangs_up(self, after_s: float) -> None:
        self.tell(Ended(self.calling), after_s)
        assert self.calling is None

    @rule(after_s=st.floats(0, 3 * LONGEST_CALL_S))
    def time_passes(self, after_s: float) -> None:
        self.tell(Passed(), after_s)

    @invariant()
    def the_client_and_the_state_agree(self) -> None:
        phase = "call" if self.calling is not None else "ringing" if self.ringing is not None else "idle"
        assert self.phone.state.phase == phase
        due_s = self.phone.state.due_s
        assert (due_s is None) == (phase == "idle")
        assert due_s is None or due_s > self.phone.now_s


TestRings = Rings.TestCase
TestRings.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
