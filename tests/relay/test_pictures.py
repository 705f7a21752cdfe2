"""The pictures of the catalogue, and nothing else of its folder."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from contoso_lab.relay.app import create_app
from contoso_lab.settings import Target
from contoso_lab.shop import Catalog


@pytest.fixture
def web(test_setup) -> TestClient:
    return TestClient(create_app(Target.local("http://127.0.0.1:9/v1"), runs=None, setup=test_setup))


def test_every_picture_that_the_catalogue_names_is_there(web):
    for product in Catalog.load():
        answer = web.get(product.image)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml"), product
        assert answer.content == product.image_path.read_bytes()
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_page_of_this_machine_may_read_it(web):
    answer = web.get("/images/TEN-02.svg", headers={"Origin": "http://localhost:8888", "Host": "127.0.0.1:8901"})
    assert answer.headers["access-control-allow-origin"] == "http://localhost:8888"


@pytest.mark.parametrize("name", ["nothing.svg", "..%2Fcatalog.json", "%2e%2e/catalog.json", "catalog.json", "TEN-02"])
def test_nothing_else_is(web, name):
    assert web.get(f"/images/{name}").status_code == 404
