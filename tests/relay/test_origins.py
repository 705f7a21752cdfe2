from __future__ import annotations

import pytest

from contoso_lab.relay.access.origins import OriginPolicy, is_loopback

POLICY = OriginPolicy(frozenset({"https://lab.example"}))


@pytest.mark.parametrize(
    ("origin", "host", "called_at", "let_in"),
    [
        (None, "127.0.0.1:8901", "127.0.0.1", True),  # a program
        ("http://localhost:8888", "127.0.0.1:8901", "127.0.0.1", True),  # JupyterLab beside us
        ("http://127.0.0.1:8888", "localhost:8901", "127.0.0.1", True),
        ("http://[::1]:8888", "[::1]:8901", "::1", True),
        ("https://lab.example", "127.0.0.1:8901", "127.0.0.1", True),  # named at the start
        ("https://lab.example", "lab.example", "127.0.0.1", True),  # behind a proxy of that name
        ("https://relay.example", "relay.example", "10.0.0.7", True),  # our own origin
        ("https://evil.example", "127.0.0.1:8901", "127.0.0.1", False),
        ("https://evil.example", "evil.example", "127.0.0.1", False),  # its name pointed at us
        (None, "evil.example:8901", "127.0.0.1", False),
        ("https://localhost.evil.example", "127.0.0.1:8901", "127.0.0.1", False),
        ("http://lab.example", "127.0.0.1:8901", "127.0.0.1", False),  # another scheme is another origin
        ("null", "127.0.0.1:8901", "127.0.0.1", False),  # a file, a sandboxed frame
        ("file://localhost", "127.0.0.1:8901", "127.0.0.1", False),
        ("http://[", "127.0.0.1:8901", "127.0.0.1", False),
    ],
)
def test_who_may_knock(origin, host, called_at, let_in):
    refusal = POLICY.refusal(origin, host=host, called_at=called_at)
    assert (refusal is None) is let_in
    assert refusal is None or "--allow-origin" in refusal


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "LOCALHOST", "lab.localhost", "localhost."])
def test_names_of_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.nip.io", "localhost.evil", "", None])
def test_names_of_other_machines(host):
    assert not is_loopback(host)
