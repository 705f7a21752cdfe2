"""Both adapters over TLS and behind proxies, and what happens where picows cannot be used."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import urllib.request
from asyncio import to_thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contoso_lab.errors import ConfigError, SessionRefused
from contoso_lab.listening import Certificate
from contoso_lab.relay.wires import dial as dialling
from contoso_lab.relay.wires import picows_door
from contoso_lab.relay.wires.dial import dial
from contoso_lab.settings import Target

from .adapters import serve_line  # noqa: TID252 - the tests are no package


@pytest.fixture(params=["picows", "starlette"])
def door(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    """Made here, for 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return Certificate(folder / "cert.pem", folder / "key.pem")


@pytest.fixture
def trusting(certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate.certificate)


async def test_calls_over_tls(door, certificate, trusting):
    certificate.check()
    big = "x" * 3_000_000
    async with serve_line(door, certificate=certificate) as line, line.call(ssl=trusting) as socket:
        assert line.url.startswith("wss://")
        for message in ("hello", big, "again", big):
            await socket.send(message)
            assert await socket.recv() == message
        assert line.desk.handshake.secure is True
        await socket.close(4001, "enough")
        assert await line.ear.until_gone() == (4001, "enough")


async def test_a_message_that_is_too_big_over_tls(door, certificate, trusting):
    async with serve_line(door, certificate=certificate) as line:
        socket = await line.call(ssl=trusting)
        try:
            await socket.send("x" * (16 * 2**20 + 1))
            await socket.recv()
        except Exception:  # noqa: BLE001, S110 - the close tells
            pass
        await socket.wait_closed()
        assert socket.close_code == 1009
        assert (await line.ear.until_gone())[0] == 1009


@pytest.mark.parametrize("portable", [False, True])
async def test_a_target_over_tls_needs_a_certificate_to_be_trusted(certificate, trusting, monkeypatch, portable):
    async with serve_line("picows", certificate=certificate) as line:
        target = Target.local(line.url.replace("wss", "https") + "/v1")
        with pytest.raises(SessionRefused, match=r"the certificate of 127\.0\.0\.1:\d+ is not to be trusted"):
            await dial(target, portable=portable, timeout_s=5)
        monkeypatch.setattr(dialling, "_tls", lambda: trusting)
        line.desk.greeting = b'{"type":"session.created"}'
        dialled = await dial(target, portable=portable, timeout_s=5)
        assert dialled.created == line.desk.greeting
        await dialled.drop()


@pytest.mark.parametrize(
    ("trusted", "seen", "secure"),
    [((), "127.0.0.1", False), (("192.0.2.0/24",), "127.0.0.1", False), (("127.0.0.0/8",), "203.0.113.5", True)],
)
async def test_a_proxy_is_believed_only_when_it_is_named(door, trusted, seen, secure):
    headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.5", "X-Forwarded-Proto": "https"}
    async with serve_line(door, trusted_proxies=trusted) as line:
        async with line.call(additional_headers=headers):
            assert (line.desk.handshake.client_host, line.desk.handshake.secure) == (seen, secure)
        request = urllib.request.Request(line.url.replace("ws", "http") + "/who", headers=headers)

        def ask():
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.loads(answer.read())

        assert await to_thread(ask) == {"client": seen, "scheme": "https" if secure else "http"}


async def test_another_websocket_of_the_application_is_not_ours():
    """picows' door leaves what is no door of the relay to the web server."""
    async with serve_line("picows") as line, line.call("/elsewhere") as socket:
        await socket.send("x" * 100_000)
        assert await socket.recv() == "x" * 100_000
        leg = await line.leg()
    assert type(leg).__name__ == "SocketLeg"


@pytest.mark.parametrize(("version", "why"), [("9.9.9", "picows 9.9.9 was not tried"), ("2.3.1", None)])
def test_only_versions_that_were_tried_are_built_by_hand(monkeypatch, version, why):
    monkeypatch.setattr(picows_door, "version", lambda _: version)
    said = picows_door.why_not()
    assert said is None if why is None else why in said


def test_another_way_to_be_built_is_found_out(monkeypatch):
    class Other:
        def __init__(self, one):
            pass

    monkeypatch.setattr(picows_door, "WSProtocol", Other)
    assert "in another way" in picows_door.why_not()


def test_without_picows(monkeypatch):
    monkeypatch.setattr(picows_door, "picows", None)
    assert picows_door.why_not() == "picows is not installed"


@pytest.mark.parametrize("fault", ["missing", "no certificate", "not its key"])
def test_a_certificate_that_cannot_be_used_is_one_sentence(certificate, tmp_path, fault):
    other = tmp_path / "other.pem"
    match fault:
        case "missing":
            wrong = Certificate(tmp_path / "nowhere.pem", certificate.key)
        case "no certificate":
            other.write_text("hello", encoding="utf-8")
            wrong = Certificate(other, certificate.key)
        case _:
            key = ec.generate_private_key(ec.SECP256R1())
            form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            other.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
            wrong = Certificate(certificate.certificate, other)
    with pytest.raises(ConfigError, match=r"cannot be read|are no certificate and its key"):
        wrong.check()
