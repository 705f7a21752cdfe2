from __future__ import annotations

import pytest

from contoso_lab.relay.calls.closing import Close, passed_on


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", Close(1000)),
        (1000, "thanks", Close(1000, "thanks")),
        (1005, "", Close(1000)),
        (1001, "", Close(1001)),
        (1013, "later", Close(1013, "later")),
        (3000, "", Close(3000)),
        (4008, "session limit", Close(4008, "session limit")),
        (4999, "", Close(4999)),
        (1006, "", Close(1011, "the target went away without a goodbye")),
        (1015, "", Close(1011, "the target went away without a goodbye")),
        (1004, "", Close(1011, "the target went away without a goodbye")),
        (5000, "odd", Close(1011, "odd")),
    ],
)
def test_what_a_goodbye_means_to_the_other_side(code, reason, expected):
    assert passed_on(code, reason, who="the target") == expected


@pytest.mark.parametrize("reason", ["x" * 500, "é" * 500, "\U0001f44b" * 500, "fits"])
def test_every_reason_fits_into_a_close_frame(reason):
    assert len(Close(1000, reason).reason.encode()) <= 123
