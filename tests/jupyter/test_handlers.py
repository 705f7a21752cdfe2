from __future__ import annotations

import json
from typing import Any

import pytest

from tests.jupyter.conftest import BASE, TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_status_is_for_those_who_are_signed_in(server):
    answer = await server.fetch("status")
    assert answer.code == 200
    assert json.loads(answer.body)["state"] == "ready"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await server.fetch("status", headers={})).code == 403


async def test_start_and_stop_are_asked_of_the_keeper(server):
    for path in ("start", "stop"):
        answer = await server.fetch(path, method="POST", body=b"")
        assert answer.code == 200
    assert server.keeper.calls == ["start", "stop"]


async def test_the_demo_is_voilas_page_and_the_relay_begins_to_start(server):
    answer = await server.fetch("demo")
    assert answer.code == 302
    assert answer.headers["Location"] == f"{BASE}voila/render/demo.ipynb"
    assert server.keeper.calls == ["start"]


async def test_a_demo_out_of_reach_says_what_to_do(server, monkeypatch, tmp_path):
    monkeypatch.setitem(server.app.web_app.settings, "server_root_dir", str(tmp_path / "elsewhere"))
    answer = await server.fetch("demo")
    assert answer.code == 404
    assert "open it with make lab" in answer.reason


async def test_kernels_are_told_of_the_extension_and_its_end(server):
    (place,) = (server.home / "runtime").glob("contoso-lab-*.json")
    entry: dict[str, Any] = json.loads(place.read_text())
    assert place.stat().st_mode & 0o777 == 0o600
    assert entry["runs"] == str(server.home / "runs")
    assert entry["state"] == "stopped"
    assert TOKEN not in place.read_text()
    await server.app.extension.stop_extension()
    assert not place.exists()
