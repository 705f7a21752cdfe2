"""Once over https and below a hub's base URL: the page, its microphone, its sockets and its pictures."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contoso_lab.recording import Recording
from tests.browser.rig import CHROMIUM, Lab, new_tab, running_lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Made here, for 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[Lab]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    with running_lab(tmp_path_factory.mktemp("lab"), base="/user/maya/", tls=certificate) as running:
        yield running


def test_a_call_over_https_below_a_base_url(lab: Lab, chromium: Any) -> None:
    assert lab.url.startswith("https://")
    with new_tab(lab, chromium) as tab:
        tab.open_notebook(lab.notebook("over.ipynb", "import contoso_lab as lab\nconsole = lab.talk()\nconsole"))
        tab.run_all()
        tab.click(".clc >> text=Connect and talk")
        tab.until(
            "() => [...document.querySelectorAll('.clc-turn.is-user .clc-heard')].some(each => each.innerText.trim())"
        )
        tab.until("() => document.querySelectorAll('.clc-turn.is-assistant').length >= 2")
        taken = tab.close_microphone()
        tab.click(".clc >> text=Hang up")
        tab.phase("ended", "idle")
        picture = tab.page.evaluate(
            "async (url) => { const it = await fetch(url); return [it.status, it.headers.get('content-type')]; }",
            f"{lab.url}contoso-lab/images/TEN-01.svg",
        )
        assert picture == [200, "image/svg+xml"]
        assert tab.errors == []
        assert tab.strangers == []
    recording = Recording.open(max(path for path in lab.runs.iterdir() if (path / "manifest.json").exists()))
    assert recording.manifest.counts["samples_in"] == taken
